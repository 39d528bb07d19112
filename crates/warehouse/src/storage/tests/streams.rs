use super::*;

async fn stream_fixture() -> (TempDir, Store, TableId, ObjectId) {
    let (dir, store, table) = fixture().await;
    insert(&store, table, &[(1, "before")]).await;
    let mut transaction = store.begin(WAIT).await.unwrap();
    let stream = create_stream(&mut transaction, "ST", table);
    transaction.commit().await.unwrap();
    (dir, store, table, stream)
}

#[tokio::test]
async fn a_stream_holds_appended_rows_deleted_since_or_not_and_no_images_of_updates() {
    let (dir, store, table, stream) = stream_fixture().await;
    assert_eq!(stream_rows(&store.snapshot(), stream), BTreeMap::new());
    insert(&store, table, &[(2, "b"), (3, "c"), (4, "d")]).await;
    let mut transaction = store.begin(WAIT).await.unwrap();
    let snapshot = transaction.snapshot();
    transaction.delete(table, &ids_of(&snapshot, table, 2)).unwrap();
    transaction.update(table, &ids_of(&snapshot, table, 3), &rows(&[(3, "changed")])).unwrap();
    transaction.update(table, &ids_of(&snapshot, table, 1), &rows(&[(1, "changed")])).unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(keys(&table_rows(&store.snapshot(), table)), [1, 3, 4]);
    let expected: Vec<(i32, String)> = vec![(2, "b".into()), (3, "c".into()), (4, "d".into())];
    assert_eq!(stream_rows(&store.snapshot(), stream).into_values().collect::<Vec<_>>(), expected);

    let mut transaction = store.begin(WAIT).await.unwrap();
    transaction.truncate(table).unwrap();
    transaction.commit().await.unwrap();
    drop((snapshot, store));
    let store = open(dir.path());
    assert_eq!(table_rows(&store.snapshot(), table), BTreeMap::new());
    assert_eq!(stream_rows(&store.snapshot(), stream).into_values().collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn an_offset_moves_on_commit_only_past_what_was_committed_when_the_transaction_began() {
    let (_dir, store, table, stream) = stream_fixture().await;
    insert(&store, table, &[(2, "b")]).await;
    let mut transaction = store.begin(WAIT).await.unwrap();
    transaction.insert(table, &rows(&[(3, "own")])).unwrap();
    assert_eq!(keys(&stream_rows(&transaction.snapshot(), stream)), [2], "its own rows are not in it");
    transaction.consume_stream(stream).unwrap();
    assert_eq!(keys(&stream_rows(&transaction.snapshot(), stream)), [2], "repeatable once consumed");
    drop(transaction);
    assert_eq!(keys(&stream_rows(&store.snapshot(), stream)), [2], "a rollback leaves it");

    let mut transaction = store.begin(WAIT).await.unwrap();
    transaction.insert(table, &rows(&[(3, "own")])).unwrap();
    transaction.consume_stream(stream).unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(keys(&stream_rows(&store.snapshot(), stream)), [3], "what it appended itself comes next");
}

#[tokio::test]
async fn two_streams_of_one_table_have_offsets_of_their_own() {
    let (_dir, store, table, first) = stream_fixture().await;
    insert(&store, table, &[(2, "b")]).await;
    let mut transaction = store.begin(WAIT).await.unwrap();
    let second = create_stream(&mut transaction, "ST2", table);
    transaction.consume_stream(first).unwrap();
    transaction.commit().await.unwrap();
    insert(&store, table, &[(3, "c")]).await;
    assert_eq!(keys(&stream_rows(&store.snapshot(), first)), [3]);
    assert_eq!(keys(&stream_rows(&store.snapshot(), second)), [3]);
    let mut transaction = store.begin(WAIT).await.unwrap();
    transaction.consume_stream(second).unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(keys(&stream_rows(&store.snapshot(), first)), [3]);
    assert_eq!(keys(&stream_rows(&store.snapshot(), second)), [0; 0]);
}

#[tokio::test]
async fn a_row_appended_and_changed_by_one_transaction_is_appended_as_it_left_it() {
    let (_dir, store, table, stream) = stream_fixture().await;
    // Enough that the first rows are in a file before they are changed.
    let many: Vec<(i32, &str)> = (100..400).map(|key| (key, "own")).collect();
    let mut transaction = store.begin(WAIT).await.unwrap();
    for part in many.chunks(20) {
        transaction.insert(table, &rows(part)).unwrap();
    }
    let snapshot = transaction.snapshot();
    transaction.update(table, &ids_of(&snapshot, table, 100), &rows(&[(100, "changed")])).unwrap();
    transaction.update(table, &ids_of(&snapshot, table, 100), &rows(&[(100, "again")])).unwrap();
    transaction.delete(table, &ids_of(&snapshot, table, 101)).unwrap();
    transaction.commit().await.unwrap();
    let found = stream_rows(&store.snapshot(), stream);
    assert_eq!(found.len(), 299);
    assert_eq!(found.values().filter(|row| row.1 == "again").count(), 1);
    assert_eq!(keys(&found)[..2], [100, 102]);
    assert_eq!(store.snapshot().row_count(table), 300);
}

#[tokio::test]
async fn a_stream_is_stale_once_its_table_is_gone() {
    let (_dir, store, table, stream) = stream_fixture().await;
    insert(&store, table, &[(2, "b")]).await;
    let mut transaction = store.begin(WAIT).await.unwrap();
    transaction.catalog_mut().remove(crate::parse::ObjectKind::Table, &name("T")).unwrap();
    create_table(&mut transaction, "T");
    transaction.commit().await.unwrap();
    let snapshot = store.snapshot();
    assert_eq!(snapshot.stream_has_data(stream).unwrap_err().code, "091901");
    assert!(snapshot.stream_is_stale(snapshot.catalog().by_id(stream).unwrap()));
    let mut transaction = store.begin(WAIT).await.unwrap();
    assert_eq!(transaction.consume_stream(stream).unwrap_err().code, "091901");
}

#[tokio::test]
async fn a_stream_starts_after_the_transaction_that_creates_it_even_when_that_consumes_it() {
    let (_dir, store, table) = fixture().await;
    let mut transaction = store.begin(WAIT).await.unwrap();
    transaction.insert(table, &rows(&[(1, "with it")])).unwrap();
    let stream = create_stream(&mut transaction, "ST", table);
    transaction.consume_stream(stream).unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(keys(&stream_rows(&store.snapshot(), stream)), [0; 0]);
    insert(&store, table, &[(2, "after")]).await;
    assert_eq!(keys(&stream_rows(&store.snapshot(), stream)), [2]);
}
