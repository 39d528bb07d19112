//! The whole warehouse but its protocol: a file in a stage reaches a table through pipe, stream and task.

use super::*;
use crate::{
    Config, Metrics, SessionContext, SqlError,
    stage::{MemoryFiles, S3Settings},
};
use apache_avro::{Schema, Writer, types::Record};
use std::{path::Path, time::Duration};

struct Running {
    engine: Engine,
    shutdown: Shutdown,
    task: tokio::task::JoinHandle<Result<(), Error>>,
}

impl Running {
    async fn start(state: &Path, files: &Arc<MemoryFiles>) -> Self {
        let s3 = S3Settings { region: "us-east-1".into(), endpoint: None, path_style: false };
        let mut config = Config::new(state, s3);
        config.listen.set_port(0);
        config.pipe_poll_interval = Duration::from_millis(20);
        config.min_task_interval = Duration::from_secs(1);
        let files: Arc<dyn StageFiles> = files.clone();
        let warehouse = Warehouse::open_with(config, files).await.unwrap();
        let (engine, shutdown) = (warehouse.engine().clone(), Shutdown::new());
        let metrics = Metrics::unregistered();
        let task = tokio::spawn(warehouse.run(Health::new(), metrics, shutdown.clone()));
        Self { engine, shutdown, task }
    }

    async fn run(&self, sql: &str) -> Result<crate::QueryResult, SqlError> {
        self.engine.session(SessionContext::new("ANN", "LOADER")).execute(sql).await
    }

    async fn done(&self, sql: &str) {
        self.run(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// Waits until the query returns this many rows.
    async fn rows(&self, sql: &str, wanted: usize) {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
        loop {
            let found = self.run(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}")).row_count();
            if found == wanted {
                return;
            }
            assert!(tokio::time::Instant::now() < deadline, "{sql}: {found} rows, not {wanted}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn stop(self) {
        self.shutdown.request();
        drop(self.engine);
        self.task.await.unwrap().unwrap();
    }
}

fn avro(ids: &[i64]) -> Vec<u8> {
    let schema = r#"{"type": "record", "name": "R", "fields": [{"name": "id", "type": "long"}]}"#;
    let schema = Schema::parse_str(schema).unwrap();
    let mut writer = Writer::new(&schema, Vec::new()).unwrap();
    for id in ids {
        let mut record = Record::new(&schema).unwrap();
        record.put("id", *id);
        writer.append_value(record).unwrap();
    }
    writer.into_inner().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_staged_file_reaches_its_table_through_pipe_stream_and_task_also_after_a_restart() {
    let (folder, files) = (tempfile::tempdir().unwrap(), Arc::new(MemoryFiles::default()));
    let running = Running::start(folder.path(), &files).await;
    for sql in [
        "CREATE DATABASE D",
        "CREATE STAGE D.PUBLIC.FILES URL = 's3://bucket/in/' FILE_FORMAT = (TYPE = AVRO)",
        "CREATE TABLE D.PUBLIC.STAGING (ID NUMBER(19,0), FILE VARCHAR)",
        "CREATE TABLE D.PUBLIC.FINAL (ID NUMBER(19,0))",
        "CREATE STREAM D.PUBLIC.NEWS ON TABLE D.PUBLIC.STAGING APPEND_ONLY = TRUE",
        "CREATE PIPE D.PUBLIC.LOADER AUTO_INGEST = TRUE AS COPY INTO D.PUBLIC.STAGING FROM (SELECT $1:id, \
         METADATA$FILENAME FROM @D.PUBLIC.FILES)",
        "CREATE TASK D.PUBLIC.MERGING SCHEDULE = '1 SECOND' WHEN SYSTEM$STREAM_HAS_DATA('D.PUBLIC.NEWS') AS \
         MERGE INTO FINAL USING NEWS ON FINAL.ID = NEWS.ID WHEN NOT MATCHED THEN INSERT (ID) VALUES (NEWS.ID)",
        "ALTER TASK D.PUBLIC.MERGING RESUME",
    ] {
        running.done(sql).await;
    }
    let short = running.run("ALTER TASK D.PUBLIC.MERGING SET SCHEDULE = '0 SECOND'").await.unwrap_err();
    assert_eq!(short.sqlstate, "42000", "{short}");
    files.put("bucket", "in/one.avro", avro(&[1, 2]));
    running.rows("SELECT ID FROM D.PUBLIC.FINAL", 2).await;
    running.stop().await;

    files.put("bucket", "in/two.avro", avro(&[2, 3]));
    let running = Running::start(folder.path(), &files).await;
    running.rows("SELECT ID FROM D.PUBLIC.FINAL", 3).await;
    running.rows("SELECT ID FROM D.PUBLIC.STAGING WHERE FILE = 'in/one.avro'", 2).await;
    running.rows("SELECT ID FROM D.PUBLIC.STAGING", 4).await;
    // Paused, then told to run by hand.
    running.done("ALTER TASK D.PUBLIC.MERGING SUSPEND").await;
    files.put("bucket", "in/three.avro", avro(&[4]));
    running.rows("SELECT ID FROM D.PUBLIC.STAGING", 5).await;
    running.done("EXECUTE TASK D.PUBLIC.MERGING").await;
    running.rows("SELECT ID FROM D.PUBLIC.FINAL", 4).await;
    running.rows("SELECT 1 WHERE SYSTEM$PIPE_STATUS('D.PUBLIC.LOADER') LIKE '%three.avro%'", 1).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_waits_for_whoever_still_reads_so_that_the_next_start_finds_the_folder_closed() {
    let (folder, files) = (tempfile::tempdir().unwrap(), Arc::new(MemoryFiles::default()));
    let Running { engine, shutdown, mut task } = Running::start(folder.path(), &files).await;
    let reader = engine.store().snapshot();
    drop(engine);
    shutdown.request();
    assert!(tokio::time::timeout(Duration::from_millis(300), &mut task).await.is_err(), "one still reads");
    drop(reader);
    task.await.unwrap().unwrap();
    Running::start(folder.path(), &files).await.stop().await;
}
