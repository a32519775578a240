//! Every limit of the card dialogue, units last.

/// Data of a short command (ISO/IEC 7816-4, 5.1: Lc is one byte).
pub const COMMAND_DATA_BYTES_MAX: usize = 255;

/// Data of a short response (Le `00`).
pub const RESPONSE_DATA_BYTES_MAX: usize = 256;

/// A certificate longer than this is not read. Certificates of the card are planned for up to 2,048 bytes.
pub const CERTIFICATE_BYTES_MAX: usize = 4096;

/// EF 0006, the token information.
pub const TOKEN_INFO_BYTES: usize = 160;

/// The user-authentication PIN (利用者証明用パスワード) has exactly this many digits.
pub const PIN_DIGITS: usize = 4;

/// What the card pads and signs in one command: PKCS#1 v1.5 needs 11 bytes of a 256-byte modulus.
pub const SIGN_INPUT_BYTES_MAX: usize = 245;

/// `61xx` and `6Cxx` answers that are followed for one command. This card is not known to send any.
pub const FOLLOW_UPS_MAX: usize = 8;

/// Data gathered from one command and its GET RESPONSEs.
pub const GATHERED_BYTES_MAX: usize = 2048;

const _: () = assert!(SIGN_INPUT_BYTES_MAX <= COMMAND_DATA_BYTES_MAX);
const _: () = assert!(TOKEN_INFO_BYTES <= RESPONSE_DATA_BYTES_MAX);
// READ BINARY has a 15-bit offset.
const _: () = assert!(CERTIFICATE_BYTES_MAX < 0x8000);
