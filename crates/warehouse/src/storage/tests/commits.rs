use super::*;
use crate::catalog::{FileLoad, LoadStatus, LoadTarget, Pipe, RunState, TaskRun};

#[tokio::test]
async fn a_commit_is_all_or_nothing_over_tables_streams_loads_and_objects() {
    let (dir, store, table) = fixture().await;
    let mut transaction = store.begin(WAIT).await.unwrap();
    let stream = create_stream(&mut transaction, "ST", table);
    transaction.commit().await.unwrap();
    insert(&store, table, &[(1, "a")]).await;
    let pipe = LoadTarget::Pipe(stream);

    let work = async |store: &Store| {
        let mut transaction = store.begin(WAIT).await.unwrap();
        let other = create_table(&mut transaction, "T2");
        transaction.insert(other, &rows(&[(7, "copied")])).unwrap();
        transaction.delete(table, &ids_of(&transaction.snapshot(), table, 1)).unwrap();
        transaction.consume_stream(stream).unwrap();
        transaction.record_load(pipe, load("f1"));
        transaction
    };
    drop(work(&store).await);
    let seen = |store: &Store| {
        let snapshot = store.snapshot();
        let other = snapshot.catalog().find::<Table>(&name("T2")).map(Table::id);
        (
            keys(&table_rows(&snapshot, table)),
            other.map(|other| keys(&table_rows(&snapshot, other))),
            snapshot.stream_has_data(stream).unwrap(),
            snapshot.file_load(pipe, "f1").unwrap().is_some(),
        )
    };
    let before = (vec![1], None, true, false);
    let after = (vec![], Some(vec![7]), false, true);
    assert_eq!(seen(&store), before);
    assert_eq!(files(dir.path()), 1);

    let transaction = work(&store).await;
    assert_eq!(seen(&store), before, "nothing shows before the commit");
    transaction.commit().await.unwrap();
    assert_eq!(seen(&store), after);
    drop(store);
    assert_eq!(seen(&open(dir.path())), after, "the same after a restart");
}

#[tokio::test]
async fn readers_keep_their_snapshot_whatever_is_committed() {
    let (dir, store, table) = fixture().await;
    insert(&store, table, &[(1, "a"), (2, "b")]).await;
    let before = store.snapshot();
    let mut transaction = store.begin(WAIT).await.unwrap();
    transaction.truncate(table).unwrap();
    transaction.insert(table, &rows(&[(3, "c")])).unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(keys(&table_rows(&store.snapshot(), table)), [3]);
    // Read from the file, which must still be there for it.
    store.inner.cache.remove(1);
    assert_eq!(keys(&table_rows(&before, table)), [1, 2]);
    assert_eq!(files(dir.path()), 2);
    drop(before);
    assert_eq!(files(dir.path()), 1, "the file went with its last reader");
}

#[tokio::test]
async fn a_transaction_sees_its_own_changes_and_a_savepoint_takes_back_a_part() {
    let (_dir, store, table) = fixture().await;
    insert(&store, table, &[(1, "a")]).await;
    let mut transaction = store.begin(WAIT).await.unwrap();
    transaction.insert(table, &rows(&[(2, "b")])).unwrap();
    assert_eq!(keys(&table_rows(&transaction.snapshot(), table)), [1, 2]);
    let savepoint = transaction.savepoint();
    transaction.truncate(table).unwrap();
    create_table(&mut transaction, "GONE");
    assert_eq!(keys(&table_rows(&transaction.snapshot(), table)), [0; 0]);
    transaction.rollback_to(savepoint);
    transaction.commit().await.unwrap();
    assert_eq!(keys(&table_rows(&store.snapshot(), table)), [1, 2]);
    assert!(store.snapshot().catalog().find::<Table>(&name("GONE")).is_none());
}

