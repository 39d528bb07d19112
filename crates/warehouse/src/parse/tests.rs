use super::*;
use std::time::Duration;

fn one(sql: &str) -> Statement {
    let mut statements = parse(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    assert_eq!(statements.len(), 1, "{sql}");
    statements.remove(0)
}

fn create(sql: &str) -> Create {
    match one(sql) {
        Statement::Create(create) => *create,
        other => panic!("{sql}: {other:?}"),
    }
}

fn refused(sql: &str) -> SqlError {
    match parse(sql) {
        Err(error) => error,
        Ok(statements) => panic!("{sql} parsed as {statements:?}"),
    }
}

fn name(text: &str) -> Name {
    Name::from_parts(text.split('.').map(str::to_owned).collect()).unwrap()
}

#[test]
fn statements_are_split_at_semicolons_outside_of_strings_and_comments() {
    let statements = parse("SELECT ';' -- ; \n; /* ; */ SELECT 2;; USE DATABASE d;").unwrap();
    assert!(matches!(statements[..], [Statement::Query(_), Statement::Query(_), Statement::Use(Use::Database(_))]));
}

#[test]
fn names_fold_to_upper_case_unless_quoted() {
    let create = create(r#"CREATE SCHEMA IF NOT EXISTS lake."Raw""#);
    assert_eq!(create.mode, CreateMode::IfNotExists);
    assert_eq!(create.name, name("LAKE.Raw"));
    let Statement::Truncate { table, .. } = one("TRUNCATE TABLE lake..t") else { panic!() };
    assert_eq!(table, name("LAKE.PUBLIC.T"));
}

#[test]
fn a_table_carries_columns_keys_and_options() {
    let create = create(
        "CREATE OR REPLACE TABLE db.s.t (id VARCHAR(36) NOT NULL PRIMARY KEY, n NUMBER(38,0) DEFAULT 1 COMMENT 'it''s',
         v VARIANT, at TIMESTAMP_LTZ(3), UNIQUE (n, v)) CLUSTER BY (id, TO_DATE(at)) CHANGE_TRACKING = TRUE
         DATA_RETENTION_TIME_IN_DAYS = 7 COMMENT = 'rows'",
    );
    assert_eq!((create.mode, create.comment.as_deref()), (CreateMode::OrReplace, Some("rows")));
    let CreateObject::Table(table) = create.object else { panic!() };
    let names: Vec<_> = table.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["ID", "N", "V", "AT"]);
    assert_eq!(table.columns[0].nullability, Nullability::NotNull);
    assert_eq!(table.columns[1].comment.as_deref(), Some("it's"));
    assert!(table.columns[1].default.is_some());
    assert_eq!(table.cluster_by.as_deref(), Some("id, TO_DATE(at)"));
    assert_eq!((table.change_tracking, table.retention.days), (Some(true), Some(7)));
    assert_eq!(table.keys[0], Key { kind: KeyKind::Primary, columns: vec!["ID".into()] });
    assert_eq!(table.keys[1], Key { kind: KeyKind::Unique, columns: vec!["N".into(), "V".into()] });
}

#[test]
fn a_table_may_come_from_a_query_or_another_table() {
    let source = |sql| match create(sql).object {
        CreateObject::Table(table) => table.source,
        other => panic!("{other:?}"),
    };
    assert!(matches!(source("CREATE TABLE t AS SELECT 1 AS a"), TableSource::Query(_)));
    assert!(matches!(source("CREATE TABLE t LIKE u"), TableSource::Like(_)));
    assert!(matches!(source("CREATE TRANSIENT TABLE t CLONE u"), TableSource::Clone(_)));
}

