//! Dates and timestamps: the proleptic Gregorian calendar, and the texts Snowflake's AUTO format reads (the ISO ones and
//! whole numbers since 1970; other layouts are not recognized).

/// Microseconds in a day.
pub(crate) const DAY: i64 = 86_400_000_000;

/// What TIMESTAMP holds here: years 0001 to 9999, as Snowflake recommends; in days since 1970.
const FIRST_DAY: i64 = -719_162;
const LAST_DAY: i64 = 2_932_896;

/// Days since 1970 of a date that exists (algorithm by Howard Hinnant, "chrono-compatible low-level date algorithms").
pub(crate) fn days_from_civil(year: i64, month: u32, day: u32) -> Option<i32> {
    if !(1..=12).contains(&month) || day < 1 || day > days_in_month(year, month) || !(1..=9999).contains(&year) {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * i64::from((month + 9) % 12) + 2) / 5 + i64::from(day) - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    i32::try_from(era * 146_097 + day_of_era - 719_468).ok()
}

pub(crate) fn days_in_month(year: i64, month: u32) -> u32 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Year, month and day of a day since 1970.
pub(crate) fn civil(days: i32) -> (i64, u32, u32) {
    let shifted = i64::from(days) + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = (day_of_year - (153 * shifted_month + 2) / 5 + 1) as u32;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 } as u32;
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// `None` outside the years that a timestamp may have.
pub(crate) fn in_range(micros: i64) -> Option<i64> {
    (FIRST_DAY..=LAST_DAY).contains(&micros.div_euclid(DAY)).then_some(micros)
}

/// A whole number since 1970 at 10^-scale seconds as microseconds.
pub(crate) fn from_epoch(number: i128, scale: u32) -> Option<i64> {
    let micros = if scale <= 6 {
        number.checked_mul(10_i128.pow(6 - scale))?
    } else {
        number.div_euclid(10_i128.checked_pow(scale - 6)?)
    };
    in_range(i64::try_from(micros).ok()?)
}

pub(crate) fn parse_date(text: &str) -> Option<i32> {
    let text = text.trim();
    if let Some(micros) = parse_epoch(text) {
        return i32::try_from(micros.div_euclid(DAY)).ok();
    }
    match text.len() {
        0..=10 => iso_date(text),
        _ => parse_timestamp(text).and_then(|stamp| i32::try_from(stamp.wall.div_euclid(DAY)).ok()),
    }
}

/// A timestamp read from text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// What the text's clock shows, as if it were UTC: what an NTZ keeps.
    pub(crate) wall: i64,
    /// The instant; a text without an offset is read in UTC, the session's zone.
    pub(crate) instant: i64,
}

/// `YYYY-MM-DD[(T| )HH:MI[:SS[.fraction]]][ ][Z|±HH[[:]MM]]`, or a whole number since 1970.
pub(crate) fn parse_timestamp(text: &str) -> Option<Stamp> {
    let text = text.trim();
    if let Some(micros) = parse_epoch(text) {
        return Some(Stamp { wall: micros, instant: micros });
    }
    let split = text.find(['T', ' ']).unwrap_or(text.len());
    let midnight = i64::from(iso_date(&text[..split])?) * DAY;
    let Some(rest) = text.get(split + 1..) else {
        return Some(Stamp { wall: midnight, instant: midnight });
    };
    let offset_at = rest.find(['Z', '+', '-']).unwrap_or(rest.len());
    let wall = in_range(midnight + clock(rest[..offset_at].trim_end())?)?;
    let offset = offset(&rest[offset_at..])?;
    Some(Stamp { wall, instant: in_range(wall - offset)? })
}

/// Snowflake's rule for whole numbers in text: the size tells the unit.
fn parse_epoch(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || digits.len() > 20 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number: i128 = text.parse().ok()?;
    let scale = match number.unsigned_abs() {
        0..31_536_000_000 => 0,
        31_536_000_000..31_536_000_000_000 => 3,
        31_536_000_000_000..31_536_000_000_000_000 => 6,
        _ => 9,
    };
    from_epoch(number, scale)
}

fn iso_date(text: &str) -> Option<i32> {
    let mut parts = text.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || year.len() != 4 || month.len() > 2 || day.len() > 2 {
        return None;
    }
    days_from_civil(i64::from(number(year)?), number(month)?, number(day)?)
}

