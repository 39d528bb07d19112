//! COPY INTO and the pipes' loader, on files in memory.

use super::Warehouse;
use crate::{
    catalog::{LoadStatus, Pipe},
    pipes::Loader,
};
use apache_avro::{Schema, Writer, types::Value};

/// An Avro file with these values of `n`.
pub(super) fn file(numbers: &[i64]) -> Vec<u8> {
    let text = r#"{"type": "record", "name": "R", "fields": [
        {"name": "n", "type": "long"}, {"name": "value", "type": ["null", "string"]}]}"#;
    let schema = Schema::parse_str(text).unwrap();
    let mut writer = Writer::new(&schema, Vec::new()).unwrap();
    for number in numbers {
        let text = Value::Union(1, Box::new(Value::String(format!("v{number}"))));
        let fields = [("n".to_owned(), Value::Long(*number)), ("value".to_owned(), text)];
        writer.append_value(Value::Record(fields.into())).unwrap();
    }
    writer.into_inner().unwrap()
}

pub(super) async fn with_stage() -> Warehouse {
    let mut warehouse = Warehouse::open().await;
    warehouse.run("CREATE FILE FORMAT AVRO_FORMAT TYPE = AVRO").await;
    warehouse
        .run("CREATE STAGE FILES URL = 's3://bucket/topics/' CREDENTIALS = (AWS_KEY_ID = 'k' AWS_SECRET_KEY = 's')")
        .await;
    warehouse
        .run("CREATE TABLE T (N NUMBER(3,0), VALUE VARIANT, FILE VARCHAR, LINE NUMBER(19,0), AT TIMESTAMP_LTZ(3), MORE VARCHAR)")
        .await;
    warehouse.files.put("bucket", "topics/a/1.avro", file(&[1, 2]));
    warehouse.files.put("bucket", "topics/a/2.avro", file(&[3]));
    warehouse.files.put("bucket", "topics/b/1.avro", file(&[4]));
    warehouse.files.put("bucket", "other/1.avro", file(&[99]));
    warehouse
}

pub(super) const COPY: &str = "COPY INTO T (N, VALUE, FILE, LINE, AT) FROM (SELECT $1:n::NUMBER(3,0), $1:value, METADATA$FILENAME, \
                    METADATA$FILE_ROW_NUMBER, METADATA$START_SCAN_TIME FROM @FILES) FILE_FORMAT = (FORMAT_NAME = 'AVRO_FORMAT')";

#[tokio::test]
async fn files_below_the_stage_are_loaded_once() {
    let mut warehouse = with_stage().await;
    let loaded = warehouse.rows(COPY).await;
    assert_eq!(loaded.len(), 3);
    assert!(loaded[0].starts_with("s3://bucket/topics/a/1.avro|LOADED|2|2|"), "{loaded:?}");
    assert_eq!(
        warehouse.rows("SELECT N, VALUE, FILE, LINE, AT IS NOT NULL, MORE FROM T ORDER BY N").await,
        [
            "1|\"v1\"|topics/a/1.avro|1|true|~",
            "2|\"v2\"|topics/a/1.avro|2|true|~",
            "3|\"v3\"|topics/a/2.avro|1|true|~",
            "4|\"v4\"|topics/b/1.avro|1|true|~",
        ]
    );
    assert_eq!(warehouse.rows(COPY).await, ["Copy executed with 0 files processed."]);
    assert_eq!(warehouse.rows(&format!("{COPY} FORCE = TRUE")).await.len(), 3);
    warehouse.files.put("bucket", "topics/c.avro", file(&[5]));
    assert_eq!(warehouse.rows(COPY).await.len(), 1);
}