#[test]
fn a_view_keeps_its_query_as_written() {
    let create = create(
        "CREATE OR REPLACE VIEW v (a COMMENT 'first', b) COPY GRANTS COMMENT = 'über' AS\n  SELECT x:a::VARCHAR, 'é' FROM t; ",
    );
    let CreateObject::View(view) = create.object else { panic!() };
    assert_eq!(view.query_text, "SELECT x:a::VARCHAR, 'é' FROM t");
    assert!(create.text.starts_with("CREATE OR REPLACE VIEW v (a") && create.text.ends_with("FROM t"));
    assert_eq!(view.columns[0], ViewColumn { name: "A".into(), comment: Some("first".into()) });
    assert_eq!(create.comment.as_deref(), Some("über"));
}

#[test]
fn a_stage_keeps_its_keys_out_of_debug_output() {
    let create = create(
        "CREATE STAGE IF NOT EXISTS s URL='s3://bucket/topics/customers.events/' CREDENTIALS=(AWS_KEY_ID='k' \
         AWS_SECRET_KEY='hunter2') FILE_FORMAT = (FORMAT_NAME = db.sc.avro) COMMENT='files'",
    );
    let CreateObject::Stage(stage) = create.object else { panic!() };
    assert_eq!(stage.url.as_deref(), Some("s3://bucket/topics/customers.events/"));
    assert_eq!(stage.file_format, Some(FileFormatRef::Named(name("DB.SC.AVRO"))));
    assert!(!format!("{:?}", stage.credentials).contains("hunter2"));
    assert_eq!(stage.credentials.unwrap().secret_key, "hunter2");
}

#[test]
fn a_pipe_carries_its_copy_and_its_text() {
    let copy = "COPY INTO staging (event, file) FROM (SELECT $1:value, METADATA$FILENAME, t.$1:a.b[0]::NUMBER(10,0) AS n \
                FROM @db.s.stage/partition=0/x.y/ t) FILE_FORMAT = (TYPE = AVRO) PATTERN = '.*[.]avro' ON_ERROR = SKIP_FILE";
    let create = create(&format!("CREATE PIPE p AUTO_INGEST = TRUE COMMENT = 'c' AS {copy}"));
    let CreateObject::Pipe(pipe) = create.object else { panic!() };
    assert!(pipe.auto_ingest);
    assert_eq!(pipe.copy_text, copy);
    assert_eq!(pipe.copy.columns, ["EVENT", "FILE"]);
    assert_eq!(pipe.copy.source, StagePath { stage: name("DB.S.STAGE"), path: "partition=0/x.y/".into() });
    assert_eq!(pipe.copy.on_error, Some(OnError::SkipFile));
    assert_eq!(pipe.copy.pattern.as_deref(), Some(".*[.]avro"));
    assert_eq!(pipe.copy.file_format, Some(FileFormatRef::Inline(FileFormat::Avro)));
    let transformation = pipe.copy.transformation.unwrap();
    assert_eq!((transformation.items.len(), transformation.alias.as_deref()), (3, Some("T")));
    assert_eq!(transformation.items[2].to_string(), "t.$1:a.b[0]::NUMBER(10, 0) AS n");
}

#[test]
fn copy_takes_files_and_a_quoted_stage() {
    let Statement::Copy(copy) = one("COPY INTO t FROM '@s/a b/' FILES = ('x.avro', 'y.avro') FORCE = TRUE") else {
        panic!()
    };
    assert_eq!(copy.files, ["x.avro", "y.avro"]);
    assert!(copy.force && copy.transformation.is_none());
    let Statement::List(path) = one("LIST @s/") else { panic!() };
    assert_eq!(path, StagePath { stage: name("S"), path: String::new() });
}

