//! `test-pki`: the test PKI from the command line. Thin: all work is in the library.

mod clock;

use std::error::Error;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};
use jiff::{SignedDuration, Timestamp};
use test_pki::{AuthCa, CardKey, CardPurpose, CardSpec, Pki, end_of_day_in_japan};

/// Makes and keeps a PKI for tests, demos and benches. Never for production.
///
/// DIR holds everything: authorities, anchors, keys (mode 0600), revocation lists. Commands may be
/// repeated: what exists is kept, what is missing is made. To start afresh, delete DIR.
#[derive(Parser)]
#[command(
    name = "test-pki",
    version,
    after_help = "\
Examples:
  test-pki create state/pki                 authorities, host keys, revocation lists
  test-pki terminal state/pki T0001         TLS, evidence and log keys of one terminal
  test-pki card state/pki card/             a card's key and certificate
  test-pki revoke state/pki card/card.crt.der
  test-pki show state/pki                   what there is and until when

Exit status: 0 done, 1 failed (the reason is on standard error), 2 wrong usage."
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make the PKI, or what is missing of it; renew revocation lists that end soon
    Create {
        /// Directory of the PKI
        dir: PathBuf,
    },
    /// Make a terminal's three keys and certificates (once; afterwards the same)
    Terminal {
        /// Directory of the PKI
        dir: PathBuf,
        /// Terminal id: 1 to 32 of A-Z, 0-9 and -
        id: String,
    },
    /// Make a card's key and certificate and write them to OUT
    Card(CardArguments),
    /// Put a certificate on its authority's revocation list
    Revoke {
        /// Directory of the PKI
        dir: PathBuf,
        /// The certificate, PEM or DER
        certificate: PathBuf,
    },
    /// List every certificate: path, end, serial number, SHA-256, name
    Show {
        /// Directory of the PKI
        dir: PathBuf,
    },
}

#[derive(clap::Args)]
struct CardArguments {
    /// Directory of the PKI
    dir: PathBuf,
    /// Folder for card.key.pem, card.crt.der and issuer.crt.der
    out: PathBuf,
    /// Which of the card's certificates
    #[arg(long, value_enum, default_value_t = Purpose::Auth)]
    purpose: Purpose,
    /// Who issues it; all generations have the same name
    #[arg(long, value_enum, default_value_t = Issuer::Generation2)]
    issuer: Issuer,
    /// The card's key; p256 and p384 are hypothetical and say so in the certificate
    #[arg(long, value_enum, default_value_t = Key::Rsa2048)]
    key: Key,
    /// Begins this many days from now
    #[arg(long, default_value_t = -30, allow_negative_numbers = true)]
    begins_days: i64,
    /// Ends this many days from now, at 23:59:59 in Japan; negative: has expired
    #[arg(long, default_value_t = 1500, allow_negative_numbers = true)]
    ends_days: i64,
    /// Make the certificate larger by a private extension of this many bytes
    #[arg(long, default_value_t = 0)]
    extra_bytes: u16,
}

#[derive(Clone, Copy, ValueEnum)]
enum Purpose {
    /// 利用者証明用
    Auth,
    /// 署名用
    Sign,
}

#[derive(Clone, Copy, ValueEnum)]
enum Issuer {
    #[value(name = "1")]
    Generation1,
    #[value(name = "2")]
    Generation2,
    /// Same name, in nobody's anchors
    Untrusted,
}

#[derive(Clone, Copy, ValueEnum)]
enum Key {
    Rsa2048,
    P256,
    P384,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments.command, clock::now(), &mut io::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report(error.as_ref(), &mut io::stderr().lock());
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command, now: Timestamp, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    match command {
        Command::Create { dir } => {
            let pki = Pki::open_or_create(&dir, now)?;
            writeln!(out, "test PKI in {}", dir.display())?;
            writeln!(out, "card anchors    {}", pki.layout().card_anchors().display())?;
            writeln!(out, "terminal anchor {}", pki.layout().terminal_anchor().display())?;
            writeln!(out, "host anchor     {}", pki.layout().host_anchor().display())?;
        }
        Command::Terminal { dir, id } => {
            let files = Pki::open_or_create(&dir, now)?.terminal(&id)?;
            for files in [files.tls, files.evidence, files.log] {
                writeln!(out, "{}", files.certificate.display())?;
                writeln!(out, "{}", files.key.display())?;
            }
        }
        Command::Card(arguments) => card(&arguments, now, out)?,
        Command::Revoke { dir, certificate } => {
            let pki = Pki::open(&dir, now)?;
            let authority = pki.revoke_certificate(&read_certificate(&certificate)?)?;
            writeln!(out, "revoked; new list: {}", pki.layout().crl(authority).display())?;
        }
        Command::Show { dir } => {
            for listed in Pki::open(&dir, now)?.certificates()? {
                let state = match listed.revoked {
                    Some(at) => format!("revoked {at:.0}"),
                    None if listed.not_after < now => format!("expired {:.0}", listed.not_after),
                    None => format!("until {:.0}", listed.not_after),
                };
                writeln!(out, "{:<32} {state}", listed.path.display())?;
                writeln!(out, "    serial {}  SHA-256 {}", listed.serial, listed.sha256)?;
                writeln!(out, "    {}", listed.subject)?;
            }
        }
    }
    Ok(())
}

fn card(arguments: &CardArguments, now: Timestamp, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let from_now = |days: i64| now.checked_add(SignedDuration::from_hours(days.saturating_mul(24)));
    let ends = from_now(arguments.ends_days)?;
    let spec = CardSpec {
        purpose: match arguments.purpose {
            Purpose::Auth => CardPurpose::UserAuthentication,
            Purpose::Sign => CardPurpose::Signature,
        },
        issuer: match arguments.issuer {
            Issuer::Generation1 => AuthCa::Generation1,
            Issuer::Generation2 => AuthCa::Generation2,
            Issuer::Untrusted => AuthCa::Untrusted,
        },
        key: match arguments.key {
            Key::Rsa2048 => CardKey::Rsa2048,
            Key::P256 => CardKey::P256,
            Key::P384 => CardKey::P384,
        },
        not_before: from_now(arguments.begins_days)?,
        not_after: end_of_day_in_japan(ends).unwrap_or(ends),
        extra_bytes: usize::from(arguments.extra_bytes),
    };
    let pki = Pki::open_or_create(&arguments.dir, now)?;
    let files = pki.save_card(&pki.issue_card(&spec)?, &arguments.out)?;
    for path in [files.key, files.certificate, files.issuer] {
        writeln!(out, "{}", path.display())?;
    }
    Ok(())
}

/// A certificate file as DER, whichever of the two forms it has.
fn read_certificate(path: &Path) -> Result<Vec<u8>, Box<dyn Error>> {
    let bytes = fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    match der::pem::decode_vec(&bytes) {
        Ok(("CERTIFICATE", der)) => Ok(der),
        _ => Ok(bytes),
    }
}

/// The error and its sources; nothing can be done when standard error is closed.
fn report(error: &dyn Error, to: &mut impl Write) {
    let mut text = format!("test-pki: {error}");
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(&format!(": {error}"));
        source = error.source();
    }
    let _ = writeln!(to, "{text}");
}
