use super::*;
use crate::{
    catalog::{Pipe, Schema, Stage, Stream, Warehouse},
    parse::{Statement, parse},
    storage::{Store, Version},
    types::SqlType,
};
use std::time::Duration;
use tempfile::TempDir;

/// A store and a session in DB.S.
struct Fixture {
    _dir: TempDir,
    store: Store,
    context: SessionContext,
}

impl Fixture {
    async fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let context = SessionContext::new("U", "ROLE_R");
        let mut fixture = Self { _dir: dir, store, context };
        fixture.run("CREATE DATABASE DB").await.unwrap();
        fixture.run("CREATE SCHEMA S").await.unwrap();
        fixture
    }

    /// Runs statements, each in a transaction of its own; returns the last one's answer.
    async fn run(&mut self, text: &str) -> Result<String, SqlError> {
        let mut status = String::new();
        for statement in parse(text)? {
            let mut transaction = self.store.begin(Duration::from_secs(10)).await?;
            let context = &self.context;
            let outcome = match &statement {
                Statement::Create(statement) => create(&mut transaction, context, statement)?,
                Statement::Alter(statement) => alter(&mut transaction, context, statement)?,
                Statement::Drop(statement) => drop(&mut transaction, context, statement)?,
                Statement::Comment(statement) => comment(&mut transaction, context, statement)?,
                other => panic!("{other:?} is no DDL"),
            };
            transaction.commit().await?;
            status = outcome.status;
            match outcome.uses {
                Some(Use::Database(name)) => {
                    self.context.database = Some(name);
                    self.context.schema = Some("PUBLIC".to_owned());
                }
                Some(Use::Schema { schema, .. }) => self.context.schema = Some(schema),
                _ => {}
            }
        }
        Ok(status)
    }

    async fn fails(&mut self, text: &str, code: &str, naming: &str) {
        let error = self.run(text).await.expect_err(text);
        assert_eq!(error.code, code, "{text}: {error}");
        assert!(error.message.contains(naming), "{text}: {error}");
    }

    fn table(&self, name: &str) -> Table {
        self.store.snapshot().catalog().get::<Table>(&full(name)).unwrap().clone()
    }

    fn task(&self, name: &str) -> Task {
        self.store.snapshot().catalog().get::<Task>(&full(name)).unwrap().clone()
    }
}

fn full(name: &str) -> QualifiedName {
    QualifiedName::new("DB", "S", name)
}

fn shown(table: &Table) -> Vec<String> {
    let column = |column: &crate::catalog::Column| {
        format!("{} {}{}", column.name, column.data_type, if column.nullable { "" } else { " NOT NULL" })
    };
    table.columns.iter().map(column).collect()
}

#[tokio::test]
async fn answers_are_worded_as_snowflakes() {
    let mut fixture = Fixture::new().await;
    for (text, status) in [
        ("CREATE TABLE t (a NUMBER)", "Table T successfully created."),
        ("CREATE TABLE IF NOT EXISTS t (b NUMBER)", "T already exists, statement succeeded."),
        ("CREATE VIEW v AS SELECT a FROM t", "View V successfully created."),
        ("CREATE STAGE st URL = 's3://bucket/p/'", "Stage area ST successfully created."),
        ("CREATE FILE FORMAT ff TYPE = AVRO", "File format FF successfully created."),
        ("CREATE STREAM sm ON TABLE t APPEND_ONLY = TRUE", "Stream SM successfully created."),
        ("CREATE WAREHOUSE wh", "Warehouse WH successfully created."),
        ("CREATE TASK tk WAREHOUSE = wh SCHEDULE = '1 MINUTE' AS SELECT 1", "Task TK successfully created."),
        ("ALTER TASK tk RESUME", "Statement executed successfully."),
        ("DROP TASK tk", "TK successfully dropped."),
        ("DROP TASK IF EXISTS tk", "Drop statement executed successfully (TK already dropped)."),
        ("ALTER TASK IF EXISTS tk RESUME", "Statement executed successfully."),
        ("CREATE SCHEMA \"low\"", "Schema \"low\" successfully created."),
    ] {
        assert_eq!(fixture.run(text).await.as_deref(), Ok(status), "{text}");
    }
    assert_eq!(shown(&fixture.table("T")), ["A NUMBER(38,0)"]);
    assert_eq!(fixture.table("T").header.owner, "ROLE_R");
    assert_eq!(fixture.context.schema.as_deref(), Some("low"));
}