#[test]
fn a_task_carries_schedule_condition_and_definition() {
    let create = create(
        "CREATE OR REPLACE TASK t WAREHOUSE = wh SCHEDULE = '2 MINUTE' SUSPEND_TASK_AFTER_NUM_FAILURES = 3
         COMMENT = 'm' WHEN SYSTEM$STREAM_HAS_DATA('db.s.st') AND NOT SYSTEM$STREAM_HAS_DATA('x')
         AS MERGE INTO a USING b ON a.i = b.i WHEN MATCHED THEN UPDATE SET a.x = b.x;",
    );
    let CreateObject::Task(task) = create.object else { panic!() };
    assert_eq!(task.options.schedule.unwrap(), Schedule { interval: Duration::from_mins(2), text: "2 MINUTE".into() });
    assert_eq!((task.options.warehouse.as_deref(), task.options.suspend_after_failures), (Some("WH"), Some(3)));
    assert_eq!(task.when.unwrap().text, "SYSTEM$STREAM_HAS_DATA('db.s.st') AND NOT SYSTEM$STREAM_HAS_DATA('x')");
    assert_eq!(task.definition, "MERGE INTO a USING b ON a.i = b.i WHEN MATCHED THEN UPDATE SET a.x = b.x");
}

#[test]
fn streams_formats_and_warehouses_carry_their_options() {
    let CreateObject::Stream(stream) =
        create("CREATE STREAM IF NOT EXISTS st ON TABLE t APPEND_ONLY = TRUE SHOW_INITIAL_ROWS = TRUE").object
    else {
        panic!()
    };
    let wanted = CreateStream { table: name("T"), mode: StreamMode::AppendOnly, initial_rows: InitialRows::Shown };
    assert_eq!(stream, wanted);
    let format = create("CREATE FILE FORMAT f TYPE = AVRO COMPRESSION = AUTO COMMENT = 'a'").object;
    assert!(matches!(format, CreateObject::FileFormat(FileFormat::Avro)));
    let CreateObject::Warehouse(warehouse) =
        create("CREATE WAREHOUSE IF NOT EXISTS w WITH WAREHOUSE_SIZE = XSMALL AUTO_SUSPEND = 60 AUTO_RESUME = TRUE")
            .object
    else {
        panic!()
    };
    assert_eq!((warehouse.size.as_deref(), warehouse.auto_suspend_seconds), (Some("X-Small"), Some(60)));
}

#[test]
fn alter_carries_each_action() {
    let action = |sql| match one(sql) {
        Statement::Alter(alter) => alter.action,
        other => panic!("{other:?}"),
    };
    assert!(matches!(action("ALTER TASK IF EXISTS t RESUME"), AlterAction::Task(AlterTask::Resume)));
    assert!(matches!(action("ALTER TASK t SET SCHEDULE = '10 S'"), AlterAction::Task(AlterTask::Set(_))));
    assert!(matches!(action("ALTER TASK t MODIFY AS SELECT 1"), AlterAction::Task(AlterTask::ModifyDefinition(_))));
    let AlterAction::Table(AlterTable::AddColumns { if_not_exists: true, columns }) =
        action("ALTER TABLE t ADD COLUMN IF NOT EXISTS a VARCHAR, b NUMBER(3,1)")
    else {
        panic!()
    };
    assert_eq!(columns.len(), 2);
    let paused = AlterPipe::SetPaused(true);
    assert!(matches!(action("ALTER PIPE p SET PIPE_EXECUTION_PAUSED = TRUE"), AlterAction::Pipe(a) if a == paused));
    assert!(matches!(
        action("ALTER VIEW v SET COMMENT = 'x'"),
        AlterAction::Comment { kind: ObjectKind::View, comment: Some(_) }
    ));
    assert!(matches!(one("ALTER SESSION SET TIMEZONE = 'UTC'"), Statement::AlterSession(p) if p[0].name == "TIMEZONE"));
}

#[test]
fn show_and_describe_carry_every_clause() {
    let Statement::Show(show) = one("SHOW TERSE STREAMS LIKE 'CUST%' IN SCHEMA db.s STARTS WITH 'C' LIMIT 5") else {
        panic!()
    };
    assert_eq!(show.kind, ShowKind::Objects(ObjectKind::Stream));
    assert_eq!(show.scope, Some(ShowScope::Schema(Some(name("DB.S")))));
    assert_eq!(show.limit, Some(5));
    assert!(show.terse && show.like.is_some() && show.starts_with.is_some());
    let Statement::Show(show) = one("SHOW TABLES IN ACCOUNT") else { panic!() };
    assert_eq!(show.scope, Some(ShowScope::Account));
    let wanted = Describe { kind: ObjectKind::FileFormat, name: name("F") };
    assert!(matches!(one("DESC FILE FORMAT f"), Statement::Describe(describe) if describe == wanted));
}

