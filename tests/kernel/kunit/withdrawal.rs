// SPDX-License-Identifier: GPL-2.0-only

//! The only parameter: it can withdraw entries, and cannot add any.

use kernel::prelude::*;

#[kunit_tests(acs_quirks_withdrawal)]
mod suite {
    use super::*;
    use crate::{
        check::equal,
        rules::withdraw::{
            ParseError,
            Withdrawn, //
        },
        table::TABLE, //
    };

    #[test]
    fn each_number_that_was_given_out_can_be_withdrawn() -> Result {
        for &number in TABLE.issued {
            let mut digits = [0; 5];
            let text = decimal(number, &mut digits);
            let withdrawn = Withdrawn::parse(text, &TABLE).map_err(|_| EINVAL)?;
            for &other in TABLE.issued {
                equal(number, withdrawn.contains(other), other == number)?;
            }
        }
        Ok(())
    }

    #[test]
    fn all_and_nothing() -> Result {
        equal("all", Withdrawn::parse("all", &TABLE), Ok(Withdrawn::ALL))?;
        equal(
            "empty",
            Withdrawn::parse("", &TABLE),
            Err(ParseError::Empty),
        )?;
        let mixed = Withdrawn::parse(" 2 , all", &TABLE);
        equal("mixed", mixed, Ok(Withdrawn::ALL))
    }

    #[test]
    fn what_cannot_be_understood_is_refused() -> Result {
        for word in ["none", "+1", "1-3", "1;2", "65536", "-1", "0x1"] {
            let expected = Err(ParseError::NotANumber(word));
            equal(word, Withdrawn::parse(word, &TABLE), expected)?;
        }
        let unknown = Withdrawn::parse("1,999", &TABLE);
        equal("999", unknown, Err(ParseError::NeverIssued(999)))
    }

    #[test]
    fn a_number_beyond_any_table_is_withdrawn() -> Result {
        equal("beyond", Withdrawn::NONE.contains(u16::MAX), true)
    }

    /// A number as text.
    fn decimal(mut number: u16, digits: &mut [u8; 5]) -> &str {
        let mut start = digits.len();
        for digit in digits.iter_mut().rev() {
            *digit = b'0' + (number % 10) as u8;
            number /= 10;
            start -= 1;
            if number == 0 {
                break;
            }
        }
        digits
            .get(start..)
            .and_then(|digits| core::str::from_utf8(digits).ok())
            .unwrap_or_default()
    }
}