#[tokio::test]
async fn a_value_of_two_hundred_levels_is_loaded() {
    let mut warehouse = with_stage().await;
    let mut value = r#"{"type": "string", "logicalType": "uuid"}"#.to_owned();
    for level in 0..200 {
        value = format!(r#"{{"type": "record", "name": "R{level}", "fields": [{{"name": "f", "type": {value}}}]}}"#);
    }
    let schema = format!(
        r#"{{"type": "record", "name": "Row", "fields": [{{"name": "n", "type": "int"}}, {{"name": "value", "type": {value}}}]}}"#
    );
    warehouse.files.put("bucket", "topics/deep/1.avro", crate::stage::by_hand(&schema, &[2, 6, b'a', b'b', b'c']));
    let loaded = warehouse.rows(&COPY.replace("@FILES", "@FILES/deep/")).await;
    assert!(loaded[0].contains("|LOADED|1|1|"), "{loaded:?}");
    let path = "f.".repeat(200);
    let found = warehouse.rows(&format!("SELECT N, VALUE:{}::VARCHAR FROM T", path.trim_end_matches('.'))).await;
    assert_eq!(found, ["1|abc"]);
}

#[tokio::test]
async fn paths_patterns_and_names_choose_files() {
    let mut warehouse = with_stage().await;
    let count = |rows: Vec<String>| rows.len();
    assert_eq!(count(warehouse.rows(&format!("{COPY} PATTERN = 'a/.*[.]avro'")).await), 2);
    assert_eq!(count(warehouse.rows(&format!("{COPY} FILES = ('b/1.avro')")).await), 1);
    warehouse.run("TRUNCATE T").await;
    assert_eq!(count(warehouse.rows(&COPY.replace("@FILES", "@FILES/a/")).await), 2);
    assert_eq!(warehouse.rows("LIST @FILES/b").await.len(), 1);
}

#[tokio::test]
async fn a_file_that_is_no_good_aborts_or_is_skipped() {
    let mut warehouse = with_stage().await;
    warehouse.files.put("bucket", "topics/a/0.avro", file(&[1, 5000]));
    warehouse.files.put("bucket", "topics/z.avro", &b"no Avro"[..]);
    let error = warehouse.error(COPY).await;
    assert!(error.message.contains("5000") && error.message.contains("topics/a/0.avro"), "{error}");
    assert_eq!(warehouse.rows("SELECT COUNT(*) FROM T").await, ["0"]);
    let loaded = warehouse.rows(&format!("{COPY} ON_ERROR = SKIP_FILE")).await;
    let failed = loaded.iter().filter(|row| row.contains("|LOAD_FAILED|")).count();
    assert_eq!((loaded.len(), failed), (5, 2), "{loaded:?}");
    assert_eq!(warehouse.rows("SELECT COUNT(*), MAX(N) FROM T").await, ["4|4"]);
}

#[tokio::test]
async fn a_copy_belongs_to_the_transaction_it_runs_in() {
    let mut warehouse = with_stage().await;
    warehouse.run("BEGIN").await;
    assert_eq!(warehouse.rows(COPY).await.len(), 3);
    warehouse.run("ROLLBACK").await;
    assert_eq!(warehouse.rows("SELECT COUNT(*) FROM T").await, ["0"]);
    assert_eq!(warehouse.rows(COPY).await.len(), 3);
}

#[tokio::test]
async fn without_a_transformation_a_record_is_one_variant() {
    let mut warehouse = with_stage().await;
    warehouse.run("CREATE TABLE RAW (RECORD VARIANT)").await;
    warehouse.run("COPY INTO RAW FROM @FILES FILE_FORMAT = (TYPE = AVRO)").await;
    assert_eq!(warehouse.rows("SELECT RECORD FROM RAW WHERE RECORD:n = 1").await, ["{\"n\":1,\"value\":\"v1\"}"]);
    assert_eq!(warehouse.error("COPY INTO RAW FROM @FILES").await.code, "000002");
    assert_eq!(warehouse.error("COPY INTO RAW FROM @NOPE FILE_FORMAT = (TYPE = AVRO)").await.code, "002003");
}

#[tokio::test]
async fn a_pipe_loads_a_file_and_remembers_it_in_one_transaction() {
    let mut warehouse = with_stage().await;
    warehouse.run(&format!("CREATE PIPE P AUTO_INGEST = TRUE AS {COPY}")).await;
    // A pipe's names are those of its own schema, whatever session it runs in.
    warehouse.run("USE SCHEMA PUBLIC").await;
    warehouse.files.put("bucket", "topics/0.avro", &b"no Avro"[..]);
    let snapshot = warehouse.engine.store().snapshot();
    let pipe: Pipe = snapshot.catalog().list::<Pipe>().next().unwrap().clone();
    let files = warehouse.engine.list(&pipe, &snapshot).await.unwrap();
    assert_eq!(
        files.iter().map(|file| file.path.as_str()).collect::<Vec<_>>(),
        ["0.avro", "a/1.avro", "a/2.avro", "b/1.avro"]
    );
    let broken = warehouse.engine.load(pipe.header.id, &files[0]).await.unwrap();
    assert_eq!((broken.status, broken.rows_loaded), (LoadStatus::Failed, 0));
    let loaded = warehouse.engine.load(pipe.header.id, &files[1]).await.unwrap();
    assert_eq!((loaded.status, loaded.rows_loaded, loaded.rows_parsed), (LoadStatus::Loaded, 2, 2));
    assert_eq!(warehouse.rows("SELECT COUNT(*) FROM S.T").await, ["2"]);
    let snapshot = warehouse.engine.store().snapshot();
    let target = crate::catalog::LoadTarget::Pipe(pipe.header.id);
    assert_eq!(snapshot.file_loads(target).unwrap().len(), 2);
}
