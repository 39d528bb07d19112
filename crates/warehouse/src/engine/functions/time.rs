//! Functions on dates and timestamps. The session's time zone is UTC, so an instant and the clock on the wall agree.

use super::{Call, Planned};
use crate::{
    SqlError,
    engine::{
        kernel::Kernel,
        plan::Arg,
        value::{CastMode, DAY, Family, Value, civil, days_from_civil, days_in_month, in_range},
    },
    types::SqlType,
};
use datafusion::{arrow::datatypes::DataType, logical_expr::Expr};

pub(super) fn plan(call: Call) -> Planned {
    Planned::Done(match call.name.as_str() {
        "DATEADD" | "TIMEADD" | "TIMESTAMPADD" => add(call),
        "DATEDIFF" | "TIMEDIFF" | "TIMESTAMPDIFF" => diff(call),
        "DATE_TRUNC" => truncate(call),
        "DATE_PART" => part(call),
        "YEAR" | "QUARTER" | "MONTH" | "DAY" | "DAYOFMONTH" | "HOUR" | "MINUTE" | "SECOND" | "DAYOFYEAR" => {
            let name = if call.name == "DAYOFMONTH" { "DAY".to_owned() } else { call.name.clone() };
            call.one().and_then(|arg| part_of(&name, arg))
        }
        _ => return Planned::Other(call),
    })
}

/// A date or time part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Year,
    Quarter,
    Month,
    Day,
    Hour,
    Minute,
    Second,
    Millisecond,
    Microsecond,
    DayOfYear,
    EpochSecond,
    EpochMillisecond,
    EpochMicrosecond,
}

impl Part {
    /// Snowflake's names and abbreviations (docs: "Supported date and time parts"); weeks depend on session parameters
    /// and are not here.
    fn parse(name: &str) -> Result<Self, SqlError> {
        Ok(match name.to_ascii_uppercase().as_str() {
            "YEAR" | "Y" | "YY" | "YYY" | "YYYY" | "YR" | "YEARS" | "YRS" => Self::Year,
            "QUARTER" | "Q" | "QTR" | "QTRS" | "QUARTERS" => Self::Quarter,
            "MONTH" | "MM" | "MON" | "MONS" | "MONTHS" => Self::Month,
            "DAY" | "D" | "DD" | "DAYS" | "DAYOFMONTH" => Self::Day,
            "HOUR" | "H" | "HH" | "HR" | "HOURS" | "HRS" => Self::Hour,
            "MINUTE" | "M" | "MI" | "MIN" | "MINUTES" | "MINS" => Self::Minute,
            "SECOND" | "S" | "SEC" | "SECONDS" | "SECS" => Self::Second,
            "MILLISECOND" | "MS" | "MSEC" | "MILLISECONDS" => Self::Millisecond,
            "MICROSECOND" | "US" | "USEC" | "MICROSECONDS" => Self::Microsecond,
            "DAYOFYEAR" | "YEARDAY" | "DOY" | "DY" => Self::DayOfYear,
            "EPOCH_SECOND" | "EPOCH" | "EPOCH_SECONDS" => Self::EpochSecond,
            "EPOCH_MILLISECOND" | "EPOCH_MILLISECONDS" => Self::EpochMillisecond,
            "EPOCH_MICROSECOND" | "EPOCH_MICROSECONDS" => Self::EpochMicrosecond,
            _ => return Err(SqlError::unsupported(format_args!("the date part '{name}'"), "")),
        })
    }

    /// Microseconds of a part of fixed length.
    fn length(self) -> Option<i64> {
        Some(match self {
            Self::Day => DAY,
            Self::Hour => 3_600_000_000,
            Self::Minute => 60_000_000,
            Self::Second => 1_000_000,
            Self::Millisecond => 1_000,
            Self::Microsecond => 1,
            _ => return None,
        })
    }

