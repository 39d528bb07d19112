//! What the producer and the sink rely on, through the client library that they use.

use crate::harness::{Running, choose_tls, record};
use schema_registry_converter::{
    async_impl::{
        avro::{AvroDecoder, AvroEncoder},
        schema_registry::{
            SrSettings, get_all_subjects, get_schema_by_id, get_schema_by_subject, is_compatible_schema,
        },
    },
    avro_common::get_supplied_schema,
    schema_registry_common::SubjectNameStrategy,
};
use serde_json::json;

#[tokio::test]
async fn a_client_registers_encodes_and_decodes() {
    choose_tls();
    let folder = tempfile::tempdir().unwrap();
    let registry = Running::start(&folder.path().join("registry.jsonl")).await;
    let settings = SrSettings::new(registry.url.clone());

    let schema = record(json!([{ "name": "x", "type": "long" }]));
    let avro = apache_avro::Schema::parse(&schema).unwrap();
    let strategy =
        SubjectNameStrategy::TopicNameStrategyWithSchema("a/b".to_owned(), false, get_supplied_schema(&avro));
    let registered = get_schema_by_subject(&settings, &strategy).await.unwrap();
    assert_eq!(registered.id, 1);
    assert_eq!(get_schema_by_subject(&settings, &strategy).await.unwrap().id, 1);
    assert_eq!(get_all_subjects(&settings).await.unwrap(), ["a/b-value"]);
    assert_eq!(apache_avro::Schema::parse_str(&get_schema_by_id(1, &settings).await.unwrap().schema).unwrap(), avro);

    let by_name = SubjectNameStrategy::TopicNameStrategy("a/b".to_owned(), false);
    let bytes = AvroEncoder::new(settings.clone())
        .encode(vec![("x", apache_avro::types::Value::Long(7))], by_name)
        .await
        .unwrap();
    assert_eq!(bytes, [0, 0, 0, 0, 1, 14]);
    let decoded = AvroDecoder::new(settings.clone()).decode(Some(&bytes)).await.unwrap();
    assert_eq!(decoded.value, apache_avro::types::Value::Record(vec![("x".into(), 7_i64.into())]));

    let narrower = apache_avro::Schema::parse(&record(json!([{ "name": "x", "type": "int" }]))).unwrap();
    let answer = is_compatible_schema(&settings, "a/b-value".replace('/', "%2F"), get_supplied_schema(&narrower)).await;
    assert!(!answer.unwrap());
    registry.stop().await;
}