#[test]
fn transactions_and_use_have_their_short_forms() {
    assert!(matches!(one("BEGIN"), Statement::Begin));
    assert!(matches!(one("START TRANSACTION"), Statement::Begin));
    assert!(matches!(one("COMMIT WORK"), Statement::Commit));
    assert!(matches!(one("ROLLBACK"), Statement::Rollback));
    assert!(matches!(one("USE a.b"), Statement::Use(Use::Schema { database: Some(_), .. })));
    assert!(matches!(one("USE ROLE r"), Statement::Use(Use::Role(_))));
    assert!(matches!(one("EXECUTE TASK db.s.t"), Statement::ExecuteTask(_)));
}

#[test]
fn what_is_missing_is_refused_by_its_name() {
    for (sql, named) in [
        ("CREATE STREAM s ON TABLE t AT (OFFSET => -60)", "CREATE STREAM AT"),
        ("CREATE STREAM s ON VIEW v", "CREATE STREAM ON"),
        ("CREATE TASK t SCHEDULE = 'USING CRON 0 * * * * UTC' AS SELECT 1", "USING CRON"),
        ("CREATE TASK t AFTER u AS SELECT 1", "CREATE TASK AFTER"),
        ("CREATE TASK t SCHEDULE='1 M' AS BEGIN SELECT 1; END", "BEGIN"),
        ("CREATE TASK t WHEN CURRENT_DATE() > '2020-01-01' AS SELECT 1", "WHEN"),
        ("CREATE STAGE s URL='s3://b/' STORAGE_INTEGRATION = i", "STORAGE_INTEGRATION"),
        ("CREATE FILE FORMAT f TYPE = CSV", "CSV"),
        ("CREATE FILE FORMAT f TYPE = AVRO NULL_IF = ('x')", "NULL_IF"),
        ("CREATE PIPE p INTEGRATION = 'i' AS COPY INTO t FROM @s", "CREATE PIPE INTEGRATION"),
        ("COPY INTO t FROM (SELECT $1 FROM @s WHERE $1 > 0)", "WHERE"),
        ("COPY INTO t FROM @s VALIDATION_MODE = RETURN_ERRORS", "VALIDATION_MODE"),
        ("COPY INTO @s FROM t", "location"),
        ("CREATE TABLE t (a INT REFERENCES u(b))", "REFERENCES"),
        ("CREATE TEMPORARY TABLE t (a INT)", "TEMPORARY"),
        ("CREATE DYNAMIC TABLE t TARGET_LAG = '1 m' AS SELECT 1", "DYNAMIC"),
        ("CREATE SECURE VIEW v AS SELECT 1", "SECURE"),
        ("GRANT SELECT ON TABLE t TO ROLE r", "GRANT"),
        ("SHOW USERS", "USERS"),
        ("SHOW TABLES HISTORY", "HISTORY"),
        ("SHOW TABLES LIMIT 5 FROM 'A'", "FROM"),
        ("ALTER TABLE t SWAP WITH u", "SWAP"),
        ("EXPLAIN SELECT 1", "EXPLAIN"),
    ] {
        let error = refused(sql);
        assert_eq!(error.code, "000002", "{sql}: {error}");
        assert!(error.message.contains(named), "{sql}: {error}");
    }
}

#[test]
fn bad_syntax_says_where() {
    for sql in ["SELEC 1", "SELECT FROM WHERE", "CREATE TABLE t", "SELECT 1 2 3", "CREATE TASK t AS", "'open"] {
        let error = refused(sql);
        assert_eq!(error.code, "001003", "{sql}: {error}");
    }
    assert!(refused("USE DATABASE d\n garbage").message.contains("line 2, column 2"));
}
