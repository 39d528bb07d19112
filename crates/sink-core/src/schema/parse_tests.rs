use super::*;

fn refused(text: &str) -> String {
    Schema::parse(text).unwrap_err().to_string()
}

#[test]
fn what_avro_for_java_reads_is_read() {
    let nested = |depth: usize| {
        (0..depth).fold("\"int\"".to_owned(), |inner, n| {
            format!(r#"{{"type":"record","name":"R{n}","fields":[{{"name":"f","type":{inner}}}]}}"#)
        })
    };
    for text in [
        r#"{"type":"record","name":"Value","namespace":"my-server.inventory.customers","fields":[{"name":"id","type":"int"}]}"#,
        r#"{"type":"record","name":"R","fields":[{"name":"n","type":"int","default":"none"}]}"#,
        r#"{"type":"record","name":"R","fields":[{"name":"n","type":["null","int"],"default":3}]}"#,
        r#"{"type":"record","name":"R","fields":[]}"#,
        r#"{"type":"record","name":"KafkaRecord","fields":[]}"#,
        r#"{"type":"record","name":"R","fields":[{"name":"Größe","type":{"type":{"type":"string"}}}]}"#,
        r#"{"type":"record","name":"R","fields":[{"name":"r","type":["null","R"]},{"name":"s","type":["null","R"]}]}"#,
        r#"{"type":"enum","name":"E","symbols":["A"],"default":"B"}"#,
        r#"{"type":"string","logicalType":"uuid"}"#,
        "string",
        &nested(200),
    ] {
        assert!(Schema::parse(text).is_ok(), "{text}: {}", refused(text));
    }
}

#[test]
fn what_says_nothing_about_bytes_is_refused_with_the_place() {
    for (text, part) in [
        ("{", "not JSON"),
        ("{} {}", "not JSON"),
        (r#""Order""#, "`Order`"),
        (r#"{"type":"record","name":"a.R","fields":[{"name":"f","type":"S"}]}"#, "`a.S`"),
        (r#"{"type":"record","name":"a.R","fields":[{"name":"f"}]}"#, "a.R.f"),
        (
            r#"{"type":"record","name":"a.R","fields":[{"name":"f","type":"int"},{"name":"f","type":"int"}]}"#,
            "two fields `f`",
        ),
        (r#"{"type":"record","name":"R","fields":[{"name":"f-g","type":"int"}]}"#, "f-g"),
        (r#"{"type":"record","name":"R"}"#, "`fields`"),
        (r#"{"type":"record","fields":[]}"#, "`name`"),
        (r#"{"type":"fixed","name":"F","size":-1}"#, "`size`"),
        (r#"{"type":"enum","name":"E","symbols":["A","A"]}"#, "different"),
        (r#"{"type":"array"}"#, "`items`"),
        (r#"{"type":"map"}"#, "`values`"),
        (r#"["int","int"]"#, "type int"),
        (r#"["int",["null"]]"#, "directly in a union"),
        (r#"[{"type":"fixed","name":"F","size":1},"F"]"#, "twice"),
        (r#"[{"type":"fixed","name":"F","size":1},{"type":"fixed","name":"F","size":1}]"#, "twice"),
        ("7", "found 7"),
    ] {
        assert!(refused(text).contains(part), "{text}: {}", refused(text));
    }
    let deep = format!("{}{}", "[".repeat(2000), "]".repeat(2000));
    assert_eq!(Schema::parse(&deep).unwrap_err(), SchemaError::TooDeep(2000));
}

#[test]
fn names_are_found_where_the_specification_looks() {
    let text = r#"{"type":"record","name":"R","namespace":"a","fields":[
        {"name":"own","type":{"type":"fixed","name":"F","size":1}},
        {"name":"other","type":{"type":"fixed","name":"b.F","size":2,"aliases":["G","c.H"]}},
        {"name":"near","type":"F"},
        {"name":"far","type":"b.F"}]}"#;
    let schema = Schema::parse(text).unwrap();
    let Kind::Record(_, fields) = schema.kind(schema.root()) else { panic!() };
    let fixed = |field: usize| match schema.kind(fields[field].node) {
        Kind::Fixed(names, size) => (names.full.as_str(), names.aliases.clone(), *size),
        _ => panic!(),
    };
    assert_eq!(fixed(0), ("a.F", vec![], 1));
    assert_eq!(fixed(1), ("b.F", vec!["b.G".to_owned(), "c.H".to_owned()], 2));
    assert_eq!((fixed(2), fixed(3)), (fixed(0), fixed(1)));
}

#[test]
fn references_bring_the_types_that_a_text_lacks() {
    let price = r#"{"type":"record","name":"shop.Price","fields":[{"name":"cents","type":"long"}]}"#.to_owned();
    let item = r#"{"type":"record","name":"shop.Item","fields":[{"name":"price","type":"Price"}]}"#.to_owned();
    let order = r#"{"type":"record","name":"Order","namespace":"shop","fields":[{"name":"item","type":"Item"}]}"#;
    assert!(Schema::parse_with(order, &[price.clone(), item.clone()]).is_ok());
    let missing = Schema::parse_with(order, &[item, price]).unwrap_err();
    assert_eq!(missing, SchemaError::Undefined("shop.Price".to_owned()));
}
