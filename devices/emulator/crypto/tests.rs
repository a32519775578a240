//! Every scheme of the chip against an independent verifier (aws-lc).

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{
    KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256,
    UnparsedPublicKey,
};

use super::*;

struct Pair {
    chip: PrivateKey,
    public: Vec<u8>,
}

fn rsa_pair() -> Pair {
    let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let pkcs8 = pair.as_der().unwrap();
    Pair {
        chip: PrivateKey::from_pkcs8(pkcs8.as_ref()).unwrap(),
        public: pair.public_key().as_ref().to_vec(),
    }
}

#[test]
fn every_hashing_scheme_is_accepted_by_an_independent_verifier() {
    let pair = rsa_pair();
    let message = b"a message the card may hash itself";
    let hash = sha256(message);
    let pkcs1 = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &pair.public);
    let pss = UnparsedPublicKey::new(&RSA_PSS_2048_8192_SHA256, &pair.public);
    for round in 0..8 {
        let verbatim = pair.chip.sign(Scheme::Verbatim, &digest_info(&hash)).unwrap();
        pkcs1.verify(message, &verbatim).unwrap();
        pkcs1.verify(message, &pair.chip.sign(Scheme::WrapHash, &hash).unwrap()).unwrap();
        pkcs1.verify(message, &pair.chip.sign(Scheme::HashAndWrap, message).unwrap()).unwrap();
        pss.verify(message, &pair.chip.sign(Scheme::PssOfHash, &hash).unwrap()).unwrap();
        pss.verify(message, &pair.chip.sign(Scheme::HashAndPss, message).unwrap()).unwrap();
        assert_eq!(verbatim.len(), 256, "round {round}");
    }
}

#[test]
fn verbatim_padding_takes_any_digest_info() {
    let pair = rsa_pair();
    let message = b"message";
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA512, message);
    let prefix = hex::decode("3051300d060960864801650304020305000440").unwrap();
    let signature = pair.chip.sign(Scheme::Verbatim, &[prefix.as_slice(), hash.as_ref()].concat()).unwrap();
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA512, &pair.public).verify(message, &signature).unwrap();
}

#[test]
fn the_block_under_a_signature_is_the_padding_and_the_bytes_given() {
    let pair = rsa_pair();
    for length in [1, 51, 244, 245] {
        let input = vec![0xA5; length];
        let block = raise(&pair.public, &pair.chip.sign(Scheme::Verbatim, &input).unwrap());
        assert!(block.starts_with(&[0x01, 0xFF]), "{length}");
        assert!(block.ends_with(&input), "{length}");
        assert_eq!(block.len(), 255, "{length}: the leading 00 is not printed");
    }
    let bare = pair.chip.sign(Scheme::HashBare, b"message").unwrap();
    assert!(raise(&pair.public, &bare).ends_with(&[&[0x00][..], &sha256(b"message")].concat()));
}

/// RSAPublicKey of RFC 8017, A.1.1.
#[derive(der::Sequence)]
struct RsaPublicKey<'a> {
    modulus: der::asn1::UintRef<'a>,
    exponent: der::asn1::UintRef<'a>,
}

/// signature ^ e mod n, without leading zeros.
fn raise(public: &[u8], signature: &[u8]) -> Vec<u8> {
    use crypto_bigint::modular::{BoxedMontyForm, BoxedMontyParams};
    use crypto_bigint::{BoxedUint, Odd};
    let key = RsaPublicKey::from_der(public).unwrap();
    let number = |bytes: &[u8]| BoxedUint::from_be_slice(bytes, 2048).unwrap();
    let params = BoxedMontyParams::new(Odd::new(number(key.modulus.as_bytes())).unwrap());
    let power = BoxedMontyForm::new(number(signature), &params).pow(&number(key.exponent.as_bytes()));
    power.retrieve().to_be_bytes_trimmed_vartime().to_vec()
}

#[test]
fn inputs_of_the_wrong_length_are_refused() {
    let chip = rsa_pair().chip;
    assert_eq!(chip.sign(Scheme::Verbatim, &[0; 246]), Err(SignRefusal::TooLong));
    assert_eq!(chip.sign(Scheme::WrapHash, &[0; 31]), Err(SignRefusal::WrongHashLength));
    assert_eq!(chip.sign(Scheme::PssOfHash, &[0; 33]), Err(SignRefusal::WrongHashLength));
    assert_eq!(chip.sign(Scheme::HashAndWrap, &[0; 256]), Err(SignRefusal::TooLong));
}

#[test]
fn the_hypothetical_curves_answer_r_and_s_of_fixed_length() {
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{
        ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED,
        ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair,
    };
    let message = b"message";
    let random = SystemRandom::new();

    let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
    let public = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref()).unwrap();
    let chip = PrivateKey::from_pkcs8(document.as_ref()).unwrap();
    let signature = chip.sign(Scheme::Verbatim, &sha256(message)).unwrap();
    assert_eq!(signature.len(), 64);
    let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, public.public_key());
    key.verify(message, &signature).unwrap();
    assert_eq!(chip.sign(Scheme::WrapHash, &[0; 32]), Err(SignRefusal::SchemeUnknown));

    let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, &random).unwrap();
    let public = EcdsaKeyPair::from_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, document.as_ref()).unwrap();
    let chip = PrivateKey::from_pkcs8(document.as_ref()).unwrap();
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA384, message);
    let signature = chip.sign(Scheme::Verbatim, hash.as_ref()).unwrap();
    assert_eq!(signature.len(), 96);
    let key = UnparsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, public.public_key());
    key.verify(message, &signature).unwrap();
    assert_eq!(chip.sign(Scheme::Verbatim, &[0; 32]), Err(SignRefusal::WrongHashLength));
}

#[test]
fn what_is_no_key_is_refused() {
    assert!(matches!(PrivateKey::from_pkcs8(&[]), Err(KeyFault::Pkcs8(_))));
    assert!(matches!(PrivateKey::from_pkcs8(&[0x30, 0x00]), Err(KeyFault::Pkcs8(_))));
    assert!(matches!(RsaKey::from_der(&[0x30, 0x03, 0x02, 0x01, 0x00]), Err(RsaKeyFault::Encoding(_))));
}

proptest::proptest! {
    #[test]
    fn a_damaged_key_is_refused_or_signs_nonsense_and_never_panics(at in 0usize..1200, mask in 1u8..) {
        static KEY: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();
        let mut pkcs8 = KEY
            .get_or_init(|| KeyPair::generate(KeySize::Rsa2048).unwrap().as_der().unwrap().as_ref().to_vec())
            .clone();
        pkcs8[at] ^= mask;
        if let Ok(key) = PrivateKey::from_pkcs8(&pkcs8) {
            proptest::prop_assert_eq!(key.sign(Scheme::Verbatim, &[1]).map(|signature| signature.len()), Ok(256));
        }
    }
}