#[tokio::test]
async fn errors_name_what_is_wrong_and_leave_everything_as_it_was() {
    let mut fixture = Fixture::new().await;
    fixture.run("CREATE TABLE t (a NUMBER); CREATE VIEW v AS SELECT a FROM t; CREATE STAGE st").await.unwrap();
    for (text, code, naming) in [
        ("CREATE TABLE t (a NUMBER)", "002002", "DB.S.T"),
        ("CREATE TABLE v (a NUMBER)", "002002", "VIEW"),
        ("CREATE OR REPLACE VIEW t AS SELECT 1", "002002", "TABLE"),
        ("DROP VIEW t", "002203", "TABLE"),
        ("DROP TABLE IF EXISTS v", "002203", "VIEW"),
        ("DROP TABLE x", "002003", "DB.S.X"),
        ("CREATE TABLE nodb.s.t (a NUMBER)", "002003", "NODB"),
        ("CREATE TABLE db.nos.t (a NUMBER)", "002003", "DB.NOS"),
        ("CREATE TABLE t2 (a NUMBER, \"A\" NUMBER)", "002025", "A"),
        ("CREATE TABLE t2 (a TIMESTAMP_NTZ(9))", "000002", "TIMESTAMP_NTZ(9)"),
        ("CREATE TABLE t2 CLONE t", "000002", "CLONE"),
        ("CREATE STREAM sm ON TABLE x APPEND_ONLY = TRUE", "002003", "DB.S.X"),
        ("CREATE STREAM sm ON TABLE t", "000002", "standard streams"),
        ("CREATE STREAM sm ON TABLE v APPEND_ONLY = TRUE", "000002", "view"),
        ("CREATE STAGE s2 FILE_FORMAT = (FORMAT_NAME = 'none')", "002003", "NONE"),
        ("CREATE PIPE p AS COPY INTO x FROM @st FILE_FORMAT = (TYPE = AVRO)", "002003", "DB.S.X"),
        ("CREATE PIPE p AS COPY INTO t FROM @none FILE_FORMAT = (TYPE = AVRO)", "002003", "DB.S.NONE"),
        ("ALTER TABLE t ADD COLUMN a NUMBER", "001430", "A"),
        ("ALTER TABLE t DROP COLUMN a", "002043", "only column"),
        ("ALTER TABLE t DROP COLUMN x", "000904", "X"),
        ("ALTER TABLE t RENAME COLUMN x TO y", "000904", "X"),
        ("ALTER TABLE x ADD COLUMN b NUMBER", "002003", "DB.S.X"),
        ("ALTER TABLE t ALTER COLUMN a SET DATA TYPE VARCHAR", "002108", "VARCHAR"),
        ("COMMENT ON TABLE x IS 'c'", "002003", "DB.S.X"),
        ("ALTER WAREHOUSE wh RESUME", "002003", "WH"),
    ] {
        let before = fixture.store.snapshot().version();
        fixture.fails(text, code, naming).await;
        assert_eq!(fixture.store.snapshot().version(), before, "{text}");
    }
}

