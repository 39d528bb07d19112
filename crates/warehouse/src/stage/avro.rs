//! Avro records as VARIANT values, the way Snowflake loads them: one value for each record, unions by what they hold, enums
//! by their symbol, bytes in upper-case hexadecimal, logical types by the type below them. How Snowflake shows a decimal is not
//! documented; here it is its bytes.

mod head;

use apache_avro::{Reader, types::Value};
use serde_json::{Map, Number, Value as Json};
use std::io::Read;

/// Why a file, or the rest of it, cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum AvroError {
    #[error("Avro file format error: {0}")]
    Format(#[from] Box<apache_avro::Error>),
    #[error("Avro file format error: {0}")]
    Head(#[from] std::io::Error),
    #[error("Avro type {0} is not supported by the local warehouse")]
    Unsupported(&'static str),
    #[error("Avro floating point number {0} has no place in a VARIANT of the local warehouse")]
    NotFinite(f64),
}

/// The records of an object container file as JSON texts, in their order. After an error there is nothing more.
///
/// # Errors
/// When `file` does not begin like an object container file, or its codec is not null, deflate or snappy.
pub fn records<R: Read>(file: R) -> Result<impl Iterator<Item = Result<String, AvroError>>, AvroError> {
    let reader = Reader::new(head::plain(file)?).map_err(Box::new)?;
    let mut failed = false;
    Ok(reader.map_while(move |record| {
        if failed {
            return None;
        }
        let text =
            record.map_err(|error| AvroError::Format(Box::new(error))).and_then(|value| Ok(json(value)?.to_string()));
        failed = text.is_err();
        Some(text)
    }))
}

fn json(value: Value) -> Result<Json, AvroError> {
    Ok(match value {
        Value::Null => Json::Null,
        Value::Boolean(value) => value.into(),
        Value::Int(value) | Value::Date(value) | Value::TimeMillis(value) => value.into(),
        Value::Long(value)
        | Value::TimeMicros(value)
        | Value::TimestampMillis(value)
        | Value::TimestampMicros(value)
        | Value::TimestampNanos(value)
        | Value::LocalTimestampMillis(value)
        | Value::LocalTimestampMicros(value)
        | Value::LocalTimestampNanos(value) => value.into(),
        Value::Float(value) => float(value.into())?,
        Value::Double(value) => float(value)?,
        Value::Bytes(bytes) | Value::Fixed(_, bytes) => hexadecimal(&bytes).into(),
        Value::String(text) | Value::Enum(_, text) => text.into(),
        Value::Uuid(uuid) => uuid.to_string().into(),
        Value::Union(_, value) => json(*value)?,
        Value::Array(items) => items.into_iter().map(json).collect::<Result<Vec<_>, _>>()?.into(),
        Value::Map(entries) => object(entries)?,
        Value::Record(fields) => object(fields)?,
        Value::Decimal(_) | Value::BigDecimal(_) => return Err(AvroError::Unsupported("decimal")),
        Value::Duration(_) => return Err(AvroError::Unsupported("duration")),
    })
}

fn object(members: impl IntoIterator<Item = (String, Value)>) -> Result<Json, AvroError> {
    let members = members.into_iter().map(|(name, value)| Ok((name, json(value)?)));
    members.collect::<Result<Map<_, _>, _>>().map(Json::Object)
}

fn float(value: f64) -> Result<Json, AvroError> {
    Number::from_f64(value).map(Json::Number).ok_or(AvroError::NotFinite(value))
}

fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02X}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use apache_avro::{Codec, Schema, Writer};

    const SCHEMA: &str = r#"{"type": "record", "name": "R", "fields": [
        {"name": "n", "type": ["null", "long"]},
        {"name": "t", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "b", "type": "bytes"},
        {"name": "e", "type": {"type": "enum", "name": "E", "symbols": ["A", "B"]}},
        {"name": "l", "type": {"type": "array", "items": "double"}}
    ]}"#;

    fn file(codec: Codec) -> Vec<u8> {
        let schema = Schema::parse_str(SCHEMA).unwrap();
        let mut writer = Writer::with_codec(&schema, Vec::new(), codec).unwrap();
        for n in [Value::Union(0, Box::new(Value::Null)), Value::Union(1, Box::new(Value::Long(i64::MAX)))] {
            let fields = [
                ("n", n),
                ("t", Value::TimestampMillis(-1)),
                ("b", Value::Bytes(vec![0, 0xAB])),
                ("e", Value::Enum(1, "B".into())),
                ("l", Value::Array(vec![Value::Double(0.5)])),
            ];
            writer.append_value(Value::Record(fields.map(|(name, value)| (name.to_owned(), value)).into())).unwrap();
        }
        writer.into_inner().unwrap()
    }

    #[test]
    fn a_record_becomes_one_value_whatever_the_codec() {
        for codec in [Codec::Null, Codec::Snappy, Codec::Deflate(apache_avro::DeflateSettings::default())] {
            let texts: Vec<_> = records(&file(codec)[..]).unwrap().map(Result::unwrap).collect();
            let expected = |n: &str| format!(r#"{{"n":{n},"t":-1,"b":"00AB","e":"B","l":[0.5]}}"#);
            assert_eq!(texts, [expected("null"), expected("9223372036854775807")]);
        }
    }

    #[test]
    fn a_logical_type_is_loaded_as_the_type_below_it_whatever_it_holds() {
        let typed = r#"{"type": "record", "name": "R", "fields": [
            {"name": "u", "type": {"type": "string", "logicalType": "uuid"}},
            {"name": "d", "type": {"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 2}},
            {"name": "b", "type": {"type": "bytes", "logicalType": "big-decimal"}},
            {"name": "f", "type": {"type": "fixed", "name": "F", "size": 12, "logicalType": "duration"}}]}"#;
        let plain = super::head::tests::plain(typed);
        let schema = Schema::parse_str(&plain).unwrap();
        let mut writer = Writer::new(&schema, Vec::new()).unwrap();
        let fields = [
            ("u", Value::String("not a uuid".to_owned())),
            ("d", Value::Bytes(vec![5])),
            ("b", Value::Bytes(vec![0xff])),
            ("f", Value::Fixed(12, vec![1; 12])),
        ];
        writer.append_value(Value::Record(fields.map(|(name, value)| (name.to_owned(), value)).into())).unwrap();
        let written = writer.into_inner().unwrap();
        // The same file, as the sink writes it: with the logical types in its head.
        let file = super::head::tests::with_schema(&written, typed);
        let texts: Vec<_> = records(&file[..]).unwrap().map(Result::unwrap).collect();
        assert_eq!(texts, [r#"{"u":"not a uuid","d":"05","b":"FF","f":"010101010101010101010101"}"#]);
    }

    #[test]
    fn a_union_of_records_is_loaded_by_what_it_holds() {
        let schema = r#"["null", {"type": "record", "name": "A", "namespace": "schema_1", "fields": [{"name": "x", "type": "int"}]},
            {"type": "record", "name": "A", "namespace": "schema_2", "fields": [{"name": "y", "type": "int"}]}]"#;
        let text = format!(r#"{{"type": "record", "name": "R", "fields": [{{"name": "value", "type": {schema}}}]}}"#);
        let schema = Schema::parse_str(&text).unwrap();
        let mut writer = Writer::new(&schema, Vec::new()).unwrap();
        for (branch, field) in [(1, "x"), (2, "y")] {
            let inner = Value::Record(vec![(field.to_owned(), Value::Int(7))]);
            let value = Value::Union(branch, Box::new(inner));
            writer.append_value(Value::Record(vec![("value".to_owned(), value)])).unwrap();
        }
        let texts: Vec<_> = records(&writer.into_inner().unwrap()[..]).unwrap().map(Result::unwrap).collect();
        assert_eq!(texts, [r#"{"value":{"x":7}}"#, r#"{"value":{"y":7}}"#]);
    }

    #[test]
    fn a_file_cut_short_fails_and_ends_there() {
        let whole = file(Codec::Null);
        let mut cut = records(&whole[..whole.len() - 20]).unwrap();
        assert!(cut.any(|record| record.is_err()));
        assert!(cut.next().is_none());
        assert!(records(&b"{}"[..]).is_err());
    }
}