#[tokio::test]
async fn rows_keep_their_ids_through_updates_and_restarts() {
    let (dir, store, table) = fixture().await;
    insert(&store, table, &[(1, "a"), (2, "b"), (3, "c")]).await;
    let ids: Vec<u64> = [3, 1].iter().flat_map(|key| ids_of(&store.snapshot(), table, *key)).collect();
    for round in ["x", "y"] {
        let mut transaction = store.begin(WAIT).await.unwrap();
        transaction.update(table, &ids, &rows(&[(3, round), (1, round)])).unwrap();
        transaction.commit().await.unwrap();
    }
    let expected = BTreeMap::from([(ids[1], (1, "y".into())), (1, (2, "b".into())), (ids[0], (3, "y".into()))]);
    assert_eq!(table_rows(&store.snapshot(), table), expected);
    drop(store);
    let store = open(dir.path());
    assert_eq!(table_rows(&store.snapshot(), table), expected);
    insert(&store, table, &[(4, "d")]).await;
    assert_eq!(ids_of(&store.snapshot(), table, 4), [3], "no id is used twice");
}

#[tokio::test]
async fn changing_a_row_twice_or_one_that_is_not_there_is_an_error() {
    let (_dir, store, table) = fixture().await;
    insert(&store, table, &[(1, "a")]).await;
    let mut transaction = store.begin(WAIT).await.unwrap();
    assert!(transaction.delete(table, &[0, 0]).unwrap_err().message.contains("twice"));
    assert!(transaction.delete(table, &[5]).unwrap_err().message.contains("no row 5"));
    transaction.delete(table, &[0]).unwrap();
    assert!(transaction.update(table, &[0], &rows(&[(1, "x")])).unwrap_err().message.contains("no row 0"));
}

#[tokio::test]
async fn what_an_update_writes_does_not_grow_with_the_table() {
    let (dir, store, table) = fixture().await;
    let many: Vec<(i32, &str)> = (0..20_000).map(|key| (key, "some text of a row")).collect();
    insert(&store, table, &many).await;
    let size = |dir: &Path| -> u64 {
        let entries = std::fs::read_dir(dir.join(super::super::GROUP_FOLDER)).unwrap();
        entries.map(|entry| entry.unwrap().metadata().unwrap().len()).sum()
    };
    let before = size(dir.path());
    let mut transaction = store.begin(WAIT).await.unwrap();
    transaction.update(table, &[10, 10_000, 19_999], &rows(&[(10, "x"), (10_000, "x"), (19_999, "x")])).unwrap();
    transaction.delete(table, &[11]).unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(store.snapshot().row_count(table), 19_999);
    let written = size(dir.path()) - before;
    assert!(written < 4096, "{written} bytes for three rows beside {before}");
}

#[tokio::test]
async fn a_second_writer_waits_and_then_gets_the_lock_timeout() {
    let (_dir, store, _) = fixture().await;
    let first = store.begin(WAIT).await.unwrap();
    assert_eq!(store.begin(Duration::from_millis(20)).await.unwrap_err().code, "000625");
    drop(first);
    store.begin(Duration::from_millis(20)).await.unwrap();
}

#[tokio::test]
async fn a_second_process_is_told_that_the_folder_is_in_use() {
    let (dir, _store, _) = fixture().await;
    let error = Store::open(dir.path()).unwrap_err();
    assert!(error.message.contains("another warehouse"), "{error}");
}

#[tokio::test]
async fn subscribers_wake_on_changes_of_rows_and_objects_and_on_nothing_else() {
    let (_dir, store, table) = fixture().await;
    let mut commits = store.subscribe();
    assert!(!commits.has_changed().unwrap());
    let before = *commits.borrow();

    let mut transaction = store.begin(WAIT).await.unwrap();
    let task = name("TK");
    let now = Moment::now();
    let run = |state| TaskRun {
        task: task.clone(),
        query_id: None,
        state,
        scheduled_at: now,
        started_at: None,
        completed_at: None,
        error_code: None,
        error_message: None,
    };
    transaction.record_run(run(RunState::Skipped));
    transaction.record_run(run(RunState::Succeeded));
    assert_eq!(transaction.commit().await.unwrap(), before);
    assert!(!commits.has_changed().unwrap());
    let states = |task: Option<&QualifiedName>, limit| -> Vec<RunState> {
        store.snapshot().task_runs(task, limit).unwrap().into_iter().map(|run| run.state).collect()
    };
    assert_eq!(states(Some(&task), 10), [RunState::Succeeded, RunState::Skipped]);
    assert_eq!(states(None, 1), [RunState::Succeeded]);
    assert_eq!(states(Some(&name("OTHER")), 10), []);

    assert_eq!(store.begin(WAIT).await.unwrap().commit().await.unwrap(), before);
    assert!(!commits.has_changed().unwrap());
    let version = insert(&store, table, &[(1, "a")]).await;
    assert!(commits.has_changed().unwrap());
    assert_eq!(*commits.borrow_and_update(), version);
}

