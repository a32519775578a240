//! The acceptance number: what the customer takes home and reads out on the telephone.
//!
//! Format: twelve digits in groups of four, `4821-0937-5567`. The first eleven are random (so they tell nothing about the
//! holder, the time or the number of registrations), the twelfth is the check digit of H. Michael Damm's scheme, which
//! finds every wrong digit and every swap of two neighbours. Digits only, because customers read it out and type it.

use std::fmt;
use std::str::FromStr;

const DIGITS: usize = 12;
const GROUP: usize = 4;

/// Totally anti-symmetric quasigroup of order 10 (Damm 2004, the table in common use).
const DAMM: [[u8; 10]; 10] = [
    [0, 3, 1, 7, 5, 9, 8, 6, 4, 2],
    [7, 0, 9, 2, 1, 5, 4, 8, 6, 3],
    [4, 2, 0, 6, 8, 7, 1, 3, 5, 9],
    [1, 7, 5, 0, 9, 8, 3, 4, 2, 6],
    [6, 1, 2, 3, 0, 4, 5, 9, 7, 8],
    [3, 6, 7, 4, 2, 0, 9, 5, 8, 1],
    [5, 8, 6, 9, 7, 2, 0, 1, 3, 4],
    [8, 9, 4, 5, 3, 6, 2, 0, 1, 7],
    [9, 4, 3, 8, 6, 1, 7, 2, 0, 5],
    [2, 5, 8, 1, 4, 3, 6, 7, 9, 0],
];

/// A number with a right check digit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AcceptanceNumber([u8; DIGITS]);

/// The text is not an acceptance number: wrong length, not digits, or a misread digit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "an acceptance number is twelve digits, for example 4821-0937-5567, and the last one checks the others"
)]
pub struct NotAnAcceptanceNumber;

impl AcceptanceNumber {
    /// From 64 random bits; the bias of the remainder is below one in 10^8.
    #[must_use]
    pub fn from_random(random: u64) -> Self {
        let mut digits = [0; DIGITS];
        let mut rest = random;
        for digit in digits.iter_mut().take(DIGITS - 1) {
            *digit = u8::try_from(rest % 10).unwrap_or_default();
            rest /= 10;
        }
        if let Some((last, body)) = digits.split_last_mut() {
            *last = interim(body);
        }
        Self(digits)
    }
}

/// Damm's interim digit; 0 over a number that ends with its own check digit.
fn interim(digits: &[u8]) -> u8 {
    let step = |interim: u8, digit: &u8| {
        DAMM.get(usize::from(interim))
            .and_then(|row| row.get(usize::from(*digit)))
            .copied()
            .unwrap_or(u8::MAX)
    };
    digits.iter().fold(0, step)
}

impl FromStr for AcceptanceNumber {
    type Err = NotAnAcceptanceNumber;

    /// With or without hyphens and spaces.
    fn from_str(text: &str) -> Result<Self, NotAnAcceptanceNumber> {
        let mut digits = [0; DIGITS];
        let mut found = 0;
        for c in text.chars().filter(|c| !matches!(c, '-' | ' ')) {
            let digit = c.to_digit(10).and_then(|d| u8::try_from(d).ok()).ok_or(NotAnAcceptanceNumber)?;
            *digits.get_mut(found).ok_or(NotAnAcceptanceNumber)? = digit;
            found += 1;
        }
        if found == DIGITS && interim(&digits) == 0 { Ok(Self(digits)) } else { Err(NotAnAcceptanceNumber) }
    }
}

impl fmt::Display for AcceptanceNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (group, digits) in self.0.chunks(GROUP).enumerate() {
            if group > 0 {
                f.write_str("-")?;
            }
            for digit in digits {
                write!(f, "{digit}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_check_digit() {
        // The example in common use for the scheme: 572 has the check digit 4.
        assert_eq!(interim(&[5, 7, 2]), 4);
        assert_eq!(interim(&[5, 7, 2, 4]), 0);
    }

    proptest! {
        #[test]
        fn a_number_reads_back(random in any::<u64>()) {
            let number = AcceptanceNumber::from_random(random);
            let text = number.to_string();
            prop_assert_eq!(text.len(), 14);
            prop_assert_eq!(text.parse::<AcceptanceNumber>().unwrap(), number);
            prop_assert_eq!(text.replace('-', "").parse::<AcceptanceNumber>().unwrap(), number);
        }

        #[test]
        fn every_wrong_digit_and_every_swap_is_found(random in any::<u64>(), at in 0usize..12, by in 1u8..10) {
            let right = AcceptanceNumber::from_random(random);
            let mut wrong = right;
            wrong.0[at] = (wrong.0[at] + by) % 10;
            prop_assert!(wrong.to_string().parse::<AcceptanceNumber>().is_err());
            let mut swapped = right;
            swapped.0.swap(at, (at + 1) % 12);
            if at < 11 && swapped != right {
                prop_assert!(swapped.to_string().parse::<AcceptanceNumber>().is_err());
            }
        }

        #[test]
        fn any_text_is_taken_or_refused(text in ".{0,40}") {
            if let Ok(number) = text.parse::<AcceptanceNumber>() {
                prop_assert_eq!(number.to_string().parse::<AcceptanceNumber>().unwrap(), number);
            }
        }
    }
}
