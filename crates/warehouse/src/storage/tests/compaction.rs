use super::*;
use crate::storage::Compaction;

/// Merges until nothing is left to merge; returns how often.
async fn compact(store: &Store) -> usize {
    let mut merges = 0;
    while store.compact().await.unwrap() != Compaction::NothingToDo {
        merges += 1;
        assert!(merges < 1000, "merging does not end");
    }
    merges
}

#[tokio::test]
async fn merging_keeps_rows_ids_and_what_streams_hold() {
    let (dir, store, table) = fixture().await;
    let mut transaction = store.begin(WAIT).await.unwrap();
    let stream = create_stream(&mut transaction, "ST", table);
    transaction.commit().await.unwrap();
    for key in 0..40 {
        insert(&store, table, &[(key, "a"), (key + 100, "b")]).await;
        let mut transaction = store.begin(WAIT).await.unwrap();
        let snapshot = transaction.snapshot();
        if key % 2 == 0 {
            transaction.delete(table, &ids_of(&snapshot, table, key)).unwrap();
        }
        transaction.update(table, &ids_of(&snapshot, table, key + 100), &rows(&[(key + 100, "c")])).unwrap();
        if key == 20 {
            transaction.consume_stream(stream).unwrap();
        }
        transaction.commit().await.unwrap();
    }
    let version = store.snapshot().version();
    let commits = store.subscribe();
    let (table_before, stream_before) = (table_rows(&store.snapshot(), table), stream_rows(&store.snapshot(), stream));
    assert_eq!(table_before.len(), 60);
    assert_eq!(stream_before.len(), 19 * 2);
    let groups_before = store.snapshot().groups(table).unwrap().len();
    assert!(compact(&store).await > 0);
    let after = store.snapshot();
    assert!(after.groups(table).unwrap().len() * 4 < groups_before);
    assert_eq!((table_rows(&after, table), stream_rows(&after, stream)), (table_before.clone(), stream_before.clone()));
    assert!(!commits.has_changed().unwrap(), "nobody is woken");
    assert_eq!(after.version(), version);
    drop((after, commits, store));

    let store = open(dir.path());
    assert_eq!(table_rows(&store.snapshot(), table), table_before);
    assert_eq!(stream_rows(&store.snapshot(), stream), stream_before);
    // Rows are found again in merged groups, whose ids have gaps and several images.
    let mut transaction = store.begin(WAIT).await.unwrap();
    let all: Vec<u64> = table_before.keys().copied().collect();
    transaction.delete(table, &all).unwrap();
    transaction.consume_stream(stream).unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(store.snapshot().row_count(table), 0);
    assert_eq!(files(dir.path()), 0, "nothing is left of rows that nobody needs");
}

#[tokio::test]
async fn rows_deleted_while_a_merge_is_written_stay_deleted() {
    let (_dir, store, table) = fixture().await;
    for key in 0..8 {
        insert(&store, table, &[(key, "a"), (key + 10, "b")]).await;
    }
    // The merge is written, and before it is installed, another transaction changes its rows.
    let (written, mut seen) = tokio::sync::mpsc::unbounded_channel();
    *store.inner.probe.lock().unwrap() = Some(Box::new(move |step| written.send(step).unwrap()));
    let mut transaction = store.begin(WAIT).await.unwrap();
    let merging = tokio::spawn({
        let store = store.clone();
        async move { store.compact().await.unwrap() }
    });
    assert_eq!(seen.recv().await, Some(Step::FileWritten));
    let snapshot = transaction.snapshot();
    transaction.delete(table, &ids_of(&snapshot, table, 3)).unwrap();
    transaction.update(table, &ids_of(&snapshot, table, 14), &rows(&[(14, "changed")])).unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(merging.await.unwrap(), Compaction::Merged { groups: 8 });
    let found = table_rows(&store.snapshot(), table);
    assert_eq!(keys(&found), [0, 1, 2, 4, 5, 6, 7, 10, 11, 12, 13, 14, 15, 16, 17]);
    assert_eq!(found.values().filter(|row| row.1 == "changed").count(), 1);
    assert_eq!(store.snapshot().groups(table).unwrap().len(), 2);
}

#[tokio::test]
async fn a_merge_of_a_table_truncated_meanwhile_is_given_up() {
    let (dir, store, table) = fixture().await;
    for key in 0..8 {
        insert(&store, table, &[(key, "a")]).await;
    }
    let (written, mut seen) = tokio::sync::mpsc::unbounded_channel();
    *store.inner.probe.lock().unwrap() = Some(Box::new(move |step| written.send(step).unwrap()));
    let mut transaction = store.begin(WAIT).await.unwrap();
    let merging = tokio::spawn({
        let store = store.clone();
        async move { store.compact().await.unwrap() }
    });
    assert_eq!(seen.recv().await, Some(Step::FileWritten));
    transaction.truncate(table).unwrap();
    transaction.commit().await.unwrap();
    merging.await.unwrap();
    assert_eq!(store.snapshot().row_count(table), 0);
    assert_eq!(files(dir.path()), 0);
}

#[tokio::test]
async fn deletion_records_of_a_group_are_folded() {
    let (dir, store, table) = fixture().await;
    let many: Vec<(i32, &str)> = (0..120).map(|key| (key, "a")).collect();
    insert(&store, table, &many).await;
    for id in 0..50 {
        let mut transaction = store.begin(WAIT).await.unwrap();
        transaction.delete(table, &[id]).unwrap();
        transaction.commit().await.unwrap();
    }
    let records = store.inner.current().tables[&table].groups.iter().map(|state| state.deletion_records).max();
    assert!(records.unwrap() <= 32, "{records:?}");
    drop(store);
    assert_eq!(keys(&table_rows(&open(dir.path()).snapshot(), table)), (50..120).collect::<Vec<_>>());
}

#[tokio::test]
async fn maintenance_merges_by_itself_and_stops_when_asked() {
    let (_dir, store, table) = fixture().await;
    let shutdown = telemetry::Shutdown::new();
    let maintenance = tokio::spawn({
        let (store, shutdown) = (store.clone(), shutdown.clone());
        async move { store.maintain(shutdown).await }
    });
    for key in 0..100 {
        insert(&store, table, &[(key, "a")]).await;
    }
    let settled = async {
        while store.snapshot().groups(table).unwrap().len() > 8 + 8 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(WAIT, settled).await.unwrap();
    shutdown.request();
    tokio::time::timeout(WAIT, maintenance).await.unwrap().unwrap();
    assert_eq!(keys(&table_rows(&store.snapshot(), table)), (0..100).collect::<Vec<_>>());
}