#[tokio::test]
async fn loads_are_remembered_per_target_for_as_long_as_snowflake_does_and_forgotten_by_truncate() {
    let (_dir, store, table) = fixture().await;
    let mut transaction = store.begin(WAIT).await.unwrap();
    let header = header(&mut transaction, name("P"));
    let (pipe, table_target) = (LoadTarget::Pipe(header.id), LoadTarget::Table(table));
    let copy = "COPY INTO T FROM @STAGE".to_owned();
    transaction.catalog_mut().insert(Pipe { header, auto_ingest: true, copy, paused: false }).unwrap();
    transaction.commit().await.unwrap();
    let aged = |file: &str, days| {
        let loaded_at = Moment::now().minus_days(days);
        FileLoad { loaded_at, received_at: loaded_at, ..load(file) }
    };
    let mut transaction = store.begin(WAIT).await.unwrap();
    for target in [pipe, table_target] {
        transaction.record_load(target, aged("13 days", 13));
        transaction.record_load(target, aged("15 days", 15));
        transaction.record_load(target, aged("65 days", 65));
    }
    assert!(transaction.snapshot().file_load(pipe, "13 days").unwrap().is_some());
    transaction.commit().await.unwrap();
    let known = |target| -> Vec<String> {
        store.snapshot().file_loads(target).unwrap().into_iter().map(|load| load.file).collect()
    };
    assert_eq!(known(pipe), ["13 days"]);
    assert_eq!(known(table_target), ["13 days", "15 days"]);
    assert!(store.snapshot().file_load(pipe, "15 days").unwrap().is_none());

    let mut transaction = store.begin(WAIT).await.unwrap();
    transaction.truncate(table).unwrap();
    transaction.record_load(table_target, aged("new", 0));
    let inside = transaction.snapshot();
    assert!(inside.file_load(table_target, "13 days").unwrap().is_none());
    assert_eq!(inside.file_loads(table_target).unwrap().len(), 1);
    transaction.commit().await.unwrap();
    assert_eq!(known(table_target), ["new"]);
    assert_eq!(known(pipe), ["13 days"]);
}

#[tokio::test]
async fn a_column_added_later_is_null_in_older_rows_and_a_dropped_one_is_gone() {
    let (dir, store, table) = fixture().await;
    insert(&store, table, &[(1, "a")]).await;
    let mut transaction = store.begin(WAIT).await.unwrap();
    let change = |table: &mut Table| {
        table.columns.remove(1);
        table.columns.push(column(2, "W", SqlType::Float));
        table.columns[0].name = "RENAMED".into();
        table.columns[0].data_type = SqlType::Number { precision: 20, scale: 0 };
    };
    transaction.catalog_mut().update(&name("T"), change).unwrap();
    transaction.commit().await.unwrap();
    drop(store);
    let snapshot = open(dir.path()).snapshot();
    let batches = snapshot.scan(table).unwrap();
    let names: Vec<_> = batches[0].schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(names, ["RENAMED", "W", super::super::ROW_ID]);
    assert_eq!(batches[0].column(0).as_primitive::<Decimal128Type>().value(0), 1);
    assert_eq!(batches[0].column(1).null_count(), 1);
    let projected = snapshot.groups(table).unwrap()[0].read(Some(&[2, 0])).unwrap();
    assert_eq!(projected[0].schema().field(0).name(), super::super::ROW_ID);
    assert_eq!(projected[0].num_columns(), 2);
    assert_eq!(snapshot.groups(table).unwrap()[0].read(Some(&[])).unwrap()[0].num_rows(), 1);
}

fn load(file: &str) -> FileLoad {
    FileLoad {
        file: file.to_owned(),
        location: "s3://bucket/".to_owned(),
        etag: None,
        size_bytes: 10,
        last_modified: None,
        received_at: Moment::now(),
        loaded_at: Moment::now(),
        status: LoadStatus::Loaded,
        rows_parsed: 1,
        rows_loaded: 1,
        errors: 0,
        first_error: None,
        first_error_row: None,
        first_error_column: None,
    }
}
