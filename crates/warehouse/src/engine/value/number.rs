//! Decimal arithmetic on (digits, scale) pairs. Snowflake rounds half away from zero wherever digits are lost.

/// What a NUMBER can hold: 38 digits.
const MAX_DIGITS: u32 = 38;

pub(crate) fn pow10(exponent: u32) -> Option<i128> {
    (exponent <= MAX_DIGITS).then(|| 10_i128.pow(exponent))
}

/// The same number with `to` digits behind the point, rounded; `None` where it does not fit 38 digits.
pub(crate) fn rescale(digits: i128, from: i8, to: i8) -> Option<i128> {
    let shift = i32::from(to) - i32::from(from);
    let scaled = if shift >= 0 {
        if digits == 0 { 0 } else { digits.checked_mul(pow10(shift.unsigned_abs())?)? }
    } else {
        match pow10(shift.unsigned_abs()) {
            Some(unit) => div_round(digits, unit),
            None => 0,
        }
    };
    (scaled.unsigned_abs() < 10_u128.pow(MAX_DIGITS)).then_some(scaled)
}

/// Whether `digits` has at most `precision` digits.
pub(crate) fn fits(digits: i128, precision: u8) -> bool {
    pow10(u32::from(precision)).is_some_and(|limit| digits > -limit && digits < limit)
}

/// `a / b`, half away from zero. `b` is not zero.
pub(crate) fn div_round(a: i128, b: i128) -> i128 {
    let (quotient, rest) = (a / b, a % b);
    if rest.unsigned_abs() >= b.unsigned_abs() - rest.unsigned_abs() {
        quotient + if (a < 0) == (b < 0) { 1 } else { -1 }
    } else {
        quotient
    }
}

/// A text as (digits, scale): sign, digits with an optional point, an optional exponent, blanks around. `None` where it
/// is no number; digits beyond the 38th that stand behind the point are dropped after rounding.
pub(crate) fn parse_decimal(text: &str) -> Option<Parsed> {
    let text = text.trim();
    let (negative, rest) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (mantissa, exponent) = match rest.find(['e', 'E']) {
        Some(at) => (&rest[..at], rest[at + 1..].parse::<i32>().ok()?),
        None => (rest, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    if !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // Leading zeros weigh nothing; trailing ones behind the point neither.
    let all = [whole, fraction].concat();
    let significant = all.trim_start_matches('0');
    let mut scale = i64::try_from(fraction.len()).ok()? - i64::from(exponent);
    let mut digits: i128 = 0;
    for (kept, byte) in significant.bytes().enumerate() {
        if kept == MAX_DIGITS as usize {
            scale -= i64::try_from(significant.len() - kept).ok()?;
            digits += i128::from(byte >= b'5');
            break;
        }
        digits = digits * 10 + i128::from(byte - b'0');
    }
    while scale > 0 && digits != 0 && digits % 10 == 0 {
        digits /= 10;
        scale -= 1;
    }
    if digits == 0 {
        return Some(Parsed::Exact(0, 0));
    }
    // Numbers below 10^-38 round to zero in every NUMBER.
    if scale > 76 {
        return Some(Parsed::Exact(0, 0));
    }
    while scale > i64::from(MAX_DIGITS) {
        digits = div_round(digits, 10);
        scale -= 1;
    }
    if digits == 0 {
        return Some(Parsed::Exact(0, 0));
    }
    while scale < 0 {
        match digits.checked_mul(10).filter(|more| fits(*more, 38)) {
            Some(more) => digits = more,
            None => return Some(Parsed::TooLarge),
        }
        scale += 1;
    }
    Some(Parsed::Exact(if negative { -digits } else { digits }, i8::try_from(scale).ok()?))
}

/// A number read from text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Parsed {
    Exact(i128, i8),
    TooLarge,
}

/// As Snowflake prints a NUMBER: all digits of its scale.
pub(crate) fn write_decimal(digits: i128, scale: i8) -> String {
    let plain = digits.unsigned_abs().to_string();
    let sign = if digits < 0 { "-" } else { "" };
    let scale = usize::try_from(scale).unwrap_or(0);
    if scale == 0 {
        return format!("{sign}{plain}");
    }
    let padded = format!("{plain:0>width$}", width = scale + 1);
    let (whole, fraction) = padded.split_at(padded.len() - scale);
    format!("{sign}{whole}.{fraction}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_rounded_half_away_from_zero() {
        assert_eq!(rescale(15, 1, 0), Some(2));
        assert_eq!(rescale(-15, 1, 0), Some(-2));
        assert_eq!(rescale(14, 1, 0), Some(1));
        assert_eq!(rescale(1, 0, 37), Some(10_i128.pow(37)));
        assert_eq!(rescale(1, 0, 38), None);
        assert_eq!(rescale(0, 0, 38), Some(0));
        assert_eq!(rescale(7, 38, 0), Some(0));
    }

    #[test]
    fn text_is_a_number_or_nothing() {
        for (text, digits, scale) in [
            (" 12.50 ", 125, 1),
            ("-0.0", 0, 0),
            ("+7", 7, 0),
            (".5", 5, 1),
            ("5.", 5, 0),
            ("1e3", 1000, 0),
            ("1.5E-2", 15, 3),
            ("000000000000000000000000000000000000000000012", 12, 0),
            ("1e-100", 0, 0),
            ("0.00000000000000000000000000000000000000000001", 0, 0),
        ] {
            assert_eq!(parse_decimal(text), Some(Parsed::Exact(digits, scale)), "{text}");
        }
        assert_eq!(parse_decimal("1e38"), Some(Parsed::TooLarge));
        assert_eq!(
            parse_decimal("99999999999999999999999999999999999999"),
            Some(Parsed::Exact(10_i128.pow(38) - 1, 0))
        );
        for text in ["", " ", "-", ".", "1,000", "0x10", "1e", "1 2", "abc", "NaN", "--1"] {
            assert_eq!(parse_decimal(text), None, "{text}");
        }
    }

    #[test]
    fn numbers_print_with_their_scale() {
        assert_eq!(write_decimal(-5, 2), "-0.05");
        assert_eq!(write_decimal(1250, 2), "12.50");
        assert_eq!(write_decimal(7, 0), "7");
    }
}
