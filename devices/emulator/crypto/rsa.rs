//! The RSA private operation on one block of the modulus' size, by the Chinese remainder theorem.
//!
//! No padding in here: a chip that pads bytes verbatim signs what no signature library would, so the operation is
//! built on plain Montgomery arithmetic. Keys are of a test card: no blinding against an observer of time or power.

use crypto_bigint::modular::{BoxedMontyForm, BoxedMontyParams};
use crypto_bigint::{BoxedUint, ConcatenatingMul, NonZero, Odd};
use der::Sequence;
use der::asn1::UintRef;

/// RSAPrivateKey of RFC 8017, A.1.2, two primes.
#[derive(Sequence)]
struct RsaPrivateKey<'a> {
    version: u8,
    modulus: UintRef<'a>,
    public_exponent: UintRef<'a>,
    private_exponent: UintRef<'a>,
    prime1: UintRef<'a>,
    prime2: UintRef<'a>,
    exponent1: UintRef<'a>,
    exponent2: UintRef<'a>,
    coefficient: UintRef<'a>,
}

/// One prime with the exponent that belongs to it.
struct Half {
    prime: NonZero<BoxedUint>,
    params: BoxedMontyParams,
    exponent: BoxedUint,
}

/// An RSA private key, ready to use.
pub(crate) struct RsaKey {
    first: Half,
    second: Half,
    /// second prime ^ -1 mod first prime.
    coefficient: BoxedMontyForm,
    modulus: BoxedUint,
    modulus_bytes: usize,
}

/// The bytes are not an RSA private key that this chip can hold.
#[derive(Debug, thiserror::Error)]
pub enum RsaKeyFault {
    /// Not an RSAPrivateKey structure.
    #[error("not an RSAPrivateKey")]
    Encoding(#[source] der::Error),
    /// Its numbers do not fit each other.
    #[error("the numbers of the RSA private key do not fit each other")]
    Numbers,
}

impl RsaKey {
    /// Reads an RSAPrivateKey (the inside of a PKCS #8 structure).
    pub(crate) fn from_der(der: &[u8]) -> Result<Self, RsaKeyFault> {
        let key = <RsaPrivateKey<'_> as der::Decode>::from_der(der).map_err(RsaKeyFault::Encoding)?;
        let modulus_bytes = key.modulus.as_bytes().len();
        let half_bits = u32::try_from(modulus_bytes * 8 / 2).map_err(|_| RsaKeyFault::Numbers)?;
        if key.version != 0 || !modulus_bytes.is_multiple_of(16) || modulus_bytes < 64 {
            return Err(RsaKeyFault::Numbers);
        }
        let modulus = number(key.modulus, half_bits * 2)?;
        let first = Half::new(key.prime1, key.exponent1, half_bits)?;
        let second = Half::new(key.prime2, key.exponent2, half_bits)?;
        if first.prime.concatenating_mul(&*second.prime) != modulus {
            return Err(RsaKeyFault::Numbers);
        }
        let coefficient = BoxedMontyForm::new(number(key.coefficient, half_bits)?, &first.params);
        Ok(Self { first, second, coefficient, modulus, modulus_bytes })
    }

    /// Bytes of the modulus, of a block and of a signature.
    pub(crate) fn block_bytes(&self) -> usize {
        self.modulus_bytes
    }

    /// `block` ^ d mod n; `None` if the block has the wrong size or is not below the modulus.
    pub(crate) fn private_operation(&self, block: &[u8]) -> Option<Vec<u8>> {
        if block.len() != self.modulus_bytes {
            return None;
        }
        let message = BoxedUint::from_be_slice(block, self.modulus.bits_precision()).ok()?;
        if message >= self.modulus {
            return None;
        }
        let by_first = self.first.power(&message);
        let by_second = self.second.power(&message).retrieve();
        // Garner: s = m2 + q * ((m1 - m2) * q^-1 mod p).
        let difference = by_first.sub(&self.first.residue(&by_second)).mul(&self.coefficient);
        let product = difference.retrieve().concatenating_mul(&*self.second.prime);
        let signature = product.wrapping_add(&by_second);
        Some(signature.to_be_bytes().into_vec())
    }
}

impl Half {
    fn new(prime: UintRef<'_>, exponent: UintRef<'_>, bits: u32) -> Result<Self, RsaKeyFault> {
        let prime = number(prime, bits)?;
        let odd: Odd<BoxedUint> = Option::from(prime.to_odd()).ok_or(RsaKeyFault::Numbers)?;
        // A full-size prime has its top bit set; the arithmetic relies on equal precision throughout.
        if prime.bits() != bits {
            return Err(RsaKeyFault::Numbers);
        }
        Ok(Self {
            prime: Option::from(prime.to_nz()).ok_or(RsaKeyFault::Numbers)?,
            params: BoxedMontyParams::new_vartime(odd),
            exponent: number(exponent, bits)?,
        })
    }

    fn residue(&self, value: &BoxedUint) -> BoxedMontyForm {
        BoxedMontyForm::new(value.rem_vartime(&self.prime), &self.params)
    }

    fn power(&self, value: &BoxedUint) -> BoxedMontyForm {
        self.residue(value).pow(&self.exponent)
    }
}

fn number(value: UintRef<'_>, bits: u32) -> Result<BoxedUint, RsaKeyFault> {
    BoxedUint::from_be_slice(value.as_bytes(), bits).map_err(|_| RsaKeyFault::Numbers)
}