    fn months(self) -> Option<i64> {
        Some(match self {
            Self::Year => 12,
            Self::Quarter => 3,
            Self::Month => 1,
            _ => return None,
        })
    }

    fn extract(self, micros: i64) -> i64 {
        let days = i32::try_from(micros.div_euclid(DAY)).unwrap_or_default();
        let (year, month, day) = civil(days);
        let clock = micros.rem_euclid(DAY);
        match self {
            Self::Year => year,
            Self::Quarter => i64::from(month.div_ceil(3)),
            Self::Month => i64::from(month),
            Self::Day => i64::from(day),
            Self::Hour => clock / 3_600_000_000,
            Self::Minute => clock / 60_000_000 % 60,
            Self::Second => clock / 1_000_000 % 60,
            Self::Millisecond => clock / 1_000 % 1_000,
            Self::Microsecond => clock % 1_000_000,
            Self::DayOfYear => i64::from(days) - i64::from(days_from_civil(year, 1, 1).unwrap_or_default()) + 1,
            Self::EpochSecond => micros.div_euclid(1_000_000),
            Self::EpochMillisecond => micros.div_euclid(1_000),
            Self::EpochMicrosecond => micros,
        }
    }

    /// The start of the part that `micros` lies in.
    fn floor(self, micros: i64) -> Option<i64> {
        if let Some(length) = self.length() {
            return Some(micros.div_euclid(length) * length);
        }
        let (year, month, _) = civil(i32::try_from(micros.div_euclid(DAY)).ok()?);
        let month = match self {
            Self::Year => 1,
            Self::Quarter => (month - 1) / 3 * 3 + 1,
            Self::Month => month,
            _ => return None,
        };
        Some(i64::from(days_from_civil(year, month, 1)?) * DAY)
    }

    /// `count` parts later; a day that the month does not have becomes its last.
    fn add(self, micros: i64, count: i64) -> Option<i64> {
        if let Some(length) = self.length() {
            return in_range(micros.checked_add(count.checked_mul(length)?)?);
        }
        let (year, month, day) = civil(i32::try_from(micros.div_euclid(DAY)).ok()?);
        let months = (year * 12 + i64::from(month) - 1).checked_add(count.checked_mul(self.months()?)?)?;
        let (year, month) = (months.div_euclid(12), months.rem_euclid(12) as u32 + 1);
        let day = day.min(days_in_month(year, month));
        in_range(i64::from(days_from_civil(year, month, day)?) * DAY + micros.rem_euclid(DAY))
    }

    /// How many borders of the part lie between two moments.
    fn between(self, from: i64, to: i64) -> Option<i64> {
        if let Some(length) = self.length() {
            return to.div_euclid(length).checked_sub(from.div_euclid(length));
        }
        let months = |micros: i64| {
            let (year, month, _) = civil(i32::try_from(micros.div_euclid(DAY)).ok()?);
            Some(year * 12 + i64::from(month) - 1)
        };
        let unit = self.months()?;
        Some(months(to)?.div_euclid(unit) - months(from)?.div_euclid(unit))
    }
}

fn part_name(arg: &Arg) -> Result<Part, SqlError> {
    Part::parse(arg.literal_text().ok_or_else(|| SqlError::invalid_value("a date part that is no constant"))?)
}

/// A date or timestamp; text is read as a timestamp.
fn temporal(arg: Arg, wrong: &SqlError) -> Result<(Expr, DataType), SqlError> {
    match arg.family {
        Family::Date | Family::Wall | Family::Instant => Ok((arg.expr, arg.data_type)),
        Family::Text | Family::Null => {
            let to = SqlType::TimestampNtz { precision: 6 };
            Ok((arg.cast(to, CastMode::Implicit)?, to.to_arrow()))
        }
        _ => Err(wrong.clone()),
    }
}

