use super::*;
use crate::{ddl, parse::Statement, storage::Store};
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use std::time::Duration;

struct Setting {
    store: Store,
    context: SessionContext,
    _folder: tempfile::TempDir,
}

impl Setting {
    /// Everything that sql/ makes, in small.
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let mut setting = Self { store, context: SessionContext::new("ANN", "LOADER"), _folder: folder };
        for sql in [
            "CREATE DATABASE LAKE COMMENT = 'all'",
            "CREATE TRANSIENT SCHEMA LAKE.RAW DATA_RETENTION_TIME_IN_DAYS = 3",
            "CREATE WAREHOUSE LOADING WAREHOUSE_SIZE = SMALL AUTO_SUSPEND = 60",
            "CREATE FILE FORMAT LAKE.RAW.AVRO TYPE = AVRO",
            "CREATE STAGE LAKE.RAW.FILES URL = 's3://bucket/topics/' CREDENTIALS = (AWS_KEY_ID = 'key' \
             AWS_SECRET_KEY = 'hunter2') FILE_FORMAT = (FORMAT_NAME = LAKE.RAW.AVRO)",
            "CREATE TABLE LAKE.RAW.EVENTS (ID NUMBER(10,0) NOT NULL PRIMARY KEY, EVENT VARIANT COMMENT 'as it came', \
             NAME VARCHAR(20) DEFAULT 'none') COMMENT = 'rows'",
            "CREATE PIPE LAKE.RAW.LOADER AUTO_INGEST = TRUE AS COPY INTO LAKE.RAW.EVENTS (ID) FROM (SELECT $1:id FROM \
             @LAKE.RAW.FILES)",
            "CREATE STREAM LAKE.RAW.NEWS ON TABLE LAKE.RAW.EVENTS APPEND_ONLY = TRUE",
            "CREATE VIEW LAKE.RAW.NAMES (N COMMENT 'a name') AS SELECT NAME FROM LAKE.RAW.EVENTS",
            "CREATE TASK LAKE.RAW.MERGING WAREHOUSE = LOADING SCHEDULE = '2 MINUTE' WHEN \
             SYSTEM$STREAM_HAS_DATA('LAKE.RAW.NEWS') AS SELECT 1",
        ] {
            setting.create(sql).await;
        }
        setting
    }

    async fn create(&mut self, sql: &str) {
        let Statement::Create(create) = crate::parse::parse(sql).unwrap().remove(0) else { panic!("{sql}") };
        let mut transaction = self.store.begin(Duration::from_secs(1)).await.unwrap();
        ddl::create(&mut transaction, &self.context, &create).unwrap_or_else(|error| panic!("{sql}: {error}"));
        transaction.commit().await.unwrap();
    }

    fn run(&self, sql: &str) -> Result<Answer, SqlError> {
        let (snapshot, plan_view) = (self.store.snapshot(), |_: &View| Ok(vec![ResultColumn::new("N", TEXT)]));
        let result = match crate::parse::parse(sql).unwrap().remove(0) {
            Statement::Show(show) => super::show(&snapshot, &show, &self.context, &plan_view)?,
            Statement::Describe(describe) => super::describe(&snapshot, &describe, &self.context, &plan_view)?,
            other => panic!("{other:?}"),
        };
        let columns = result.columns.iter().map(|column| column.name.clone()).collect();
        let options = FormatOptions::default().with_null("NULL");
        let batch = &result.batches[0];
        let cell =
            |row: usize, at: usize| ArrayFormatter::try_new(batch.column(at), &options).unwrap().value(row).to_string();
        let rows = (0..batch.num_rows()).map(|row| (0..batch.num_columns()).map(|at| cell(row, at)).collect());
        Ok(Answer { columns, rows: rows.collect() })
    }

    fn answer(&self, sql: &str) -> Answer {
        self.run(sql).unwrap_or_else(|error| panic!("{sql}: {error}"))
    }
}

