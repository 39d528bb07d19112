use super::*;
use apache_avro::{Reader, types::Value};

fn event(n: u128) -> Vec<u8> {
    let event = contract::CustomerEvent {
        event_id: uuid::Uuid::from_u128(n),
        operation: contract::Operation::Delete,
        customer_id: uuid::Uuid::from_u128(n + 1),
        sequence: 2,
        event_time: 1_700_000_000_000,
        customer: None,
    };
    event.encode(&contract::schemas::released()[1].parse().unwrap()).unwrap()
}

/// Three rows: everything set, everything null, and a second block.
fn file(codec: Codec) -> Vec<u8> {
    let value = serde_json::from_str(contract::schemas::released()[1].source).unwrap();
    let schema = contract::file::record_schema(&[value]).to_string();
    let (mut out, mut scratch) = (Vec::new(), Scratch::default());
    let mut builder = FileBuilder::new("customers.events", 3, &schema, codec, *b"0123456789abcdef", &mut out);
    let datum = event(1);
    let value = RowValue::Datum { schema_id: 7, branch: 0, datum: &datum };
    let headers: [(&[u8], Option<&[u8]>); 2] = [(b"source", Some(b"test")), (b"not utf-8: \xff", None)];
    builder.append(&Row { offset: 10, timestamp: Some(-5), key: Some(b"k"), value }, headers.into_iter());
    let tombstone = Row { offset: 11, timestamp: None, key: None, value: RowValue::Tombstone };
    builder.append(&tombstone, std::iter::empty());
    builder.close_block(&mut out, &mut scratch).unwrap();
    let (datum, id) = (event(9), u32::MAX >> 1);
    let value = RowValue::Datum { schema_id: id, branch: 0, datum: &datum };
    builder.append(&Row { offset: i64::MAX, timestamp: Some(0), key: Some(b""), value }, std::iter::empty());
    builder.close_block(&mut out, &mut scratch).unwrap();
    builder.close_block(&mut out, &mut scratch).unwrap();
    out
}

fn field<'a>(row: &'a Value, name: &str) -> &'a Value {
    let Value::Record(fields) = row else { panic!("{row:?}") };
    let (_, value) = fields.iter().find(|(field, _)| field == name).unwrap();
    if let Value::Union(_, inner) = value { inner } else { value }
}

#[test]
fn another_implementation_reads_every_column_of_every_codec() {
    for codec in [Codec::Null, Codec::Deflate, Codec::Snappy] {
        let bytes = file(codec);
        let rows: Vec<Value> = Reader::new(&bytes[..]).unwrap().map(Result::unwrap).collect();
        assert_eq!(rows.len(), 3, "{codec:?}");
        assert_eq!(*field(&rows[0], "topic"), Value::String("customers.events".into()));
        assert_eq!(*field(&rows[0], "partition"), Value::Int(3));
        assert_eq!(*field(&rows[0], "offset"), Value::Long(10));
        assert_eq!(*field(&rows[0], "timestamp"), Value::Long(-5));
        assert_eq!(*field(&rows[0], "key"), Value::Bytes(b"k".to_vec()));
        assert_eq!(*field(&rows[0], "schema_id"), Value::Int(7));
        let Value::Array(headers) = field(&rows[0], "headers") else { panic!() };
        assert_eq!(*field(&headers[0], "value"), Value::Bytes(b"test".to_vec()));
        assert_eq!(*field(&headers[1], "key"), Value::String("not utf-8: \u{fffd}".into()));
        assert_eq!(*field(&headers[1], "value"), Value::Null);
        assert_eq!(*field(field(&rows[0], "value"), "sequence"), Value::Long(2));
        for column in ["timestamp", "key", "schema_id", "value"] {
            assert_eq!(*field(&rows[1], column), Value::Null, "{column}");
        }
        assert_eq!(*field(&rows[2], "offset"), Value::Long(i64::MAX));
        assert_eq!(*field(&rows[2], "key"), Value::Bytes(vec![]));
    }
}

/// The files' format does not change from one version to the next: warehouses hold years of them. Read once by fastavro.
#[test]
fn the_format_is_byte_for_byte_what_it_was() {
    let golden = include_bytes!("../testdata/golden.avro");
    assert!(file(Codec::Null) == golden, "differs from testdata/golden.avro");
}
