//! What another Avro implementation wrote, byte for byte: the schemas' meaning is theirs, not this crate's.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use contract::{CustomerEvent, framing, schemas};
use serde_json::Value;

fn cases() -> Vec<Value> {
    let file: Value = serde_json::from_str(include_str!("golden/events.json")).unwrap();
    let cases = file["cases"].as_array().unwrap().clone();
    assert!(cases.len() >= 12);
    cases
}

fn bytes(case: &Value, pointer: &str) -> Vec<u8> {
    hex::decode(case.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("no {pointer} in {case}")))
        .unwrap()
}

/// The case's event as the version can hold it.
fn event_in(case: &Value, released: &schemas::Released) -> CustomerEvent {
    let known = released.customer_attributes().unwrap();
    let mut event = case["event"].clone();
    if let Value::Object(customer) = &mut event["customer"] {
        customer.retain(|name, _| known.contains(name));
    }
    serde_json::from_value(event).unwrap()
}

#[test]
fn every_version_encodes_as_fastavro_does() {
    for released in schemas::released() {
        let schema = released.parse().unwrap();
        for case in cases() {
            let event: CustomerEvent = serde_json::from_value(case["event"].clone()).unwrap();
            let expected = bytes(&case, &format!("/datum/v{}", released.version));
            let encoded = event.encode(&schema).unwrap();
            assert_eq!(hex::encode(encoded), hex::encode(expected), "v{}, {}", released.version, case["name"]);
        }
    }
}

#[test]
fn every_version_decodes_what_fastavro_wrote() {
    for released in schemas::released() {
        let schema = released.parse().unwrap();
        for case in cases() {
            let datum = bytes(&case, &format!("/datum/v{}", released.version));
            let decoded = CustomerEvent::decode(&schema, &datum).unwrap();
            assert_eq!(decoded, event_in(&case, released), "v{}, {}", released.version, case["name"]);
        }
    }
}

#[test]
fn framing_is_confluents() {
    let schema = schemas::newest().parse().unwrap();
    for case in cases() {
        let framed = bytes(&case, "/framed/bytes");
        let id = u32::try_from(case["framed"]["schema_id"].as_u64().unwrap()).unwrap();
        let event: CustomerEvent = serde_json::from_value(case["event"].clone()).unwrap();
        assert_eq!(framing::frame(id, &event.encode(&schema).unwrap()), framed, "{}", case["name"]);
        let (found, datum) = framing::unframe(&framed).unwrap();
        assert_eq!(found, id);
        assert_eq!(CustomerEvent::decode(&schema, datum).unwrap(), event_in(&case, schemas::newest()));
    }
}
