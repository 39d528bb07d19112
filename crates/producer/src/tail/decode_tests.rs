//! Values that other writers write, by hand: the bytes are those of the specification.

use super::decode::Writer;
use serde_json::{Value, json};

fn shown(schema: &str, datum: &[u8]) -> Value {
    Writer::parse(schema, &[]).unwrap().decode(datum).unwrap()
}

fn field(of: &str) -> String {
    format!(r#"{{"type": "record", "name": "R", "fields": [{{"name": "f", "type": {of}}}]}}"#)
}

#[test]
fn floating_point_numbers_lose_nothing() {
    for (value, expected) in [
        (f64::NAN, json!("NaN")),
        (f64::INFINITY, json!("Infinity")),
        (f64::NEG_INFINITY, json!("-Infinity")),
        (0.1, json!(0.1)),
        (5e-324, json!(5e-324)),
    ] {
        assert_eq!(shown(r#""double""#, &value.to_le_bytes()), expected);
    }
    assert_eq!(shown(r#""float""#, &0.1_f32.to_le_bytes()).to_string(), "0.1");
    assert_eq!(shown("float", &f32::NAN.to_le_bytes()), "NaN");
}

#[test]
fn decimals_have_all_their_places() {
    let decimal = |scale: u32, bytes: &[u8]| {
        let schema = format!(r#"{{"type": "bytes", "logicalType": "decimal", "precision": 40, "scale": {scale}}}"#);
        shown(&schema, &[&[(bytes.len() * 2) as u8], bytes].concat())
    };
    assert_eq!(decimal(2, &[0x04, 0xD2]), "12.34");
    assert_eq!(decimal(2, &[5]), "0.05");
    assert_eq!(decimal(2, &[0xFF]), "-0.01");
    assert_eq!(decimal(2, &[]), "0.00");
    assert_eq!(decimal(0, &[0x80]), "-128");
    assert_eq!(decimal(0, &[0]), "0");
    assert_eq!(decimal(3, &[0x03, 0xE8]), "1.000");
    let large = [0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF];
    assert_eq!(decimal(4, &large), "17014118346046923173168730371588410.5727");
    let fixed = r#"{"type": "fixed", "name": "F", "size": 2, "logicalType": "decimal", "precision": 4, "scale": 1}"#;
    assert_eq!(shown(fixed, &[0xFF, 0x85]), "-12.3");
}

#[test]
fn what_other_writers_write_is_shown() {
    let uuid = field(r#"{"type": "string", "logicalType": "uuid"}"#).replace("\"R\"", "\"a-b.R\"");
    assert_eq!(shown(&uuid, &[6, b'a', b'b', b'c']), json!({"f": "abc"}));
    let duration = field(r#"{"type": "fixed", "name": "D", "size": 12, "logicalType": "duration"}"#);
    let datum = [1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0];
    assert_eq!(shown(&duration, &datum), json!({"f": {"months": 1, "days": 2, "millis": 3}}));
    assert_eq!(shown(&field(r#""bytes""#), &[4, 0, 0xFF]), json!({"f": {"hex": "00FF"}}));
    assert_eq!(shown(&field(r#"{"type": "long", "logicalType": "timestamp-millis"}"#), &[1]), json!({"f": -1}));
}

#[test]
fn a_union_is_shown_by_what_it_holds_and_an_alias_changes_nothing() {
    let union = field(
        r#"["null", {"type": "record", "name": "A", "namespace": "x", "aliases": ["Old"], "fields": [
            {"name": "n", "type": "int", "aliases": ["old"]}, {"name": "next", "type": ["null", "A"]}]},
            {"type": "record", "name": "B", "fields": [{"name": "e", "type": {"type": "enum", "name": "E", "symbols": ["P", "Q"]}}]}]"#,
    );
    assert_eq!(shown(&union, &[0]), json!({"f": null}));
    assert_eq!(shown(&union, &[2, 2, 2, 4, 0]), json!({"f": {"n": 1, "next": {"n": 2, "next": null}}}));
    assert_eq!(shown(&union, &[4, 2]), json!({"f": {"e": "Q"}}));
}

#[test]
fn arrays_maps_and_references_are_followed() {
    let map = r#"{"type": "map", "values": {"type": "array", "items": "int"}}"#;
    assert_eq!(shown(map, &[2, 2, b'k', 3, 4, 2, 4, 2, 6, 0, 0]), json!({"k": [1, 2, 3]}));
    let reference = r#"{"type": "fixed", "name": "x.F", "size": 1}"#.to_owned();
    let writer = Writer::parse(&field(r#""x.F""#), &[reference]).unwrap();
    assert_eq!(writer.decode(&[7]).unwrap(), json!({"f": {"hex": "07"}}));
}

#[test]
fn damaged_bytes_are_refused_with_the_reason() {
    let refused = |schema: &str, datum: &[u8]| Writer::parse(schema, &[]).unwrap().decode(datum).unwrap_err();
    assert!(refused("int", &[2, 0]).contains("trailing"));
    assert!(refused("int", &[]).contains("end within"));
    assert!(refused("string", &[4, b'a']).contains("end within"));
    assert!(refused(r#"["null"]"#, &[2]).contains("branch"));
    assert!(refused(r#""Unknown""#, &[]).contains("`Unknown`"));
    let list = r#"{"type": "record", "name": "L", "fields": [{"name": "n", "type": ["null", "L"]}]}"#;
    assert!(refused(list, &[2; 1000]).contains("nests"));
    let nulls = r#"{"type": "array", "items": "null"}"#;
    assert!(refused(nulls, &[0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F, 0]).contains("without bytes"));
}
