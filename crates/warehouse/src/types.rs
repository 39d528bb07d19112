//! Snowflake's types: what a column may be declared as, how each is shown, and which Arrow type carries it.
//!
//! VARIANT, OBJECT and ARRAY are JSON text in `LargeUtf8`, which carries nothing else, so that a plan can tell them from
//! VARCHAR (`Utf8`). JSON null is the text `null`; SQL NULL is a null. Timestamps count microseconds since the epoch:
//! event times reach the year 9999, which nanoseconds in 64 bits do not.

use crate::SqlError;
use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::sql::sqlparser::ast::{self as sql, ExactNumberInfo, TimezoneInfo};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Longest VARCHAR, in characters; also the length of a VARCHAR declared without one.
pub const MAX_VARCHAR: u32 = 16_777_216;
/// Longest BINARY, in bytes; also the length of a BINARY declared without one.
pub const MAX_BINARY: u32 = 8_388_608;
/// Digits of a second's fraction that a stored timestamp can have.
pub const STORED_FRACTION_DIGITS: u8 = 6;

/// A point in time, in microseconds since the epoch: what a `TIMESTAMP_LTZ` stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Moment(pub i64);

impl Moment {
    pub fn now() -> Self {
        Self(chrono::Utc::now().timestamp_micros())
    }

    /// The same moment as chrono has it; `None` outside of its years (262,000 before and after ours).
    pub fn to_utc(self) -> Option<chrono::DateTime<chrono::Utc>> {
        chrono::DateTime::from_timestamp_micros(self.0)
    }

    /// This moment, some days earlier.
    #[must_use]
    pub fn minus_days(self, days: i64) -> Self {
        Self(self.0.saturating_sub(days.saturating_mul(86_400_000_000)))
    }
}

/// A type as Snowflake names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SqlType {
    /// `NUMBER(precision, scale)`, 1 to 38 digits.
    Number {
        precision: u8,
        scale: i8,
    },
    Float,
    /// `VARCHAR(length)`, in characters.
    Varchar {
        length: u32,
    },
    Boolean,
    Date,
    /// Wall-clock time, with the digits of its fraction.
    TimestampNtz {
        precision: u8,
    },
    /// A moment, shown in the session's time zone (UTC here).
    TimestampLtz {
        precision: u8,
    },
    /// `BINARY(length)`, in bytes.
    Binary {
        length: u32,
    },
    Variant,
    Object,
    Array,
}

impl SqlType {
    pub const VARCHAR: Self = Self::Varchar { length: MAX_VARCHAR };
    pub const BINARY: Self = Self::Binary { length: MAX_BINARY };
    pub const INTEGER: Self = Self::Number { precision: 38, scale: 0 };

    /// The type a name in SQL means. Names without a precision get Snowflake's defaults.
    ///
    /// # Errors
    /// `unsupported` for types this warehouse lacks, `invalid_value` for lengths and precisions out of range.
    pub fn parse(data_type: &sql::DataType) -> Result<Self, SqlError> {
        use sql::DataType as T;
        match data_type {
            T::Numeric(info) | T::Decimal(info) | T::Dec(info) => match *info {
                ExactNumberInfo::None => number(38, 0),
                ExactNumberInfo::Precision(precision) => number(precision as i64, 0),
                ExactNumberInfo::PrecisionAndScale(precision, scale) => number(precision as i64, scale),
            },
            // Snowflake's integer types are all NUMBER(38,0), whatever width their names suggest.
            T::TinyInt(None) | T::SmallInt(None) | T::Int(None) | T::Integer(None) | T::BigInt(None) => {
                Ok(Self::INTEGER)
            }
            T::Float(ExactNumberInfo::None)
            | T::Float4
            | T::Float8
            | T::Real
            | T::Double(ExactNumberInfo::None)
            | T::DoublePrecision => Ok(Self::Float),
            T::Varchar(length) | T::CharacterVarying(length) | T::CharVarying(length) | T::Nvarchar(length) => {
                characters(length.as_ref(), MAX_VARCHAR)
            }
            T::Char(length) | T::Character(length) => characters(length.as_ref(), 1),
            T::String(length) => bounded("VARCHAR", length.unwrap_or(u64::from(MAX_VARCHAR)), MAX_VARCHAR)
                .map(|length| Self::Varchar { length }),
            T::Text => Ok(Self::VARCHAR),
            T::Binary(length) => binary(*length),
            T::Varbinary(None) => Ok(Self::BINARY),
            T::Varbinary(Some(sql::BinaryLength::IntegerLength { length })) => binary(Some(*length)),
            T::Bool | T::Boolean => Ok(Self::Boolean),
            T::Date => Ok(Self::Date),
            T::Datetime(precision)
            | T::TimestampNtz(precision)
            | T::Timestamp(precision, TimezoneInfo::None | TimezoneInfo::WithoutTimeZone) => {
                fraction(*precision).map(|precision| Self::TimestampNtz { precision })
            }
            T::Array(_) if data_type.to_string() == "ARRAY" => Ok(Self::Array),
            T::Custom(name, arguments) => {
                custom(&name.to_string().to_uppercase(), arguments).unwrap_or_else(|| Err(unsupported_type(data_type)))
            }
            _ => Err(unsupported_type(data_type)),
        }
    }