#[tokio::test]
async fn alter_table_changes_columns() {
    let mut fixture = Fixture::new().await;
    fixture.run("CREATE TABLE t (a NUMBER(5,0) NOT NULL, b VARCHAR(2), PRIMARY KEY (a))").await.unwrap();
    fixture
        .run(
            "ALTER TABLE t ADD COLUMN IF NOT EXISTS b NUMBER;
             ALTER TABLE t ADD COLUMN IF NOT EXISTS c BOOLEAN;
             ALTER TABLE t RENAME COLUMN a TO k;
             ALTER TABLE t ALTER COLUMN k SET DATA TYPE NUMBER(9,0);
             ALTER TABLE t ALTER COLUMN b SET DATA TYPE VARCHAR(20);
             ALTER TABLE t ALTER COLUMN k DROP NOT NULL;
             COMMENT ON COLUMN t.b IS 'text';
             COMMENT ON TABLE t IS 'table'",
        )
        .await
        .unwrap();
    let table = fixture.table("T");
    assert_eq!(shown(&table), ["K NUMBER(9,0)", "B VARCHAR(20)", "C BOOLEAN"]);
    assert_eq!(table.keys[0].columns, ["K"]);
    assert_eq!(table.columns[1].comment.as_deref(), Some("text"));
    assert_eq!(table.header.comment.as_deref(), Some("table"));
    fixture.run("ALTER TABLE t DROP COLUMN b; ALTER TABLE t ADD COLUMN b FLOAT").await.unwrap();
    let again = fixture.table("T");
    assert_eq!(shown(&again), ["K NUMBER(9,0)", "C BOOLEAN", "B FLOAT"]);
    assert!(again.columns[2].id > table.columns[1].id, "a new column never reads an old one's values");
    fixture.fails("ALTER TABLE t ALTER COLUMN k SET DATA TYPE NUMBER(8,0)", "002108", "NUMBER(8,0)").await;
    fixture.run("CREATE TABLE l LIKE t; ALTER TABLE l RENAME TO m").await.unwrap();
    assert_eq!(shown(&fixture.table("M")), shown(&again));
    fixture.fails("DROP TABLE l", "002003", "DB.S.L").await;
}

#[tokio::test]
async fn or_replace_makes_a_new_object() {
    let mut fixture = Fixture::new().await;
    fixture
        .run(
            "CREATE TABLE t (a NUMBER); CREATE STAGE st; CREATE STREAM sm ON TABLE t APPEND_ONLY = TRUE;
             CREATE PIPE p AUTO_INGEST = TRUE AS COPY INTO t FROM @st FILE_FORMAT = (TYPE = AVRO);
             CREATE TASK tk SCHEDULE = '1 MINUTE' AS SELECT 1; ALTER TASK tk RESUME",
        )
        .await
        .unwrap();
    let before = fixture.store.snapshot();
    let stream = before.catalog().get::<Stream>(&full("SM")).unwrap();
    let pipe = before.catalog().get::<Pipe>(&full("P")).unwrap().header.id;
    assert_eq!(fixture.task("TK").state, TaskState::Started);
    assert!(fixture.table("T").change_tracking);

    fixture.run("CREATE OR REPLACE TASK tk SCHEDULE = '1 MINUTE' AS SELECT 1").await.unwrap();
    assert_eq!(fixture.task("TK").state, TaskState::Suspended);
    fixture.run("CREATE OR REPLACE PIPE p AS COPY INTO t FROM @st FILE_FORMAT = (TYPE = AVRO)").await.unwrap();
    fixture.run("CREATE OR REPLACE STREAM sm ON TABLE t APPEND_ONLY = TRUE").await.unwrap();
    let after = fixture.store.snapshot();
    assert_ne!(after.catalog().get::<Pipe>(&full("P")).unwrap().header.id, pipe, "it forgets what it loaded");
    assert!(after.catalog().get::<Stream>(&full("SM")).unwrap().offset > stream.offset);
    assert!(!after.stream_is_stale(after.catalog().get(&full("SM")).unwrap()));

    fixture.run("CREATE OR REPLACE TABLE t (a NUMBER)").await.unwrap();
    let after = fixture.store.snapshot();
    assert!(after.stream_is_stale(after.catalog().get(&full("SM")).unwrap()));
    assert_ne!(fixture.table("T").id(), before.catalog().get::<Table>(&full("T")).unwrap().id());
}

