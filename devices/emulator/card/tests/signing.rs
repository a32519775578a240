//! COMPUTE DIGITAL SIGNATURE and INTERNAL AUTHENTICATE.

use super::*;

#[test]
fn the_signature_over_a_digest_info_is_accepted_by_an_independent_verifier() {
    let message = b"message";
    let info =
        "3031300d060960864801650304020105000420".to_owned() + &hex::encode(crate::crypto::sha256(message));
    for (select, key) in [("00A4020C020017", "80"), ("00A4020C020006", "97")] {
        let mut card = card();
        expect(&mut card, &[(SELECT_JPKI, 0x9000), (VERIFY_1234, 0x9000), (select, 0x9000)]);
        let (signature, status) = send(&mut card, &format!("802A00{key}33{info}00"));
        assert_eq!((signature.len(), status), (256, 0x9000));
        let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &keys().public);
        public.verify(message, &signature).unwrap();
    }
}

#[test]
fn wrong_parameters_and_lengths_have_their_status_words() {
    let mut card = card();
    expect(&mut card, &[(SELECT_JPKI, 0x9000), (VERIFY_1234, 0x9000), ("802A06970101 00", 0x6A86)]);
    expect(&mut card, &[("802A02970101 00", 0x6985), ("802A04970101 00", 0x6985)]);
    expect(&mut card, &[(&format!("802A0097F6{}00", "00".repeat(246)), 0x6700)]);
    expect(&mut card, &[(&format!("802A0097F5{}00", "00".repeat(245)), 0x9000)]);
    expect(&mut card, &[("802A00970101", 0x6700), ("802A00970101 FF", 0x6700), ("802A00000101 00", 0x6A86)]);
    expect(
        &mut card,
        &[("802A00980101 00", 0x6985), ("802A008A0101 00", 0x6981), ("802A009D0101 00", 0x6A88)],
    );
}

#[test]
fn the_common_application_signs_a_challenge_for_anybody() {
    let mut card = card();
    expect(&mut card, &[(SELECT_COMMON, 0x9000), ("00880099", 0x6700)]);
    let (signature, status) = send(&mut card, "00880099 04 01020304 00");
    assert_eq!((signature.len(), status), (256, 0x9000));
    let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &keys().public);
    public.verify(&[1, 2, 3, 4], &signature).unwrap();
    expect(&mut card, &[(SELECT_JPKI, 0x9000), ("00880097 01 01 00", 0x6985)]);
}

#[test]
fn the_default_key_exists_in_the_text_and_surface_applications() {
    let mut card = card();
    expect(&mut card, &[(SELECT_TEXT, 0x9000), ("802A00000101 00", 0x6982), ("002000910432333435", 0x9000)]);
    expect(&mut card, &[("802A00000101 00", 0x9000), (SELECT_JUKI, 0x9000), ("802A00000101 00", 0x6A86)]);
}