    /// The type that an expression of this Arrow type has, for results whose type no column declares.
    ///
    /// # Errors
    /// `unsupported` for Arrow types that stand for none of Snowflake's.
    pub fn from_arrow(data_type: &DataType) -> Result<Self, SqlError> {
        Ok(match data_type {
            DataType::Decimal128(precision, scale) if *scale >= 0 => {
                Self::Number { precision: *precision, scale: *scale }
            }
            DataType::Int8
            | DataType::Int16
            | DataType::Int32
            | DataType::Int64
            | DataType::UInt8
            | DataType::UInt16
            | DataType::UInt32
            | DataType::UInt64 => Self::INTEGER,
            DataType::Float16 | DataType::Float32 | DataType::Float64 => Self::Float,
            // NULL alone has no type; Snowflake shows it as VARCHAR.
            DataType::Utf8 | DataType::Utf8View | DataType::Null => Self::VARCHAR,
            DataType::LargeUtf8 => Self::Variant,
            DataType::Boolean => Self::Boolean,
            DataType::Date32 => Self::Date,
            DataType::Timestamp(unit, zone) => {
                let precision = match unit {
                    TimeUnit::Second => 0,
                    TimeUnit::Millisecond => 3,
                    TimeUnit::Microsecond => 6,
                    TimeUnit::Nanosecond => 9,
                };
                if zone.is_some() { Self::TimestampLtz { precision } } else { Self::TimestampNtz { precision } }
            }
            DataType::Binary | DataType::LargeBinary | DataType::BinaryView => Self::BINARY,
            other => return Err(SqlError::unsupported(format_args!("a result of type {other}"), "Cast it.")),
        })
    }

    /// The Arrow type that carries values of this type, in storage and in plans.
    pub fn to_arrow(self) -> DataType {
        match self {
            Self::Number { precision, scale } => DataType::Decimal128(precision, scale),
            Self::Float => DataType::Float64,
            Self::Varchar { .. } => DataType::Utf8,
            Self::Boolean => DataType::Boolean,
            Self::Date => DataType::Date32,
            Self::TimestampNtz { .. } => DataType::Timestamp(TimeUnit::Microsecond, None),
            Self::TimestampLtz { .. } => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Self::Binary { .. } => DataType::Binary,
            Self::Variant | Self::Object | Self::Array => DataType::LargeUtf8,
        }
    }

    /// The `type` of a column in the protocol's `rowtype`.
    pub fn protocol_name(self) -> &'static str {
        match self {
            Self::Number { .. } => "fixed",
            Self::Float => "real",
            Self::Varchar { .. } => "text",
            Self::Boolean => "boolean",
            Self::Date => "date",
            Self::TimestampNtz { .. } => "timestamp_ntz",
            Self::TimestampLtz { .. } => "timestamp_ltz",
            Self::Binary { .. } => "binary",
            Self::Variant => "variant",
            Self::Object => "object",
            Self::Array => "array",
        }
    }

    /// Whether values are JSON text.
    pub fn is_semi_structured(self) -> bool {
        matches!(self, Self::Variant | Self::Object | Self::Array)
    }
}