#[tokio::test]
async fn a_started_task_is_suspended_before_it_is_changed() {
    let mut fixture = Fixture::new().await;
    fixture.run("CREATE TABLE t (a NUMBER); CREATE STREAM sm ON TABLE t APPEND_ONLY = TRUE").await.unwrap();
    fixture.run("CREATE TASK tk SCHEDULE = '1 MINUTE' AS SELECT 1").await.unwrap();
    assert_eq!(fixture.task("TK").last_committed_on, None);
    fixture.run("ALTER TASK tk RESUME").await.unwrap();
    fixture.fails("ALTER TASK tk SET SCHEDULE = '2 MINUTE'", "091421", "not suspended").await;
    fixture
        .run(
            "ALTER TASK tk SUSPEND; ALTER TASK tk SET SCHEDULE = '2 MINUTE';
             ALTER TASK tk MODIFY AS SELECT 2; ALTER TASK tk MODIFY WHEN SYSTEM$STREAM_HAS_DATA('SM')",
        )
        .await
        .unwrap();
    let task = fixture.task("TK");
    assert_eq!(task.schedule.map(|schedule| schedule.text).as_deref(), Some("2 MINUTE"));
    assert_eq!(task.definition, "SELECT 2");
    assert_eq!(task.condition.as_deref(), Some("SYSTEM$STREAM_HAS_DATA('SM')"));
    assert!(task.last_committed_on.is_some() && task.last_suspended_on.is_some());
    assert_eq!(task.state, TaskState::Suspended);
}

#[tokio::test]
async fn a_stages_keys_are_kept_but_in_no_text() {
    let mut fixture = Fixture::new().await;
    fixture.run("CREATE FILE FORMAT ff TYPE = AVRO").await.unwrap();
    fixture
        .run(
            "CREATE STAGE st URL = 's3://bucket/it''s/' CREDENTIALS = (AWS_KEY_ID = 'key' AWS_SECRET_KEY = 'hidden')
             FILE_FORMAT = (FORMAT_NAME = 'ff')",
        )
        .await
        .unwrap();
    let snapshot = fixture.store.snapshot();
    let stage = snapshot.catalog().get::<Stage>(&full("ST")).unwrap();
    assert_eq!(stage.credentials.as_ref().unwrap().secret_key, "hidden");
    assert_eq!(stage.header.text, "CREATE STAGE DB.S.ST URL = 's3://bucket/it''s/'");
    assert!(!format!("{stage:?}").contains("hidden"));
}

#[tokio::test]
async fn dropping_a_schema_or_database_drops_what_is_in_it() {
    let mut fixture = Fixture::new().await;
    fixture.run("CREATE TABLE t (a NUMBER); CREATE TABLE public.t (a NUMBER); DROP SCHEMA s").await.unwrap();
    let snapshot = fixture.store.snapshot();
    assert!(snapshot.catalog().find::<Table>(&full("T")).is_none());
    assert_eq!(snapshot.catalog().list::<Table>().count(), 1);
    assert_eq!(snapshot.catalog().list::<Schema>().count(), 1);
    fixture.run("DROP DATABASE db").await.unwrap();
    assert!(fixture.store.snapshot().catalog().objects().is_empty());
    assert!(fixture.store.snapshot().version() > Version(0));
}

#[tokio::test]
async fn a_warehouse_is_an_object_with_a_state() {
    let mut fixture = Fixture::new().await;
    fixture.run("CREATE WAREHOUSE wh AUTO_SUSPEND = 60 INITIALLY_SUSPENDED = TRUE").await.unwrap();
    fixture.fails("ALTER WAREHOUSE wh SUSPEND", "090064", "cannot be suspended").await;
    fixture.run("ALTER WAREHOUSE wh RESUME; ALTER WAREHOUSE wh RESUME IF SUSPENDED").await.unwrap();
    fixture.run("ALTER WAREHOUSE wh SET WAREHOUSE_SIZE = 'SMALL'").await.unwrap();
    let snapshot = fixture.store.snapshot();
    let warehouse = snapshot.catalog().get::<Warehouse>(&QualifiedName::account("WH")).unwrap();
    assert_eq!((warehouse.auto_suspend_seconds, warehouse.suspended), (Some(60), false));
    assert!(warehouse.size.is_some());
}

