use super::*;
use contract::framing::frame;

fn schema(fields: &str) -> ValueSchema {
    ValueSchema::parse(&format!(r#"{{"type":"record","name":"R","fields":[{fields}]}}"#)).unwrap()
}

fn home(version: u32) -> Home {
    Home { subject: "t-value".to_owned(), version }
}

/// Version 1 has id 9, version 2 id 5: ids do not order versions.
fn topic() -> TopicSchemas {
    let mut topic = TopicSchemas::default();
    topic.found(9, Some(home(1)), schema(r#"{"name":"a","type":"int"}"#));
    topic.found(5, Some(home(2)), schema(r#"{"name":"a","type":"int"},{"name":"b","type":"int","default":7}"#));
    topic
}

fn begin(topic: &mut TopicSchemas, value: &[u8], file: Option<&FileShape>) -> Arc<FileShape> {
    match topic.intake(value, file) {
        Intake::Begin(shape) => shape,
        other => panic!("{other:?}"),
    }
}

fn newest(shape: &FileShape) -> Vec<u32> {
    shape.branches().iter().map(|writer| writer.id).collect()
}

#[test]
fn a_new_file_has_the_newest_version_and_older_data_is_brought_into_it() {
    let mut topic = topic();
    let (old, new) = (frame(9, &[2]), frame(5, &[2, 4]));
    let file = begin(&mut topic, &old, None);
    assert_eq!(newest(&file), [5]);
    for _ in 0..3 {
        assert!(matches!(topic.intake(&old, Some(&file)), Intake::Take { id: 9, branch: 0, datum: [2, 14] }));
        assert!(matches!(topic.intake(&new, Some(&file)), Intake::Take { id: 5, branch: 0, datum: [2, 4] }));
    }
}

#[test]
fn a_newer_version_begins_a_file_once_and_so_does_another_type() {
    let mut topic = TopicSchemas::default();
    topic.found(9, Some(home(1)), schema(r#"{"name":"a","type":"int"}"#));
    let file = begin(&mut topic, &frame(9, &[2]), None);
    topic.found(5, Some(home(2)), schema(r#"{"name":"a","type":"int"},{"name":"b","type":"int","default":7}"#));
    let newer = begin(&mut topic, &frame(5, &[2, 2]), Some(&file));
    assert_eq!(newest(&newer), [5]);
    assert!(matches!(topic.intake(&frame(9, &[2]), Some(&newer)), Intake::Take { datum: [2, 14], .. }));
    topic.found(6, None, schema(r#"{"name":"x","type":"string"}"#));
    let both = begin(&mut topic, &frame(6, &[2, b'a']), Some(&newer));
    assert_eq!(newest(&both), [5, 6]);
    for _ in 0..3 {
        assert!(matches!(topic.intake(&frame(6, &[2, b'a']), Some(&both)), Intake::Take { id: 6, branch: 1, .. }));
        assert!(matches!(
            topic.intake(&frame(9, &[2]), Some(&both)),
            Intake::Take { id: 9, branch: 0, datum: [2, 14] }
        ));
    }
}

#[test]
fn a_documented_copy_of_the_files_schema_does_not_end_the_file() {
    let mut topic = topic();
    let file = begin(&mut topic, &frame(5, &[2, 2]), None);
    let text = r#"{"type":"record","name":"R","doc":"!","fields":[{"name":"a","type":"int"},{"name":"b","type":"int","default":7}]}"#;
    topic.found(20, Some(home(3)), ValueSchema::parse(text).unwrap());
    assert!(matches!(topic.intake(&frame(20, &[2, 2]), Some(&file)), Intake::Take { id: 20, branch: 0, .. }));
}

#[test]
fn more_schemas_than_are_kept_at_hand_are_all_taken() {
    let mut topic = TopicSchemas::default();
    for version in 1..30 {
        let fields: Vec<String> =
            (0..version).map(|n| format!(r#"{{"name":"f{n}","type":"int","default":{n}}}"#)).collect();
        topic.found(100 - version, Some(home(version)), schema(&fields.join(",")));
    }
    let file = begin(&mut topic, &frame(99, &[2]), None);
    assert_eq!(newest(&file), [71]);
    for _ in 0..3 {
        for version in 1..30 {
            let value = frame(100 - version, &vec![2; version as usize]);
            let Intake::Take { datum, .. } = topic.intake(&value, Some(&file)) else { panic!("{version}") };
            let defaults: Vec<u8> = (version..29)
                .flat_map(|n| {
                    let mut out = Vec::new();
                    crate::varint::put_long(&mut out, n.into());
                    out
                })
                .collect();
            assert_eq!(datum, [vec![2; version as usize], defaults].concat());
        }
    }
}

#[test]
fn what_cannot_be_used_is_put_aside_with_the_reason() {
    let mut topic = topic();
    assert!(matches!(topic.intake(b"{}", None), Intake::Dead(Poison::Framing(_))));
    assert!(matches!(topic.intake(&frame(77, &[]), None), Intake::Ask(77)));
    topic.unusable(77, Poison::UnknownSchema(77));
    assert!(matches!(topic.intake(&frame(77, &[]), None), Intake::Dead(Poison::UnknownSchema(77))));
    assert_eq!(topic.unknown(), [77]);
    topic.found(77, Some(home(9)), schema(r#"{"name":"z","type":"int"}"#));
    assert!(topic.unknown().is_empty());
    let file = topic.shape().unwrap();
    for bytes in [&[2, 2][..], &[], &[0x80]] {
        for file in [None, file.as_deref()] {
            assert!(matches!(topic.intake(&frame(9, bytes), file), Intake::Dead(Poison::Datum { id: 9, .. })));
        }
    }
}