/// `HH:MI[:SS[.fraction]]` in microseconds; digits behind the sixth are cut off.
fn clock(text: &str) -> Option<i64> {
    let (text, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut parts = text.split(':');
    let hour = number(parts.next()?)?;
    let minute = number(parts.next()?)?;
    let seconds_text = parts.next();
    if parts.next().is_some() || (seconds_text.is_none() && !fraction.is_empty()) {
        return None;
    }
    let second = seconds_text.map_or(Some(0), number)?;
    if hour > 23 || minute > 59 || second > 59 || fraction.len() > 9 {
        return None;
    }
    let mut micros = 0_i64;
    for place in 0..6 {
        let digit = fraction.as_bytes().get(place).copied().unwrap_or(b'0');
        micros = micros * 10 + i64::from(digit.checked_sub(b'0').filter(|digit| *digit <= 9)?);
    }
    Some(i64::from((hour * 60 + minute) * 60 + second) * 1_000_000 + micros)
}

fn offset(text: &str) -> Option<i64> {
    let sign = match text.as_bytes().first() {
        None => return Some(0),
        Some(b'Z') => return (text.len() == 1).then_some(0),
        Some(b'-') => -1,
        Some(_) => 1,
    };
    let digits = text[1..].replace(':', "");
    let (hours, minutes) = match digits.len() {
        1 | 2 => (number(&digits)?, 0),
        4 => (number(&digits[..2])?, number(&digits[2..])?),
        _ => return None,
    };
    (hours <= 14 && minutes <= 59).then_some(sign * i64::from(hours * 60 + minutes) * 60_000_000)
}

fn number(text: &str) -> Option<u32> {
    (!text.is_empty() && text.len() <= 4 && text.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| text.parse().ok())
        .flatten()
}

/// `YYYY-MM-DD`
pub(crate) fn write_date(days: i32) -> String {
    let (year, month, day) = civil(days);
    format!("{year:04}-{month:02}-{day:02}")
}

/// `YYYY-MM-DD HH24:MI:SS.FF3`, Snowflake's default output format for `TIMESTAMP_NTZ`; more digits only where they are not
/// zero would break its fixed width, so they are cut off as Snowflake cuts them.
pub(crate) fn write_wall(micros: i64) -> String {
    let days = i32::try_from(micros.div_euclid(DAY)).unwrap_or_default();
    let rest = micros.rem_euclid(DAY);
    let (seconds, millis) = (rest / 1_000_000, rest / 1_000 % 1_000);
    format!("{} {:02}:{:02}:{:02}.{millis:03}", write_date(days), seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_survives_the_way_to_a_date_and_back() {
        for days in (-719_162..2_932_897).step_by(13) {
            let (year, month, day) = civil(days);
            assert_eq!(days_from_civil(year, month, day), Some(days));
        }
        assert_eq!(days_from_civil(1970, 1, 1), Some(0));
        assert_eq!(days_from_civil(2023, 2, 29), None);
        assert_eq!(days_from_civil(2024, 2, 29), Some(19_782));
    }

    #[test]
    fn iso_texts_and_epochs_are_timestamps() {
        let noon = 1_767_268_800_000_000;
        for text in [
            "2026-01-01T12:00:00Z",
            "2026-01-01 12:00",
            "2026-01-01 12:00:00.000",
            "2026-01-01 12:00:00.000000999",
            "1767268800",
            "1767268800000",
            "2026-01-01 12:00:00 +0000",
        ] {
            assert_eq!(parse_timestamp(text).map(|stamp| stamp.instant), Some(noon), "{text}");
        }
        let east = parse_timestamp("2026-01-01 12:00:00.123456 +02:00").unwrap();
        assert_eq!((east.wall - noon, noon - east.instant), (123_456, 7_200_000_000 - 123_456));
        for text in [
            "",
            "x",
            "2026-13-01",
            "2026-01-01 25:00",
            "2026-01-01T",
            "999999999999999999999",
            "2026-01-01 12:00:00+99",
        ] {
            assert_eq!(parse_timestamp(text), None, "{text}");
        }
    }

    #[test]
    fn timestamps_end_with_the_year_9999() {
        assert!(from_epoch(253_402_300_799_999, 3).is_some());
        assert_eq!(from_epoch(253_402_300_800_000, 3), None);
        assert_eq!(from_epoch(i128::MAX, 3), None);
    }

    #[test]
    fn dates_print_as_snowflake_prints_them() {
        assert_eq!(write_wall(-1), "1969-12-31 23:59:59.999");
        assert_eq!(write_date(0), "1970-01-01");
    }
}
