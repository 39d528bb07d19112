use super::*;

fn judged(theirs: &str, written: &[u8], ours: &str, read: &[u8]) -> Verdict {
    Pairing::new(theirs, ours, false).compare(written, read)
}

fn record(fields: &str) -> String {
    format!(r#"{{"type":"record","name":"R","fields":[{fields}]}}"#)
}

#[test]
fn what_two_versions_make_of_a_value_is_told_from_what_they_do_not() {
    let numbered = |name: &str, kind: &str, more: &str| record(&format!(r#"{{"name":"{name}","type":{kind}{more}}}"#));
    let float = 1f32.to_le_bytes();
    for (theirs, written, ours, read, wrong) in [
        (numbered("a", "\"int\"", ""), &[2][..], numbered("a", "\"long\"", ""), &[2][..], &[4][..]),
        (numbered("a", "\"int\"", ""), &[2], numbered("a", "\"float\"", ""), &float, &[0; 4]),
        (
            numbered("a", "\"string\"", ""),
            b"\x02x",
            numbered("b", "\"string\"", r#","aliases":["a"],"default":"?""#),
            b"\x02x",
            b"\x02?",
        ),
        (record(""), &[], numbered("b", "\"bytes\"", r#","default":"\u00ff""#), b"\x02\xff", b"\x04\xc3\xbf"),
        (record(""), &[], numbered("b", r#"["null","int"]"#, r#","default":null"#), &[0], &[2, 0]),
        (numbered("a", r#"["int","null"]"#, ""), &[0, 2], numbered("a", r#"["null","int"]"#, ""), &[2, 2], &[0]),
        (
            numbered("a", r#"{"type":"enum","name":"E","symbols":["X","Y"]}"#, ""),
            &[2],
            numbered("a", r#"{"type":"enum","name":"E","symbols":["Z","Y"],"default":"Z"}"#, ""),
            &[2],
            &[0],
        ),
        (
            numbered("a", r#"{"type":"bytes","logicalType":"decimal","precision":4,"scale":2}"#, ""),
            b"\x02\x05",
            numbered("a", r#"["null",{"type":"bytes","logicalType":"decimal","precision":4,"scale":2}]"#, ""),
            b"\x02\x02\x05",
            b"\x02\x02\x06",
        ),
    ] {
        assert_eq!(judged(&theirs, written, &ours, read), Verdict::Same, "{theirs} as {ours}");
        assert_eq!(judged(&theirs, written, &ours, wrong), Verdict::Differs, "{theirs} as {ours}");
    }
}

#[test]
fn an_event_that_became_another_type_is_seen() {
    let event = |more: &str| {
        record(&format!(
            r#"{{"name":"event","type":[{{"type":"record","name":"Heartbeat","fields":[{{"name":"ts","type":"long"}}]}},
            {{"type":"record","name":"Order","fields":[{{"name":"ts","type":"long"}},{{"name":"amount","type":"int"}}]}}]}}{more}"#
        ))
    };
    let newer = event(r#",{"name":"trace","type":["null","string"],"default":null}"#);
    assert_eq!(judged(&event(""), &[2, 2, 84], &newer, &[2, 2, 84, 0]), Verdict::Same);
    assert_eq!(judged(&event(""), &[2, 2, 84], &newer, &[0, 2, 0]), Verdict::Differs);
}

#[test]
fn a_value_in_a_record_of_its_own_is_that_value() {
    let wrapped =
        r#"{"type":"record","name":"KafkaValue","namespace":"schema_7","fields":[{"name":"value","type":"string"}]}"#;
    assert_eq!(judged("\"string\"", b"\x02x", wrapped, b"\x02x"), Verdict::Same);
    assert_eq!(judged("\"string\"", b"\x02x", wrapped, b"\x02y"), Verdict::Differs);
}

#[test]
fn what_cannot_be_decoded_is_not_passed() {
    let dashed = r#"{"type":"record","name":"R","namespace":"a-b","fields":[]}"#;
    assert_eq!(judged(dashed, &[], &record(""), &[]), Verdict::Unjudged);
    assert_eq!(judged(&record(""), &[], &record(r#"{"name":"a","type":"int"}"#), &[]), Verdict::Unjudged);
    assert_eq!(Pairing::new("x", "x", true).compare(&[1], &[2]), Verdict::Differs);
}
