//! TASK_HISTORY and COPY_HISTORY, read by queries like any table.

use super::{
    Warehouse,
    copy::{COPY, file, with_stage},
    names, rows,
};
use crate::{
    catalog::{Pipe, QualifiedName, RunState, TaskRun},
    pipes::Loader,
    types::{Moment, SqlType},
};
use std::time::Duration;

const MINUTE: i64 = 60_000_000;

/// A run so many minutes from now that took a second.
fn run(task: &str, state: RunState, minutes: i64) -> TaskRun {
    let scheduled_at = Moment(Moment::now().0 + minutes * MINUTE);
    let skipped = state == RunState::Skipped;
    TaskRun {
        task: QualifiedName::new("DB", "S", task),
        query_id: (!skipped).then(|| format!("query-{task}-{minutes}")),
        state,
        scheduled_at,
        started_at: (!skipped).then_some(scheduled_at),
        completed_at: Some(Moment(scheduled_at.0 + 1_000_000)),
        error_code: match state {
            RunState::Failed => Some("100090".to_owned()),
            RunState::Skipped => Some("0040003".to_owned()),
            _ => None,
        },
        error_message: (state == RunState::Failed).then(|| "Duplicate row".to_owned()),
    }
}

async fn record(warehouse: &Warehouse, runs: impl IntoIterator<Item = TaskRun>) {
    let mut transaction = warehouse.engine.store().begin(Duration::from_secs(1)).await.unwrap();
    for run in runs {
        transaction.record_run(run);
    }
    transaction.commit().await.unwrap();
}

/// The task LOAD, suspended, with runs of it and of tasks that are gone.
async fn with_runs() -> Warehouse {
    let mut warehouse = Warehouse::open().await;
    warehouse.run("CREATE TABLE T (N NUMBER)").await;
    warehouse.run("CREATE STREAM CHANGES ON TABLE T APPEND_ONLY = TRUE").await;
    warehouse
        .run("CREATE TASK LOAD SCHEDULE = '10 MINUTE' WHEN SYSTEM$STREAM_HAS_DATA('CHANGES') AS INSERT INTO T SELECT 1")
        .await;
    let runs = [
        run("GONE", RunState::Failed, -90),
        run("load", RunState::Cancelled, -80),
        run("LOAD", RunState::Succeeded, 1),
        run("LOAD", RunState::Skipped, 2),
        run("LOAD", RunState::Failed, 3),
    ];
    record(&warehouse, runs).await;
    warehouse
}

#[tokio::test]
async fn task_history_is_grouped_filtered_and_ordered_like_a_table() {
    let mut warehouse = with_runs().await;
    assert_eq!(
        warehouse
            .rows(
                "SELECT NAME, STATE, COUNT(*) AS RUNS FROM TABLE(INFORMATION_SCHEMA.TASK_HISTORY()) \
                 WHERE DATABASE_NAME = 'DB' GROUP BY NAME, STATE HAVING COUNT(*) = 1 ORDER BY NAME, STATE"
            )
            .await,
        ["GONE|FAILED|1", "LOAD|FAILED|1", "LOAD|SKIPPED|1", "LOAD|SUCCEEDED|1", "load|CANCELLED|1"]
    );
    assert_eq!(
        warehouse
            .rows(
                "SELECT h.query_id, h.schema_name, h.query_text, h.condition_text, h.error_code, h.error_message, \
                 DATEDIFF('second', h.query_start_time, h.completed_time) \
                 FROM TABLE(db.information_schema.task_history(task_name => 'load')) AS h \
                 WHERE h.state <> 'CANCELLED' ORDER BY h.scheduled_time DESC LIMIT 2"
            )
            .await,
        [
            "query-LOAD-3|S|INSERT INTO T SELECT 1|SYSTEM$STREAM_HAS_DATA('CHANGES')|100090|Duplicate row|1",
            "~|S|INSERT INTO T SELECT 1|SYSTEM$STREAM_HAS_DATA('CHANGES')|40003|~|~",
        ]
    );
    // A task that is gone has left its name, and no text.
    let gone =
        "SELECT NAME, QUERY_TEXT, NEXT_SCHEDULED_TIME FROM TABLE(INFORMATION_SCHEMA.TASK_HISTORY(TASK_NAME => 'Gone'))";
    assert_eq!(warehouse.rows(gone).await, ["GONE|~|~"]);
}

