use super::*;
use crate::catalog::{Database, Header, LoadTarget, QualifiedName, Retention, Schema};
use std::sync::Mutex;

/// A stage in memory: lists what it holds, fails when told to, and remembers a load as COPY would.
#[derive(Clone)]
struct Fake {
    store: Store,
    files: Arc<Mutex<Vec<PipeFile>>>,
    down: Arc<Mutex<Option<SqlError>>>,
    attempts: Arc<Mutex<Vec<String>>>,
}

#[async_trait]
impl Loader for Fake {
    async fn list(&self, _: &Pipe, _: &Snapshot) -> Result<Vec<PipeFile>, SqlError> {
        Ok(self.files.lock().unwrap().clone())
    }

    async fn load(&self, pipe: ObjectId, file: &PipeFile) -> Result<FileLoad, SqlError> {
        self.attempts.lock().unwrap().push(file.path.clone());
        let down = self.down.lock().unwrap().clone();
        if let Some(error) = down {
            return Err(error);
        }
        let failed = file.path.contains("bad");
        let load = FileLoad {
            file: file.path.clone(),
            location: "s3://b/".into(),
            etag: None,
            size_bytes: 1,
            last_modified: None,
            received_at: Moment::now(),
            loaded_at: Moment::now(),
            status: if failed { LoadStatus::Failed } else { LoadStatus::Loaded },
            rows_parsed: 1,
            rows_loaded: 1,
            errors: 0,
            first_error: None,
            first_error_row: None,
            first_error_column: None,
        };
        let mut transaction = self.store.begin(PATIENCE).await?;
        transaction.record_load(LoadTarget::Pipe(pipe), load.clone());
        transaction.commit().await?;
        Ok(load)
    }
}

struct Setting {
    fake: Fake,
    pipe: ObjectId,
    board: Board,
    refresher: Refresher,
    shutdown: Shutdown,
    runner: tokio::task::JoinHandle<()>,
    folder: tempfile::TempDir,
}

