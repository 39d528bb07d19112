use super::*;
use crate::families::Home;

fn writer(id: u32, text: &str) -> Writer {
    let home = Some(Home { subject: "s".to_owned(), version: id });
    Writer { id, home, schema: ValueSchema::parse(text).unwrap() }
}

fn composed(texts: &[&str]) -> String {
    let writers: Vec<Writer> = texts.iter().zip(5..).map(|(text, id)| writer(id, text)).collect();
    compose(&writers.iter().collect::<Vec<_>>()).unwrap()
}

const NESTED: &str = r#"{"type":"record","name":"Order","namespace":"a","fields":[
    {"name":"kind","type":{"type":"enum","name":"Kind","symbols":["X"]},"default":"X"},
    {"name":"last","type":["null","Order","a.Kind"],"default":null},
    {"name":"by","type":{"type":"map","values":{"type":"array","items":"Kind"}}}]}"#;

#[test]
fn a_file_of_one_type_has_the_registrys_own_text() {
    for text in [NESTED, r#"{"type":"string","logicalType":"uuid"}"#, r#"{"type":"array","items":"int"}"#] {
        let value: Value = serde_json::from_str(text).unwrap();
        assert_eq!(composed(&[text]), contract::file::record_schema(&[value]).to_string());
    }
}

#[test]
fn every_composed_schema_is_read_by_others_and_by_us() {
    let long = (0..200).fold("\"int\"".to_owned(), |inner, n| {
        format!(r#"{{"type":"record","name":"R{n}","fields":[{{"name":"f","type":{inner}}}]}}"#)
    });
    let dashed = r#"{"type":"record","name":"Value","namespace":"my-server.inventory","fields":[{"name":"before","type":["null",
        {"type":"record","name":"my_server.inventory.Value","fields":[]}],"default":7},{"name":"self","type":["null","Value"]}]}"#;
    let ours = r#"{"type":"record","name":"KafkaRecord","fields":[{"name":"k","type":{"type":"fixed","name":"KafkaValue","size":2}}]}"#;
    let all = [
        NESTED,
        dashed,
        ours,
        r#"["null","string"]"#,
        r#""null""#,
        "string",
        r#"{"type":"array","items":"long"}"#,
        &long,
    ];
    for texts in all.iter().map(|text| vec![*text]).chain([all.to_vec(), vec![NESTED, NESTED], vec!["string", "bytes"]])
    {
        let text = composed(&texts);
        let shown = &text[..text.len().min(2000)];
        let parsed =
            crate::schema::with_room(900, || parse_json(&text).map(|json| apache_avro::Schema::parse(&json).is_ok()));
        assert_eq!(parsed, Ok(true), "{shown}");
        let file = FileSchema::parse(&text).unwrap_or_else(|error| panic!("{error}: {shown}"));
        for (index, text) in texts.iter().enumerate() {
            let (ours, theirs) = (file.branch(index as u32).unwrap(), ValueSchema::parse(text).unwrap());
            // Programs of types that are encoded alike are alike.
            for datum in [&b"\x00\x02"[..], b"\x00", b"\x02\x02a", b"\x02\x02\x00", b"ab"] {
                assert_eq!(ours.check(datum), theirs.check(datum), "{datum:?} {text}");
            }
        }
        assert!(file.branch(texts.len() as u32).is_none());
    }
}

#[test]
fn types_of_several_families_have_a_namespace_each_and_keep_their_names_in_it() {
    let text = composed(&[NESTED, r#"["null","string"]"#, r#"{"type":"record","name":"Order","fields":[]}"#]);
    let file: Value = serde_json::from_str(&text).unwrap();
    let value = file["fields"].as_array().unwrap().last().unwrap()["type"].as_array().unwrap();
    let name =
        |branch: &Value| format!("{}.{}", branch["namespace"].as_str().unwrap(), branch["name"].as_str().unwrap());
    assert_eq!(value[0], "null");
    assert_eq!(
        value[1..].iter().map(name).collect::<Vec<_>>(),
        ["schema_5.a.Order", "schema_6.KafkaValue", "schema_7.Order"]
    );
    assert_eq!(value[1]["fields"][1]["type"][1], "schema_5.a.Order");
    assert_eq!(value[1]["fields"][2]["type"]["values"]["items"], "schema_5.a.Kind");
}

#[test]
fn types_of_references_are_written_where_they_are_used_first() {
    let price = r#"{"type":"record","name":"shop.Price","fields":[{"name":"cents","type":"long"}]}"#.to_owned();
    let unused = r#"{"type":"fixed","name":"shop.Unused","size":3}"#.to_owned();
    let order = r#"{"type":"record","name":"Order","namespace":"shop","fields":[{"name":"a","type":"Price"},{"name":"b","type":"shop.Price"}]}"#;
    let writer = Writer { id: 1, home: None, schema: ValueSchema::parse_with(order, vec![price, unused]).unwrap() };
    let text = compose(&[&writer]).unwrap();
    apache_avro::Schema::parse_str(&text).unwrap();
    assert!(!text.contains("Unused"), "{text}");
    assert_eq!(FileSchema::parse(&text).unwrap().branch(0).unwrap().check(&[2, 4]), Ok(()));
}

#[test]
fn a_schema_with_other_columns_is_not_a_files() {
    let text = composed(&["string"]);
    assert!(FileSchema::parse(&text).is_ok());
    for (from, to) in
        [("partition", "shard"), (r#"["null","string"]"#, r#""string""#), (r#"["null","string"]"#, r#"["null"]"#)]
    {
        assert!(matches!(FileSchema::parse(&text.replacen(from, to, 1)), Err(FileSchemaError::Columns)), "{from}");
    }
}

#[test]
fn what_readers_of_the_data_can_check_by_is_kept_and_what_they_would_refuse_is_not() {
    let text = r#"{"type":"record","name":"R","aliases":["Old"],"fields":[
        {"name":"a","type":"int","default":7,"aliases":["b","not-plain"]},
        {"name":"c","type":"int","default":"none"},
        {"name":"d","type":["null","int"],"default":3},
        {"name":"e","type":{"type":"record","name":"E","fields":[{"name":"f","type":"bytes","default":"\u00ff"}]},"default":{}}]}"#;
    let file: Value = serde_json::from_str(&composed(&[text, "string"])).unwrap();
    let record = &file["fields"].as_array().unwrap().last().unwrap()["type"][1];
    let field = |at: usize| &record["fields"][at];
    assert_eq!((&field(0)["default"], &field(0)["aliases"]), (&json!(7), &json!(["b"])));
    assert_eq!((field(1).get("default"), field(2).get("default")), (None, None));
    assert_eq!(field(3)["type"]["fields"][0]["default"], "\u{ff}");
    assert_eq!(field(3)["default"], json!({}));
    assert_eq!(record["aliases"], json!(["schema_5.Old"]));
    apache_avro::Schema::parse(&file).unwrap();
}