struct Answer {
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Answer {
    fn get(&self, row: usize, column: &str) -> &str {
        let at = self.columns.iter().position(|name| name == column);
        &self.rows[row][at.unwrap_or_else(|| panic!("no column {column} in {:?}", self.columns))]
    }

    fn names(&self) -> Vec<&str> {
        (0..self.rows.len()).map(|row| self.get(row, "name")).collect()
    }
}

#[tokio::test]
async fn every_object_shows_what_its_create_said() {
    let setting = Setting::new().await;
    for (sql, wanted) in [
        ("SHOW DATABASES", vec![("name", "LAKE"), ("comment", "all"), ("retention_time", "1"), ("owner", "LOADER")]),
        (
            "SHOW SCHEMAS LIKE 'raw' IN DATABASE LAKE",
            vec![("name", "RAW"), ("options", "TRANSIENT"), ("retention_time", "3"), ("database_name", "LAKE")],
        ),
        ("SHOW WAREHOUSES", vec![("name", "LOADING"), ("size", "Small"), ("auto_suspend", "60")]),
        ("SHOW FILE FORMATS IN ACCOUNT", vec![("name", "AVRO"), ("type", "AVRO")]),
        (
            "SHOW STAGES IN LAKE.RAW",
            vec![("url", "s3://bucket/topics/"), ("has_credentials", "Y"), ("type", "EXTERNAL"), ("cloud", "AWS")],
        ),
        ("SHOW TABLES IN SCHEMA LAKE.RAW", vec![("name", "EVENTS"), ("rows", "0"), ("kind", "TABLE")]),
        (
            "SHOW PIPES IN SCHEMA LAKE.RAW",
            vec![("definition", "COPY INTO LAKE.RAW.EVENTS (ID) FROM (SELECT $1:id FROM @LAKE.RAW.FILES)")],
        ),
        (
            "SHOW STREAMS IN SCHEMA LAKE.RAW",
            vec![("table_name", "LAKE.RAW.EVENTS"), ("mode", "APPEND_ONLY"), ("stale", "false"), ("type", "DELTA")],
        ),
        (
            "SHOW VIEWS IN SCHEMA LAKE.RAW",
            vec![("text", "CREATE VIEW LAKE.RAW.NAMES (N COMMENT 'a name') AS SELECT NAME FROM LAKE.RAW.EVENTS")],
        ),
        (
            "SHOW TASKS IN DATABASE LAKE",
            vec![
                ("state", "suspended"),
                ("schedule", "2 MINUTE"),
                ("warehouse", "LOADING"),
                ("condition", "SYSTEM$STREAM_HAS_DATA('LAKE.RAW.NEWS')"),
                ("definition", "SELECT 1"),
                ("predecessors", "[]"),
            ],
        ),
    ] {
        let answer = setting.answer(sql);
        assert_eq!(answer.rows.len(), 1, "{sql}");
        for (column, value) in wanted {
            assert_eq!(answer.get(0, column), value, "{sql}, {column}");
        }
    }
}

#[tokio::test]
async fn describe_tells_columns_and_never_a_secret() {
    let setting = Setting::new().await;
    let table = setting.answer("DESCRIBE TABLE LAKE.RAW.EVENTS");
    assert_eq!(table.names(), ["ID", "EVENT", "NAME"]);
    assert_eq!((table.get(0, "type"), table.get(0, "null?"), table.get(0, "primary key")), ("NUMBER(10,0)", "N", "Y"));
    assert_eq!((table.get(1, "type"), table.get(1, "comment")), ("VARIANT", "as it came"));
    assert_eq!(table.get(2, "default"), "'none'");
    assert_eq!(setting.answer("DESC VIEW LAKE.RAW.NAMES").get(0, "comment"), "a name");
    assert_eq!(setting.answer("DESC TASK LAKE.RAW.MERGING").get(0, "schedule"), "2 MINUTE");
    assert_eq!(setting.answer("DESC PIPE LAKE.RAW.LOADER").get(0, "name"), "LOADER");
    assert_eq!(setting.answer("DESC STREAM LAKE.RAW.NEWS").get(0, "mode"), "APPEND_ONLY");
    assert_eq!(setting.answer("DESC SCHEMA LAKE.RAW").names(), ["EVENTS", "NAMES"]);
    let stage = setting.answer("DESC STAGE LAKE.RAW.FILES");
    assert!(stage.rows.iter().flatten().any(|cell| cell == "LAKE.RAW.AVRO"));
    for sql in ["DESC STAGE LAKE.RAW.FILES", "SHOW STAGES IN ACCOUNT"] {
        assert!(setting.answer(sql).rows.iter().flatten().all(|cell| !cell.contains("hunter2")), "{sql}");
    }
    let columns = setting.answer("SHOW COLUMNS IN TABLE LAKE.RAW.EVENTS");
    assert_eq!(columns.get(0, "data_type"), r#"{"type":"FIXED","precision":10,"scale":0,"nullable":false}"#);
    let missing = setting.run("DESC TABLE LAKE.RAW.NOTHING").map(|_| ()).unwrap_err();
    assert_eq!(missing.code, "002003");
}

#[tokio::test]
async fn scope_and_filters_choose_and_terse_shortens() {
    let mut setting = Setting::new().await;
    setting.create("CREATE SCHEMA LAKE.CORE").await;
    setting.create("CREATE TABLE LAKE.CORE.CUSTOMERS (ID NUMBER)").await;
    setting.create("CREATE TABLE LAKE.CORE.CUSTOMERS_HISTORY (ID NUMBER)").await;
    let names = |setting: &Setting, sql: &str| {
        setting.answer(sql).names().into_iter().map(str::to_owned).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(names(&setting, "SHOW TABLES"), "CUSTOMERS CUSTOMERS_HISTORY EVENTS");
    assert_eq!(names(&setting, "SHOW TABLES LIKE 'customers%' IN ACCOUNT"), "CUSTOMERS CUSTOMERS_HISTORY");
    assert_eq!(names(&setting, "SHOW TABLES STARTS WITH 'CUSTOMERS_'"), "CUSTOMERS_HISTORY");
    assert_eq!(names(&setting, "SHOW TABLES LIMIT 1"), "CUSTOMERS");
    setting.context.database = Some("LAKE".into());
    assert_eq!(names(&setting, "SHOW TABLES IN RAW"), "EVENTS");
    assert_eq!(setting.run("SHOW TABLES IN SCHEMA").map(|_| ()).unwrap_err().code, "090106");
    assert_eq!(setting.run("SHOW TABLES IN DATABASE NOWHERE").map(|_| ()).unwrap_err().code, "002003");
    let terse = setting.answer("SHOW TERSE TASKS");
    assert_eq!(terse.columns, ["created_on", "name", "kind", "database_name", "schema_name", "schedule"]);
    assert_eq!(setting.answer("SHOW TERSE STREAMS").get(0, "kind"), "DELTA");
    // A stream whose table was replaced says so.
    setting.create("CREATE OR REPLACE TABLE LAKE.RAW.EVENTS (ID NUMBER)").await;
    assert_eq!(setting.answer("SHOW STREAMS IN SCHEMA RAW").get(0, "stale"), "true");
}
