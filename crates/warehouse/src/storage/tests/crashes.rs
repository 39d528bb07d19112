use super::*;
use std::{
    fs,
    path::PathBuf,
    sync::{Arc, Mutex},
};

/// What is in the folder, as after a power cut: the copy of a store that is open was never closed.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Copies the folder at every step of what `work` does and returns the steps with the copies.
fn watch(store: &Store, dir: &Path, copies: &Path) -> Arc<Mutex<Vec<(Step, PathBuf)>>> {
    let taken = Arc::new(Mutex::new(Vec::new()));
    let (seen, dir, copies) = (Arc::clone(&taken), dir.to_owned(), copies.to_owned());
    *store.inner.probe.lock().unwrap() = Some(Box::new(move |step| {
        let mut seen = seen.lock().unwrap();
        let to = copies.join(seen.len().to_string());
        copy(&dir, &to);
        seen.push((step, to));
    }));
    taken
}

#[tokio::test]
async fn a_crash_at_any_step_of_a_commit_leaves_the_state_before_or_after_and_no_orphans() {
    let (dir, store, table) = fixture().await;
    let mut transaction = store.begin(WAIT).await.unwrap();
    let stream = create_stream(&mut transaction, "ST", table);
    transaction.commit().await.unwrap();
    insert(&store, table, &[(1, "a"), (2, "b")]).await;

    let copies = TempDir::new().unwrap();
    let watched = watch(&store, dir.path(), copies.path());
    let mut transaction = store.begin(WAIT).await.unwrap();
    let other = create_table(&mut transaction, "T2");
    for key in 0..10 {
        let part: Vec<(i32, &str)> = (0..50).map(|row| (key * 50 + row, "copied")).collect();
        transaction.insert(other, &rows(&part)).unwrap();
    }
    transaction.delete(table, &[0]).unwrap();
    transaction.consume_stream(stream).unwrap();
    transaction.commit().await.unwrap();

    let taken = std::mem::take(&mut *watched.lock().unwrap());
    let steps: Vec<Step> = taken.iter().map(|(step, _)| *step).collect();
    assert!(steps.iter().filter(|step| **step == Step::FileWritten).count() > 1, "{steps:?}");
    assert_eq!(steps[steps.len() - 3..], [Step::FilesSynced, Step::Recorded, Step::Published]);
    for (step, dir) in taken {
        let is_recorded = matches!(step, Step::Recorded | Step::Published);
        let store = open(&dir);
        let snapshot = store.snapshot();
        assert_eq!(keys(&table_rows(&snapshot, table)), if is_recorded { vec![2] } else { vec![1, 2] }, "{step:?}");
        assert_eq!(snapshot.stream_has_data(stream).unwrap(), !is_recorded, "{step:?}");
        let in_second = snapshot.catalog().find::<Table>(&name("T2")).map(|table| snapshot.row_count(table.id()));
        assert_eq!(in_second, is_recorded.then_some(500), "{step:?}");
        let named = store.inner.current().group_ids().len();
        assert_eq!(files(&dir), named, "orphans after {step:?}");
        // And it goes on from there.
        insert(&store, table, &[(9, "next")]).await;
        assert_eq!(keys(&table_rows(&store.snapshot(), table)).last(), Some(&9));
    }
}

#[tokio::test]
async fn a_crash_at_any_step_of_a_merge_changes_nothing() {
    let (dir, store, table) = fixture().await;
    for key in 0..10 {
        insert(&store, table, &[(key, "a")]).await;
    }
    let before = table_rows(&store.snapshot(), table);
    let copies = TempDir::new().unwrap();
    let watched = watch(&store, dir.path(), copies.path());
    store.compact().await.unwrap();
    let taken = std::mem::take(&mut *watched.lock().unwrap());
    assert_eq!(taken.len(), 4);
    for (step, dir) in taken {
        let store = open(&dir);
        assert_eq!(table_rows(&store.snapshot(), table), before, "{step:?}");
        assert_eq!(files(&dir), store.inner.current().group_ids().len(), "orphans after {step:?}");
    }
}

#[tokio::test]
async fn a_commit_that_cannot_write_changes_nothing_and_says_what_failed() {
    let (dir, store, table) = fixture().await;
    insert(&store, table, &[(1, "a")]).await;
    let groups = dir.path().join(super::super::GROUP_FOLDER);
    let aside = dir.path().join("aside");
    fs::rename(&groups, &aside).unwrap();
    let mut transaction = store.begin(WAIT).await.unwrap();
    transaction.insert(table, &rows(&[(2, "b")])).unwrap();
    let error = transaction.commit().await.unwrap_err();
    assert!(error.code == "000603" && error.message.contains("cannot write"), "{error}");
    fs::rename(&aside, &groups).unwrap();
    assert_eq!(keys(&table_rows(&store.snapshot(), table)), [1]);
    insert(&store, table, &[(3, "c")]).await;
    assert_eq!(keys(&table_rows(&store.snapshot(), table)), [1, 3]);
}

#[tokio::test]
async fn a_damaged_file_of_rows_is_an_error_that_names_it() {
    let (dir, store, table) = fixture().await;
    insert(&store, table, &[(1, "a")]).await;
    drop(store);
    let file = fs::read_dir(dir.path().join(super::super::GROUP_FOLDER)).unwrap().next().unwrap().unwrap().path();
    let bytes = fs::read(&file).unwrap();
    fs::write(&file, &bytes[..bytes.len() / 2]).unwrap();
    let error = open(dir.path()).snapshot().scan(table).unwrap_err();
    assert!(error.message.contains(file.to_str().unwrap()), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_is_closed_once_the_commit_that_nobody_waits_for_has_ended() {
    let (dir, store, table) = fixture().await;
    let (reached, mut steps) = tokio::sync::mpsc::unbounded_channel();
    let (go_on, held) = std::sync::mpsc::channel::<()>();
    *store.inner.probe.lock().unwrap() = Some(Box::new(move |step| {
        if step == Step::FilesSynced {
            reached.send(()).unwrap();
            held.recv().unwrap();
        }
    }));
    let mut transaction = store.begin(WAIT).await.unwrap();
    transaction.insert(table, &rows(&[(1, "a")])).unwrap();
    tokio::select! {
        _ = transaction.commit() => panic!("it ended without its steps"),
        seen = steps.recv() => seen.unwrap(),
    }

    let mut closed = Box::pin(store.closed());
    assert!(tokio::time::timeout(Duration::from_millis(100), &mut closed).await.is_err(), "it is still committing");
    assert!(Store::open(dir.path()).is_err(), "it is still open");
    go_on.send(()).unwrap();
    tokio::time::timeout(WAIT, closed).await.expect("it closes when the commit has ended");
    assert_eq!(keys(&table_rows(&open(dir.path()).snapshot(), table)), [1]);
}
