//! One case for each rule of the specification, and the answers of `apache_avro` where it has one.

use super::{FaultKind, faults};
use crate::avro::{AvroSchema, Origin};

fn reads(reader: &str, writer: &str) -> Vec<(FaultKind, String)> {
    let parse =
        |text: &str| AvroSchema::parse(text, &[], Origin::Request).unwrap_or_else(|error| panic!("{text}: {error}"));
    let faults = faults(&parse(reader).graph, &parse(writer).graph);
    faults.into_iter().map(|fault| (fault.kind, fault.path)).collect()
}

#[track_caller]
fn accepts(reader: &str, writer: &str) {
    assert_eq!(reads(reader, writer), [], "{reader} should read {writer}");
}

#[track_caller]
fn refuses(reader: &str, writer: &str, kind: FaultKind, path: &str) {
    assert_eq!(reads(reader, writer), [(kind, path.to_owned())], "{reader} should not read {writer}");
}

#[test]
fn primitives_read_themselves_and_what_promotes_to_them() {
    let primitives = ["null", "boolean", "int", "long", "float", "double", "bytes", "string"];
    let promotions = [
        ("int", "long"),
        ("int", "float"),
        ("int", "double"),
        ("long", "float"),
        ("long", "double"),
        ("float", "double"),
        ("string", "bytes"),
        ("bytes", "string"),
    ];
    for writer in primitives {
        for reader in primitives {
            let expected = writer == reader || promotions.contains(&(writer, reader));
            let found = reads(&format!("\"{reader}\""), &format!("\"{writer}\"")).is_empty();
            assert_eq!(found, expected, "{reader} reads {writer}");
        }
    }
}

