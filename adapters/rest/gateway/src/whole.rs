//! Whole numbers as text, which JSON takes beside numbers: as regular expressions of ECMA-262.

use std::ops::RangeInclusive;

/// Texts that are numbers of this range. Where it has numbers below zero, those with fewer digits than its ends.
pub(crate) fn pattern(range: &RangeInclusive<i128>) -> String {
    let (least, most) = (*range.start(), *range.end());
    match (u64::try_from(least), u64::try_from(most)) {
        (Ok(least), Ok(most)) => {
            let not_zero = if least > 0 { "(?!0+$)" } else { "" };
            format!("^{not_zero}({})$", up_to(most).join("|"))
        }
        (Err(_), _) | (_, Err(_)) => {
            let digits = least.unsigned_abs().min(most.unsigned_abs()).to_string().len();
            format!("^-?[0-9]{{1,{}}}$", (digits - 1).max(1))
        }
    }
}

/// One alternative for each digit that may be less than that of the greatest number.
fn up_to(most: u64) -> Vec<String> {
    let digits = most.to_string();
    let mut found = Vec::new();
    if digits.len() > 1 {
        found.push(format!("[0-9]{{1,{}}}", digits.len() - 1));
    }
    for (at, digit) in digits.chars().enumerate() {
        let before: String = digits.chars().take(at).collect();
        let rest = digits.len() - at - 1;
        let rest = if rest == 0 { String::new() } else { format!("[0-9]{{{rest}}}") };
        if let Some(less) = digit.to_digit(10).and_then(|digit| digit.checked_sub(1)) {
            found.push(format!("{before}[0-{less}]{rest}"));
        }
    }
    found.push(digits);
    found
}

#[cfg(test)]
mod tests {
    use super::pattern;

    #[test]
    fn every_digit_may_be_less() {
        assert_eq!(pattern(&(0..=9)), "^([0-8]|9)$");
        assert_eq!(
            pattern(&(1..=365)),
            "^(?!0+$)([0-9]{1,2}|[0-2][0-9]{2}|3[0-5][0-9]{1}|36[0-4]|365)$"
        );
        assert_eq!(pattern(&(0..=10_000)), "^([0-9]{1,4}|[0-0][0-9]{4}|10000)$");
        assert_eq!(pattern(&(-999_999_999..=999_999_999)), "^-?[0-9]{1,8}$");
        assert_eq!(pattern(&(i64::MIN.into()..=i64::MAX.into())), "^-?[0-9]{1,18}$");
        let largest = format!("|{})$", u64::MAX);
        assert!(pattern(&(0..=u64::MAX.into())).ends_with(&largest), "{largest}");
    }
}
