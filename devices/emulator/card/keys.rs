//! COMPUTE DIGITAL SIGNATURE and INTERNAL AUTHENTICATE.

use super::command::{Reference, Scheme};
use super::file::{Content, KeyName};
use super::status::Status;
use super::{Card, Outcome};
use crate::crypto::{PrivateKey, SignRefusal};

impl Card {
    /// Signs with the key that `key` names, if its PIN has been verified. One VERIFY is good for many signatures.
    pub(super) fn compute_signature(
        &mut self,
        scheme: Scheme,
        key: Reference,
        input: &[u8],
        expected: Option<usize>,
    ) -> Outcome {
        let file = self.resolve(key, Status::REFERENCE_NOT_FOUND)?;
        let Content::SigningKey { key, pin } = file.content else {
            return Err(wrong_class(&file.content));
        };
        if !self.verified().contains(&pin) {
            return Err(Status::SECURITY_STATUS);
        }
        let signature = self.private_key(key)?.sign(scheme, input).map_err(refusal)?;
        // A signature is never given in parts; the status word for a shorter Le is assumed.
        match expected {
            Some(expected) if expected >= signature.len() => Ok(signature),
            _ => Err(Status::WRONG_LENGTH),
        }
    }

    /// Signs a challenge with a key that is free to use.
    pub(super) fn internal_authenticate(&mut self, key: Reference, challenge: &[u8]) -> Outcome {
        let file = self.resolve(key, Status::REFERENCE_NOT_FOUND)?;
        let Content::AuthenticationKey { key } = file.content else {
            return Err(wrong_class(&file.content));
        };
        self.private_key(key)?.authenticate(challenge).map_err(refusal)
    }

    fn private_key(&self, key: KeyName) -> Result<&PrivateKey, Status> {
        let material = self.material.as_ref().ok_or(Status::REFERENCE_NOT_FOUND)?;
        Ok(match key {
            KeyName::Authentication => &material.authentication_key,
            KeyName::Signature => &material.signature_key,
            KeyName::Common => &material.common_key,
        })
    }
}

/// A file that is no key of the class wanted.
fn wrong_class(content: &Content) -> Status {
    match content {
        Content::Transparent { .. } | Content::Records { .. } => Status::WRONG_FILE_STRUCTURE,
        _ => Status::CONDITIONS,
    }
}

/// Both 6985 and 6700 were seen for inputs of a wrong length; which stands for what is assumed.
fn refusal(refusal: SignRefusal) -> Status {
    match refusal {
        SignRefusal::TooLong => Status::WRONG_LENGTH,
        SignRefusal::WrongHashLength => Status::CONDITIONS,
        SignRefusal::SchemeUnknown => Status::WRONG_P1_P2,
        SignRefusal::Failed => Status::NO_DIAGNOSIS,
    }
}