#[test]
fn logical_types_count_as_what_they_annotate() {
    accepts(r#"{"type":"long","logicalType":"timestamp-millis"}"#, r#""int""#);
    accepts(r#""string""#, r#"{"type":"string","logicalType":"uuid"}"#);
    let decimal = r#"{"type":"bytes","logicalType":"decimal","precision":4,"scale":2}"#;
    accepts(r#""bytes""#, decimal);
}

#[test]
fn containers_are_judged_by_what_they_hold() {
    accepts(r#"{"type":"array","items":"double"}"#, r#"{"type":"array","items":"int"}"#);
    let (strings, ints) = (r#"{"type":"array","items":"string"}"#, r#"{"type":"array","items":"int"}"#);
    refuses(strings, ints, FaultKind::TypeMismatch, "/items");
    let (strings, ints) = (r#"{"type":"map","values":"string"}"#, r#"{"type":"map","values":"int"}"#);
    refuses(strings, ints, FaultKind::TypeMismatch, "/values");
    refuses(strings, r#"{"type":"array","items":"string"}"#, FaultKind::TypeMismatch, "");
}

#[test]
fn fixed_needs_the_same_size_and_name() {
    let fixed = |name: &str, size: u32| format!(r#"{{"type":"fixed","name":"{name}","size":{size}}}"#);
    accepts(&fixed("a.F", 4), &fixed("b.F", 4));
    refuses(&fixed("F", 4), &fixed("F", 5), FaultKind::FixedSizeMismatch, "/size");
    refuses(&fixed("F", 4), &fixed("G", 4), FaultKind::NameMismatch, "/name");
}

#[test]
fn an_enum_without_default_needs_every_symbol_of_the_writer() {
    let writer = r#"{"type":"enum","name":"E","symbols":["A","B"]}"#;
    accepts(r#"{"type":"enum","name":"E","symbols":["B","C","A"]}"#, writer);
    refuses(r#"{"type":"enum","name":"E","symbols":["A"]}"#, writer, FaultKind::MissingEnumSymbols, "/symbols");
    accepts(r#"{"type":"enum","name":"E","symbols":["A"],"default":"A"}"#, writer);
}

#[test]
fn an_alias_of_the_reader_finds_the_writers_type_and_field() {
    let writer = r#"{"type":"record","name":"a.Old","fields":[{"name":"x","type":"int"}]}"#;
    let field = r#"{"name":"y","type":"int","aliases":["x"]}"#;
    accepts(&format!(r#"{{"type":"record","name":"a.New","aliases":["Old"],"fields":[{field}]}}"#), writer);
    let unknown = format!(r#"{{"type":"record","name":"a.New","aliases":["b.Old"],"fields":[{field}]}}"#);
    refuses(&unknown, writer, FaultKind::NameMismatch, "/name");
    // An alias says what the reader used to be called, not what the writer may be called.
    let plain = r#"{"type":"record","name":"a.Old","fields":[{"name":"x","type":"int"}]}"#;
    let aliased = r#"{"type":"record","name":"a.Old","fields":[{"name":"y","type":"int","aliases":["x"]}]}"#;
    refuses(plain, aliased, FaultKind::ReaderFieldMissingDefaultValue, "/fields/0");
}

#[test]
fn a_field_that_the_writer_lacks_needs_a_default() {
    let writer = r#"{"type":"record","name":"R","fields":[{"name":"gone","type":"int"}]}"#;
    let reader = |default: &str| {
        format!(r#"{{"type":"record","name":"R","fields":[{{"name":"x","type":["null","int"]{default}}}]}}"#)
    };
    accepts(&reader(r#","default":null"#), writer);
    refuses(&reader(""), writer, FaultKind::ReaderFieldMissingDefaultValue, "/fields/0");
}

#[test]
fn unions_are_judged_branch_by_branch() {
    accepts(r#"["null","long"]"#, r#""int""#);
    accepts(r#"["string","null"]"#, r#"["null","string"]"#);
    accepts(r#""long""#, r#"["int","long"]"#);
    accepts(r#"["null","double"]"#, r#"["int","float","null"]"#);
    refuses(r#"["null","int"]"#, r#""string""#, FaultKind::MissingUnionBranch, "");
    refuses(r#"["null","int"]"#, r#"["int","string","null"]"#, FaultKind::MissingUnionBranch, "/1");
    refuses(r#""string""#, r#"["null","string"]"#, FaultKind::TypeMismatch, "");
}

#[test]
fn a_recursive_type_is_followed_to_its_end() {
    let list = |value: &str| {
        let fields = format!(r#"{{"name":"value","type":"{value}"}},{{"name":"next","type":["null","L"]}}"#);
        format!(r#"{{"type":"record","name":"L","fields":[{fields}]}}"#)
    };
    accepts(&list("long"), &list("int"));
    refuses(&list("int"), &list("long"), FaultKind::TypeMismatch, "/fields/0/type");
}

#[test]
fn a_branch_that_fails_only_through_recursion_is_not_taken() {
    // The reader's T reads the writer's T only if its A reads the writer's A, which the missing field rules out; whichever
    // pair is looked at first, no branch may pass on an assumption that turned out to be wrong.
    let schema = |extra: &str| {
        let inner = r#"{"type":"record","name":"T","fields":[{"name":"up","type":["null","A"]}]}"#;
        format!(r#"{{"type":"record","name":"A","fields":[{{"name":"t","type":["null",{inner}]}}{extra}]}}"#)
    };
    let new_field = r#",{"name":"new","type":"int"}"#;
    refuses(&schema(new_field), &schema(""), FaultKind::ReaderFieldMissingDefaultValue, "/fields/1");
    let union = |a: &str| format!(r#"{{"type":"array","items":["null",{a}]}}"#);
    let path = "/items/1/fields/1";
    refuses(&union(&schema(new_field)), &union(&schema("")), FaultKind::ReaderFieldMissingDefaultValue, path);
}

#[test]
fn a_changed_branch_of_a_union_is_explained_from_inside() {
    let event = |email: &str| {
        let customer = format!(r#"{{"type":"record","name":"C","fields":[{{"name":"email","type":"{email}"}}]}}"#);
        format!(r#"{{"type":"record","name":"E","fields":[{{"name":"customer","type":["null",{customer}]}}]}}"#)
    };
    refuses(&event("int"), &event("string"), FaultKind::TypeMismatch, "/fields/0/type/1/fields/0/type");
}

#[test]
fn a_named_type_used_again_is_the_type_itself() {
    let defined_once = r#"{"type":"record","name":"R","fields":[
        {"name":"a","type":{"type":"enum","name":"E","symbols":["X"]}},{"name":"b","type":"E"}]}"#;
    let only_b = r#"{"type":"record","name":"R","fields":[
        {"name":"b","type":{"type":"enum","name":"E","symbols":["X"]}}]}"#;
    accepts(only_b, defined_once);
}

#[test]
fn every_fault_is_named_not_only_the_first() {
    let writer = r#"{"type":"record","name":"R","fields":[{"name":"a","type":"int"},{"name":"b","type":"int"}]}"#;
    let reader = r#"{"type":"record","name":"S","fields":[{"name":"a","type":"string"},{"name":"c","type":"int"}]}"#;
    let found: Vec<_> = reads(reader, writer).into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(found, [FaultKind::NameMismatch, FaultKind::TypeMismatch, FaultKind::ReaderFieldMissingDefaultValue]);
}