fn micros(value: &Value<'_>) -> Result<i64, SqlError> {
    match value {
        Value::Date(days) => Ok(i64::from(*days) * DAY),
        Value::Timestamp(micros, _) => Ok(*micros),
        other => Err(SqlError::internal(format_args!("{other:?} is no timestamp"))),
    }
}

fn out_of_range() -> SqlError {
    SqlError::new("100040", "22007", "Date or timestamp is out of range: years 0001 to 9999")
}

/// A moment in the type of the one it came from.
fn like<'a>(model: &Value<'_>, micros: i64) -> Result<Value<'a>, SqlError> {
    match model {
        Value::Timestamp(_, zone) => Ok(Value::Timestamp(micros, *zone)),
        _ => i32::try_from(micros.div_euclid(DAY)).map(Value::Date).map_err(|_| out_of_range()),
    }
}

fn add(mut call: Call) -> Result<Expr, SqlError> {
    call.arity(3, 3)?;
    let wrong = call.wrong_types();
    let part = part_name(&call.args.remove(0))?;
    if part.length().is_none() && part.months().is_none() {
        return Err(wrong);
    }
    let (count, moment) = Call { name: call.name, args: std::mem::take(&mut call.args) }.two()?;
    if !matches!(count.family, Family::Number | Family::Null) {
        return Err(wrong);
    }
    let (moment, mut data_type) = temporal(moment, &wrong)?;
    let mut moment = moment;
    // Hours added to a date give a timestamp.
    if data_type == DataType::Date32 && part.length().is_some_and(|length| length < DAY) {
        let to = SqlType::TimestampNtz { precision: 6 };
        let arg = Arg { expr: moment, family: Family::Date, data_type };
        moment = arg.cast(to, CastMode::Implicit)?;
        data_type = to.to_arrow();
    }
    Ok(Kernel::strict(format!("DATEADD {part:?}"), data_type, vec![count.expr, moment], move |values| {
        let moved = part.add(micros(&values[1])?, values[0].as_integer()?).ok_or_else(out_of_range)?;
        like(&values[1], moved)
    }))
}

fn diff(mut call: Call) -> Result<Expr, SqlError> {
    call.arity(3, 3)?;
    let wrong = call.wrong_types();
    let part = part_name(&call.args.remove(0))?;
    if part.length().is_none() && part.months().is_none() {
        return Err(wrong);
    }
    let (from, to) = call.two()?;
    let exprs = vec![temporal(from, &wrong)?.0, temporal(to, &wrong)?.0];
    Ok(Kernel::strict(format!("DATEDIFF {part:?}"), DataType::Decimal128(18, 0), exprs, move |values| {
        part.between(micros(&values[0])?, micros(&values[1])?).map(Value::integer).ok_or_else(out_of_range)
    }))
}

fn truncate(call: Call) -> Result<Expr, SqlError> {
    let wrong = call.wrong_types();
    let (part, moment) = call.two()?;
    let part = part_name(&part)?;
    let (moment, data_type) = temporal(moment, &wrong)?;
    Ok(Kernel::strict(format!("DATE_TRUNC {part:?}"), data_type, vec![moment], move |values| {
        like(&values[0], part.floor(micros(&values[0])?).ok_or_else(out_of_range)?)
    }))
}

fn part(call: Call) -> Result<Expr, SqlError> {
    let (part, moment) = call.two()?;
    let name = part.literal_text().ok_or_else(|| SqlError::invalid_value("a date part that is no constant"))?;
    part_of(name, moment)
}

fn part_of(name: &str, moment: Arg) -> Result<Expr, SqlError> {
    let part = Part::parse(name)?;
    let wrong =
        SqlError::invalid_type(format_args!("Invalid argument types for function 'DATE_PART': ({})", moment.shown()));
    let (moment, _) = temporal(moment, &wrong)?;
    Ok(Kernel::strict(format!("DATE_PART {part:?}"), DataType::Decimal128(18, 0), vec![moment], move |values| {
        Ok(Value::integer(part.extract(micros(&values[0])?)))
    }))
}