/// As DESCRIBE TABLE shows it.
impl fmt::Display for SqlType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number { precision, scale } => write!(f, "NUMBER({precision},{scale})"),
            Self::Float => f.write_str("FLOAT"),
            Self::Varchar { length } => write!(f, "VARCHAR({length})"),
            Self::Boolean => f.write_str("BOOLEAN"),
            Self::Date => f.write_str("DATE"),
            Self::TimestampNtz { precision } => write!(f, "TIMESTAMP_NTZ({precision})"),
            Self::TimestampLtz { precision } => write!(f, "TIMESTAMP_LTZ({precision})"),
            Self::Binary { length } => write!(f, "BINARY({length})"),
            Self::Variant => f.write_str("VARIANT"),
            Self::Object => f.write_str("OBJECT"),
            Self::Array => f.write_str("ARRAY"),
        }
    }
}

/// Types that sqlparser knows only as a name with arguments; `None` for a name that is none of Snowflake's.
fn custom(name: &str, arguments: &[String]) -> Option<Result<SqlType, SqlError>> {
    let argument = |index: usize| arguments.get(index).map(|text| text.trim().parse::<i64>());
    let result = match (name, argument(0), argument(1)) {
        ("NUMBER", None, None) => number(38, 0),
        ("NUMBER", Some(Ok(precision)), None) => number(precision, 0),
        ("NUMBER", Some(Ok(precision)), Some(Ok(scale))) => number(precision, scale),
        ("BYTEINT", None, None) => Ok(SqlType::INTEGER),
        ("VARIANT", None, None) => Ok(SqlType::Variant),
        ("OBJECT", None, None) => Ok(SqlType::Object),
        ("ARRAY", None, None) => Ok(SqlType::Array),
        ("TIMESTAMP_NTZ" | "TIMESTAMPNTZ", None, None) => {
            fraction(None).map(|precision| SqlType::TimestampNtz { precision })
        }
        ("TIMESTAMP_NTZ" | "TIMESTAMPNTZ", Some(Ok(digits)), None) => {
            fraction(Some(digits.unsigned_abs())).map(|precision| SqlType::TimestampNtz { precision })
        }
        ("TIMESTAMP_LTZ" | "TIMESTAMPLTZ", None, None) => {
            fraction(None).map(|precision| SqlType::TimestampLtz { precision })
        }
        ("TIMESTAMP_LTZ" | "TIMESTAMPLTZ", Some(Ok(digits)), None) => {
            fraction(Some(digits.unsigned_abs())).map(|precision| SqlType::TimestampLtz { precision })
        }
        // A TZ value carries its own offset, which microseconds since the epoch would lose in silence.
        ("TIMESTAMP_TZ" | "TIMESTAMPTZ", _, _) => {
            Err(SqlError::unsupported("TIMESTAMP_TZ", "Use TIMESTAMP_LTZ or TIMESTAMP_NTZ."))
        }
        _ => return None,
    };
    Some(result)
}

fn number(precision: i64, scale: i64) -> Result<SqlType, SqlError> {
    match (u8::try_from(precision), i8::try_from(scale)) {
        (Ok(precision @ 1..=38), Ok(scale)) if (0..=37).contains(&scale) && scale <= precision as i8 => {
            Ok(SqlType::Number { precision, scale })
        }
        _ => Err(SqlError::invalid_value(format_args!("invalid precision and scale NUMBER({precision},{scale})"))),
    }
}

fn bounded(name: &str, length: u64, max: u32) -> Result<u32, SqlError> {
    match u32::try_from(length) {
        Ok(length) if (1..=max).contains(&length) => Ok(length),
        _ => Err(SqlError::invalid_value(format_args!("invalid length {name}({length}): 1 to {max}"))),
    }
}

fn characters(length: Option<&sql::CharacterLength>, default: u32) -> Result<SqlType, SqlError> {
    let length = match length {
        None => return Ok(SqlType::Varchar { length: default }),
        Some(sql::CharacterLength::IntegerLength { length, unit: None | Some(sql::CharLengthUnits::Characters) }) => {
            *length
        }
        Some(other) => return Err(SqlError::unsupported(format_args!("VARCHAR({other})"), "Give a number.")),
    };
    bounded("VARCHAR", length, MAX_VARCHAR).map(|length| SqlType::Varchar { length })
}