impl Setting {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let mut transaction = store.begin(PATIENCE).await.unwrap();
        let catalog = transaction.catalog_mut();
        let mut header = |name| Header {
            id: catalog.new_id(),
            name,
            created_on: Moment::now(),
            owner: "R".into(),
            comment: None,
            text: String::new(),
        };
        let (database, schema) = (header(QualifiedName::account("D")), header(QualifiedName::schema("D", "S")));
        let pipe = header(QualifiedName::new("D", "S", "P"));
        let (id, retention) = (pipe.id, Retention::default());
        catalog.insert(Database { header: database, retention }).unwrap();
        catalog.insert(Schema { header: schema, retention }).unwrap();
        catalog.insert(Pipe { header: pipe, auto_ingest: true, copy: String::new(), paused: false }).unwrap();
        transaction.commit().await.unwrap();
        Self::start(store, id, folder)
    }

    fn start(store: Store, pipe: ObjectId, folder: tempfile::TempDir) -> Self {
        let fake = Fake { store, files: Arc::default(), down: Arc::default(), attempts: Arc::default() };
        let (board, shutdown, (refresher, requests)) = (Board::default(), Shutdown::new(), refresher());
        let loader = Arc::new(fake.clone());
        let poll_interval = Duration::from_millis(10);
        let options = Options { board: board.clone(), poll_interval, metrics: Metrics::unregistered() };
        let runner = tokio::spawn(run(fake.store.clone(), loader, requests, options, shutdown.clone()));
        Self { fake, pipe, board, refresher, shutdown, runner, folder }
    }

    fn put(&self, path: &str, age: Duration) {
        let last_modified = Moment(Moment::now().0 - i64::try_from(age.as_micros()).unwrap());
        let file = PipeFile { path: path.into(), key: path.into(), size_bytes: 1, etag: "e".into(), last_modified };
        self.fake.files.lock().unwrap().push(file);
    }

    fn loaded(&self) -> Vec<String> {
        let loads = self.fake.store.snapshot().file_loads(LoadTarget::Pipe(self.pipe)).unwrap();
        loads.into_iter().map(|load| load.file).collect()
    }

    fn attempts(&self, path: &str) -> usize {
        self.fake.attempts.lock().unwrap().iter().filter(|tried| *tried == path).count()
    }

    fn status(&self) -> Value {
        let text = self.board.status(self.pipe, &self.fake.store.snapshot()).unwrap();
        serde_json::from_str(&text).unwrap()
    }

    async fn pause(&self, paused: bool) {
        let mut transaction = self.fake.store.begin(PATIENCE).await.unwrap();
        let name = QualifiedName::new("D", "S", "P");
        transaction.catalog_mut().update::<Pipe>(&name, |pipe| pipe.paused = paused).unwrap();
        transaction.commit().await.unwrap();
    }

    async fn until(&self, what: &str, holds: impl Fn() -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !holds() {
            assert!(Instant::now() < deadline, "waited in vain until {what}");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    async fn stop(self) -> (Store, ObjectId, tempfile::TempDir) {
        self.shutdown.request();
        self.runner.await.unwrap();
        (self.fake.store, self.pipe, self.folder)
    }
}

use serde_json::Value;

const PATIENCE: Duration = Duration::from_mins(1);
const NOW: Duration = Duration::ZERO;

#[tokio::test]
async fn each_new_file_is_loaded_once_also_after_a_restart() {
    let setting = Setting::new().await;
    setting.put("a", NOW);
    setting.put("b", NOW);
    setting.until("both were loaded", || setting.loaded() == ["a", "b"]).await;
    let (store, pipe, folder) = setting.stop().await;
    let again = Setting::start(store, pipe, folder);
    again.put("a", NOW);
    again.put("c", NOW);
    again.until("the third was loaded", || again.loaded() == ["a", "b", "c"]).await;
    assert_eq!(again.attempts("a"), 0);
    // The status follows the load's commit.
    again.until("nothing is pending", || again.status()["pendingFileCount"] == 0).await;
    let status = again.status();
    assert_eq!((&status["executionState"], &status["lastIngestedFilePath"]), (&"RUNNING".into(), &"c".into()));
    again.stop().await;
}

#[tokio::test]
async fn a_file_at_fault_is_given_up_and_a_store_at_fault_is_tried_again() {
    let setting = Setting::new().await;
    setting.put("bad", NOW);
    setting.until("it was given up", || setting.loaded() == ["bad"]).await;
    *setting.fake.down.lock().unwrap() = Some(SqlError::lock_timeout());
    setting.put("good", NOW);
    setting.until("it was tried twice", || setting.attempts("good") >= 2).await;
    assert!(setting.status()["error"].is_string());
    *setting.fake.down.lock().unwrap() = None;
    setting.until("it was loaded", || setting.loaded() == ["bad", "good"]).await;
    assert_eq!(setting.attempts("bad"), 1);
    setting.stop().await;
}

#[tokio::test]
async fn a_paused_pipe_loads_when_it_is_resumed() {
    let setting = Setting::new().await;
    setting.pause(true).await;
    setting.until("it shows", || setting.status()["executionState"] == "PAUSED").await;
    setting.put("a", NOW);
    assert!(setting.loaded().is_empty());
    setting.pause(false).await;
    setting.until("it was loaded", || setting.loaded() == ["a"]).await;
    setting.stop().await;
}

#[tokio::test]
async fn files_older_than_the_pipe_wait_for_a_refresh() {
    let setting = Setting::new().await;
    setting.put("old/a", Duration::from_hours(1));
    setting.put("new", NOW);
    setting.until("the new one was loaded", || setting.loaded() == ["new"]).await;
    assert_eq!(setting.refresher.refresh(setting.pipe, Some("old/".into())).await.unwrap(), ["old/a"]);
    setting.until("the old one was loaded", || setting.loaded() == ["new", "old/a"]).await;
    setting.stop().await;
}