#[tokio::test]
async fn task_history_has_snowflakes_columns_and_latest_runs_first() {
    let mut warehouse = with_runs().await;
    let result = warehouse.run("SELECT * FROM TABLE(INFORMATION_SCHEMA.TASK_HISTORY(RESULT_LIMIT => 2))").await;
    assert_eq!(
        names(&result)[..13],
        [
            "QUERY_ID",
            "NAME",
            "DATABASE_NAME",
            "SCHEMA_NAME",
            "QUERY_TEXT",
            "CONDITION_TEXT",
            "STATE",
            "ERROR_CODE",
            "ERROR_MESSAGE",
            "SCHEDULED_TIME",
            "QUERY_START_TIME",
            "NEXT_SCHEDULED_TIME",
            "COMPLETED_TIME",
        ]
    );
    assert_eq!(result.columns[7].data_type, SqlType::INTEGER);
    assert!(matches!(result.columns[9].data_type, SqlType::TimestampLtz { .. }));
    let states = rows(&result).iter().map(|row| row.split('|').nth(6).unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(states, ["FAILED", "SKIPPED"]);
    record(&warehouse, (0..200).map(|_| run("LOAD", RunState::Succeeded, 0))).await;
    let count = "SELECT COUNT(*) FROM TABLE(INFORMATION_SCHEMA.TASK_HISTORY())";
    assert_eq!(warehouse.rows(count).await, ["100"]);
}

#[tokio::test]
async fn arguments_of_task_history_choose_errors_and_times() {
    let mut warehouse = with_runs().await;
    let history = |arguments: &str| {
        format!("SELECT NAME, STATE FROM TABLE(INFORMATION_SCHEMA.TASK_HISTORY({arguments})) ORDER BY SCHEDULED_TIME")
    };
    assert_eq!(warehouse.rows(&history("ERROR_ONLY => TRUE")).await, ["GONE|FAILED", "load|CANCELLED", "LOAD|FAILED"]);
    let range = "SCHEDULED_TIME_RANGE_START => DATEADD(minute, -85, CURRENT_TIMESTAMP()), \
                 SCHEDULED_TIME_RANGE_END => CURRENT_TIMESTAMP()";
    assert_eq!(warehouse.rows(&history(range)).await, ["load|CANCELLED"]);
    let week = "SCHEDULED_TIME_RANGE_START => DATEADD('day', -7, CURRENT_TIMESTAMP()), RESULT_LIMIT => 10000";
    assert_eq!(warehouse.rows(&history(week)).await.len(), 5);
    for (refused, code) in [
        ("SCHEDULED_TIME_RANGE_START => DATEADD('day', -8, CURRENT_TIMESTAMP())", "001008"),
        ("RESULT_LIMIT => 0", "001008"),
        ("RESULT_LIMIT => 10001", "001008"),
        ("TASK_NAME => 'DB.S.LOAD'", "001008"),
        ("TASK_NAME => 'LOAD', TASK_NAME => 'LOAD'", "001008"),
        ("RESULT_LIMIT => (SELECT MAX(N) FROM T)", "001008"),
        ("ROOT_TASK_ID => 'x'", "000002"),
        ("'LOAD'", "000002"),
    ] {
        let error = warehouse.error(&history(refused)).await;
        assert_eq!(error.code, code, "{refused}: {error}");
    }
}

#[tokio::test]
async fn the_next_run_of_a_started_task_is_in_its_history() {
    let mut warehouse = with_runs().await;
    let coming = "SELECT NAME, QUERY_ID, NEXT_SCHEDULED_TIME = DATEADD(minute, 10, SCHEDULED_TIME), \
                  SCHEDULED_TIME > CURRENT_TIMESTAMP(), COMPLETED_TIME \
                  FROM TABLE(INFORMATION_SCHEMA.TASK_HISTORY()) WHERE STATE = 'SCHEDULED'";
    assert!(warehouse.rows(coming).await.is_empty());
    warehouse.run("ALTER TASK LOAD RESUME").await;
    assert_eq!(warehouse.rows(coming).await, ["LOAD|~|true|true|~"]);
    let ended = "SELECT COUNT(*) FROM TABLE(INFORMATION_SCHEMA.TASK_HISTORY( \
                 SCHEDULED_TIME_RANGE_END => CURRENT_TIMESTAMP())) WHERE STATE = 'SCHEDULED'";
    assert_eq!(warehouse.rows(ended).await, ["0"]);
}

#[tokio::test]
async fn copy_history_tells_what_pipes_and_copies_loaded_into_a_table() {
    let mut warehouse = with_stage().await;
    warehouse.run(&format!("CREATE PIPE P AUTO_INGEST = TRUE AS {COPY}")).await;
    warehouse.run("CREATE TABLE OTHER (RECORD VARIANT)").await;
    warehouse.run("COPY INTO OTHER FROM @FILES/b FILE_FORMAT = (TYPE = AVRO)").await;
    warehouse.run(&format!("{COPY} FILES = ('b/1.avro')")).await;
    warehouse.files.put("bucket", "topics/a/2.avro", file(&[3, 5000]));
    let snapshot = warehouse.engine.store().snapshot();
    let pipe: Pipe = snapshot.catalog().list::<Pipe>().next().unwrap().clone();
    for file in &warehouse.engine.list(&pipe, &snapshot).await.unwrap()[..2] {
        warehouse.engine.load(pipe.header.id, file).await.unwrap();
    }
    let history = |items: &str, more: &str| {
        format!(
            "SELECT {items} FROM TABLE(INFORMATION_SCHEMA.COPY_HISTORY(TABLE_NAME => 'T', \
             START_TIME => DATEADD(hours, -1, CURRENT_TIMESTAMP()){more}))"
        )
    };
    let items = "FILE_NAME, STAGE_LOCATION, ROW_COUNT, ROW_PARSED, ERROR_COUNT, STATUS, TABLE_CATALOG_NAME, \
                 TABLE_SCHEMA_NAME, TABLE_NAME, PIPE_NAME, PIPE_RECEIVED_TIME IS NULL, FILE_SIZE > 0";
    assert_eq!(
        warehouse.rows(&format!("{} ORDER BY FILE_NAME", history(items, ""))).await,
        [
            "a/1.avro|s3://bucket/topics/|2|2|0|Loaded|DB|S|T|P|false|true",
            "a/2.avro|s3://bucket/topics/|0|2|1|Load failed|DB|S|T|P|false|true",
            "b/1.avro|s3://bucket/topics/|1|1|0|Loaded|DB|S|T|~|true|true",
        ]
    );
    let failed = history("FILE_NAME, FIRST_ERROR_MESSAGE LIKE '%5000%'", ", PIPE_NAME => 's.p'");
    assert_eq!(warehouse.rows(&format!("{failed} WHERE STATUS = 'Load failed'")).await, ["a/2.avro|true"]);
    let totals =
        history("STATUS, SUM(ROW_COUNT), MAX(LAST_LOAD_TIME) IS NOT NULL", ", END_TIME => CURRENT_TIMESTAMP()");
    assert_eq!(
        warehouse.rows(&format!("{totals} GROUP BY STATUS ORDER BY 2 DESC")).await,
        ["Loaded|3|true", "Load failed|0|true"]
    );
    let before = ", END_TIME => DATEADD(minute, -30, CURRENT_TIMESTAMP())";
    assert_eq!(warehouse.rows(&history("COUNT(*)", before)).await, ["0"]);
    // A new table of the name has loaded nothing yet.
    warehouse.run("CREATE OR REPLACE TABLE T (N NUMBER)").await;
    assert_eq!(warehouse.rows(&history("COUNT(*)", "")).await, ["0"]);
    for (refused, code) in [
        ("TABLE_NAME => 'T'", "001008"),
        ("START_TIME => CURRENT_TIMESTAMP()", "001008"),
        ("TABLE_NAME => 'T', START_TIME => DATEADD('day', -15, CURRENT_TIMESTAMP())", "001008"),
        ("TABLE_NAME => 'NOPE', START_TIME => CURRENT_TIMESTAMP()", "002003"),
        ("TABLE_NAME => 'T', START_TIME => CURRENT_TIMESTAMP(), MORE => 1", "000002"),
    ] {
        let error = warehouse.error(&format!("SELECT * FROM TABLE(INFORMATION_SCHEMA.COPY_HISTORY({refused}))")).await;
        assert_eq!(error.code, code, "{refused}: {error}");
    }
}

#[tokio::test]
async fn histories_stand_in_views_joins_and_subqueries_and_other_functions_are_refused() {
    let mut warehouse = with_runs().await;
    warehouse
        .run("CREATE VIEW FAILURES AS SELECT NAME, ERROR_CODE FROM TABLE(INFORMATION_SCHEMA.TASK_HISTORY(ERROR_ONLY => TRUE))")
        .await;
    record(&warehouse, [run("LATER", RunState::Failed, 0)]).await;
    warehouse.run("CREATE SCHEMA ELSEWHERE").await;
    assert_eq!(warehouse.rows("SELECT COUNT(*) FROM S.FAILURES WHERE ERROR_CODE = 100090").await, ["3"]);
    let joined = "WITH h AS (SELECT * FROM TABLE(DB.INFORMATION_SCHEMA.TASK_HISTORY())) \
                  SELECT f.NAME FROM S.FAILURES f JOIN h ON h.NAME = f.NAME AND h.STATE = 'SUCCEEDED'";
    assert_eq!(warehouse.rows(joined).await, ["LOAD"]);
    for (refused, code) in [
        ("INFORMATION_SCHEMA.QUERY_HISTORY()", "000002"),
        ("TASK_HISTORY()", "000002"),
        ("FLATTEN(INPUT => 1)", "000002"),
        ("NOPE.INFORMATION_SCHEMA.TASK_HISTORY()", "002003"),
    ] {
        let error = warehouse.error(&format!("SELECT * FROM TABLE({refused})")).await;
        assert_eq!(error.code, code, "{refused}: {error}");
    }
}
