//! READ BINARY in both addressing forms, bounded by the length that the file's own DER header tells and by
//! [`CERTIFICATE_BYTES_MAX`].

use crate::apdu::{Command, Expected, Header, Response};
use crate::der::sequence_bytes;
use crate::dialogue::{Addressing, Dialogue, Ef};
use crate::error::{CardError, CardFault, Refusal};
use crate::limits::{CERTIFICATE_BYTES_MAX, RESPONSE_DATA_BYTES_MAX, TOKEN_INFO_BYTES};
use crate::status::{Meaning, StatusWord};
use crate::token::TokenInfo;

impl Dialogue<'_> {
    /// Reads the first `bytes` of a file, at most 256, and leaves it current. Returns what the card gives, which may be
    /// less, or the status word of its refusal.
    fn read_start(&mut self, ef: Ef, bytes: usize) -> Result<Result<Vec<u8>, StatusWord>, CardFault> {
        let header = match self.read_form() {
            // The short form has an 8-bit offset only: it reads the start and makes the file current.
            Addressing::ShortId => Header::new(0x00, 0xB0, ef.short_id(), 0x00),
            Addressing::Current => {
                if let Err(status) = self.select_ef(ef)? {
                    return Ok(Err(status));
                }
                Header::new(0x00, 0xB0, 0x00, 0x00)
            }
        };
        let response = self.send("READ BINARY", &Command::case2(header, Expected::up_to(bytes)))?;
        let given = given(response);
        self.set_current(given.is_ok().then_some(ef));
        Ok(given)
    }

    pub(crate) fn read_token_info(&mut self) -> Result<TokenInfo, CardError> {
        const WHAT: &str = "the token information";
        match self.read_start(Ef::TokenInfo, TOKEN_INFO_BYTES)? {
            Ok(bytes) => TokenInfo::parse(&bytes)
                .ok_or_else(|| Refusal::Damaged { what: WHAT, why: "it is too short" }.into()),
            Err(status) => Err(Refusal::Unreadable { what: WHAT, status }.into()),
        }
    }

    /// Reads the certificate: its first 256 bytes, which hold its length, then exactly the rest.
    pub(crate) fn read_certificate(&mut self) -> Result<Vec<u8>, CardError> {
        const WHAT: &str = "the user-authentication certificate";
        let mut certificate = match self.read_start(Ef::AuthCertificate, RESPONSE_DATA_BYTES_MAX)? {
            Ok(start) => start,
            Err(status) => return Err(refused_certificate(status, WHAT).into()),
        };
        let damaged = |why| CardError::from(Refusal::Damaged { what: WHAT, why });
        let whole = sequence_bytes(&certificate).ok_or_else(|| damaged("it has no DER header"))?;
        if whole > CERTIFICATE_BYTES_MAX {
            return Err(damaged("its header tells a length no certificate has"));
        }
        while certificate.len() < whole {
            let offset = u16::try_from(certificate.len()).map_err(|_| damaged("it has no end"))?;
            let [high, low] = offset.to_be_bytes();
            let header = Header::new(0x00, 0xB0, high, low);
            let wanted = RESPONSE_DATA_BYTES_MAX.min(whole - certificate.len());
            let part = Command::case2(header, Expected::up_to(wanted));
            match given(self.send("READ BINARY", &part)?) {
                // A card gives less than asked for at the end of the file only.
                Ok(part) if part.len() >= wanted => certificate.extend(part),
                Ok(_) | Err(StatusWord(0x6B00)) => return Err(damaged("the file ends before it")),
                Err(status) => return Err(refused_certificate(status, WHAT).into()),
            }
        }
        // What the file holds after it is filler.
        certificate.truncate(whole);
        Ok(certificate)
    }
}

/// The data of a READ BINARY; at the end of a file `6282` may stand for `9000`.
fn given(response: Response) -> Result<Vec<u8>, StatusWord> {
    match response.status().meaning() {
        Meaning::Done | Meaning::EndOfFile => Ok(response.into_data()),
        _ => Err(response.status()),
    }
}

fn refused_certificate(status: StatusWord, what: &'static str) -> Refusal {
    match status.meaning() {
        Meaning::SecurityNotSatisfied => Refusal::Phone,
        Meaning::NotFound => Refusal::NoCertificate,
        _ => Refusal::Unreadable { what, status },
    }
}