#[tokio::test]
async fn create_table_as_takes_the_querys_columns() {
    let fixture = Fixture::new().await;
    let columns = [("A".to_owned(), SqlType::INTEGER, false), ("B".to_owned(), SqlType::VARCHAR, true)];
    let statement = |text: &str| match parse(text).unwrap().remove(0) {
        Statement::Create(create) => create,
        other => panic!("{other:?}"),
    };
    let mut transaction = fixture.store.begin(Duration::from_secs(10)).await.unwrap();
    let as_select = statement("CREATE TABLE t AS SELECT 1 AS a, 'x' AS b");
    let (_, id) = create_table_as(&mut transaction, &fixture.context, &as_select, &columns).unwrap();
    let table = transaction.catalog().by_id::<Table>(id.unwrap()).unwrap();
    assert_eq!(shown(table), ["A NUMBER(38,0) NOT NULL", "B VARCHAR(16777216)"]);
    let again = statement("CREATE TABLE IF NOT EXISTS t AS SELECT 1 AS a, 'x' AS b");
    assert_eq!(create_table_as(&mut transaction, &fixture.context, &again, &columns).unwrap().1, None);
    let twice = [columns[0].clone(), columns[0].clone()];
    let other = statement("CREATE TABLE u AS SELECT 1 AS a, 1 AS a");
    assert_eq!(create_table_as(&mut transaction, &fixture.context, &other, &twice).unwrap_err().code, "002025");
}

#[tokio::test]
async fn a_column_with_nulls_cannot_become_not_null_and_one_without_can_whatever_streams_still_hold() {
    use datafusion::arrow::{
        array::{RecordBatch, new_null_array},
        datatypes::{Field, Schema as ArrowSchema},
    };
    let mut fixture = Fixture::new().await;
    fixture.run("CREATE TABLE t (a VARCHAR); CREATE STREAM sm ON TABLE t APPEND_ONLY = TRUE").await.unwrap();
    let table = fixture.table("T").id();
    let data_type = SqlType::VARCHAR.to_arrow();
    let schema = ArrowSchema::new(vec![Field::new("A", data_type.clone(), true)]);
    let nulls = RecordBatch::try_new(schema.into(), vec![new_null_array(&data_type, 2)]).unwrap();
    let mut transaction = fixture.store.begin(Duration::from_secs(10)).await.unwrap();
    transaction.insert(table, &nulls).unwrap();
    transaction.commit().await.unwrap();
    fixture.fails("ALTER TABLE t ALTER COLUMN a SET NOT NULL", "100072", "A").await;
    fixture.fails("ALTER TABLE t ADD COLUMN b NUMBER NOT NULL", "002264", "B").await;
    fixture.fails("ALTER TABLE t ADD COLUMN b NUMBER DEFAULT 1", "000002", "DEFAULT").await;

    let mut transaction = fixture.store.begin(Duration::from_secs(10)).await.unwrap();
    transaction.truncate(table).unwrap();
    transaction.commit().await.unwrap();
    fixture.run("ALTER TABLE t ALTER COLUMN a SET NOT NULL").await.unwrap();
    assert_eq!(shown(&fixture.table("T")), ["A VARCHAR(16777216) NOT NULL"]);
    let snapshot = fixture.store.snapshot();
    let stream = snapshot.catalog().get::<Stream>(&full("SM")).unwrap().header.id;
    assert_eq!(snapshot.stream(stream).unwrap()[0].read(None).unwrap()[0].num_rows(), 2);
}