fn binary(length: Option<u64>) -> Result<SqlType, SqlError> {
    bounded("BINARY", length.unwrap_or(u64::from(MAX_BINARY)), MAX_BINARY).map(|length| SqlType::Binary { length })
}

fn fraction(digits: Option<u64>) -> Result<u8, SqlError> {
    match digits {
        None => Ok(9),
        Some(digits @ 0..=9) => Ok(digits as u8),
        Some(digits) => Err(SqlError::invalid_value(format_args!("invalid timestamp precision {digits}: 0 to 9"))),
    }
}

fn unsupported_type(data_type: &sql::DataType) -> SqlError {
    SqlError::unsupported(format_args!("data type {data_type}"), "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::sql::sqlparser::{dialect::SnowflakeDialect, parser::Parser};

    fn parse(text: &str) -> Result<SqlType, SqlError> {
        SqlType::parse(&Parser::new(&SnowflakeDialect).try_with_sql(text).unwrap().parse_data_type().unwrap())
    }

    #[test]
    fn names_mean_what_they_mean_on_snowflake() {
        for (text, shown) in [
            ("NUMBER", "NUMBER(38,0)"),
            ("NUMBER(10)", "NUMBER(10,0)"),
            ("number(10, 2)", "NUMBER(10,2)"),
            ("DECIMAL(5,1)", "NUMBER(5,1)"),
            ("BIGINT", "NUMBER(38,0)"),
            ("INT", "NUMBER(38,0)"),
            ("DOUBLE", "FLOAT"),
            ("FLOAT", "FLOAT"),
            ("VARCHAR", "VARCHAR(16777216)"),
            ("varchar(2)", "VARCHAR(2)"),
            ("STRING", "VARCHAR(16777216)"),
            ("TEXT", "VARCHAR(16777216)"),
            ("CHAR", "VARCHAR(1)"),
            ("BOOLEAN", "BOOLEAN"),
            ("DATE", "DATE"),
            ("TIMESTAMP", "TIMESTAMP_NTZ(9)"),
            ("TIMESTAMP_NTZ(3)", "TIMESTAMP_NTZ(3)"),
            ("TIMESTAMP_LTZ(3)", "TIMESTAMP_LTZ(3)"),
            ("DATETIME", "TIMESTAMP_NTZ(9)"),
            ("BINARY", "BINARY(8388608)"),
            ("BINARY(16)", "BINARY(16)"),
            ("VARIANT", "VARIANT"),
            ("OBJECT", "OBJECT"),
            ("ARRAY", "ARRAY"),
        ] {
            assert_eq!(parse(text).map(|parsed| parsed.to_string()), Ok(shown.to_owned()), "{text}");
        }
    }

    #[test]
    fn types_it_lacks_and_sizes_out_of_range_are_refused_by_name() {
        for (text, code, named) in [
            ("TIMESTAMP_TZ", "000002", "TIMESTAMP_TZ"),
            ("TIME", "000002", "TIME"),
            ("UUID", "000002", "UUID"),
            ("GEOGRAPHY", "000002", "GEOGRAPHY"),
            ("NUMBER(39,0)", "001008", "NUMBER(39,0)"),
            ("NUMBER(4,5)", "001008", "NUMBER(4,5)"),
            ("VARCHAR(0)", "001008", "VARCHAR(0)"),
            ("TIMESTAMP_NTZ(10)", "001008", "10"),
        ] {
            let error = parse(text).unwrap_err();
            assert_eq!(error.code, code, "{text}: {error}");
            assert!(error.message.contains(named), "{text}: {error}");
        }
    }

    #[test]
    fn every_type_comes_back_from_arrow_as_its_family() {
        for text in [
            "NUMBER(10,2)",
            "FLOAT",
            "VARCHAR",
            "BOOLEAN",
            "DATE",
            "BINARY",
            "VARIANT",
            "TIMESTAMP_NTZ(6)",
            "TIMESTAMP_LTZ(6)",
        ] {
            let declared = parse(text).unwrap();
            assert_eq!(SqlType::from_arrow(&declared.to_arrow()), Ok(declared));
        }
    }
}
