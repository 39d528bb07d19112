use super::*;
use crate::{
    QueryResult, SessionContext, StatementKind,
    backend::BackendSession,
    catalog::{
        Database, Header, QualifiedName, Retention, RunState, Schedule, Schema, Stream, StreamMode, Table, TaskRun,
        TaskState,
    },
    storage::Version,
};
use async_trait::async_trait;
use std::sync::Mutex;
use tokio::sync::Notify;

/// Runs nothing: notes the statements, fails those that say FAIL and holds those that say WAIT until told.
#[derive(Clone, Default)]
struct Fake {
    ran: Arc<Mutex<Vec<(String, SessionContext)>>>,
    go: Arc<Notify>,
}

struct FakeSession(Fake, SessionContext);

impl Backend for Fake {
    fn open(&self, context: SessionContext) -> Box<dyn BackendSession> {
        Box::new(FakeSession(self.clone(), context))
    }

    fn existing(&self, context: SessionContext) -> SessionContext {
        context
    }
}

#[async_trait]
impl BackendSession for FakeSession {
    async fn execute(&mut self, sql: &str) -> Result<QueryResult, SqlError> {
        self.0.ran.lock().unwrap().push((sql.to_owned(), self.1.clone()));
        if sql.contains("FAIL") {
            return Err(SqlError::division_by_zero());
        }
        if sql.contains("WAIT") {
            self.0.go.notified().await;
        }
        QueryResult::status(StatementKind::Select, "done")
    }

    fn context(&self) -> &SessionContext {
        &self.1
    }
}

struct Setting {
    store: Store,
    fake: Fake,
    trigger: Trigger,
    shutdown: Shutdown,
    runner: tokio::task::JoinHandle<()>,
    _folder: tempfile::TempDir,
}

const PATIENCE: Duration = Duration::from_mins(1);

impl Setting {
    /// A store with the database D and its schema S, and a runner on it.
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let mut transaction = store.begin(PATIENCE).await.unwrap();
        let catalog = transaction.catalog_mut();
        let (database, schema) = (catalog.new_id(), catalog.new_id());
        let retention = Retention::default();
        let database = Database { header: header(database, QualifiedName::account("D")), retention };
        catalog.insert(database).unwrap();
        let schema = Schema { header: header(schema, QualifiedName::schema("D", "S")), retention };
        catalog.insert(schema).unwrap();
        transaction.commit().await.unwrap();
        let (fake, shutdown, (trigger, requests)) = (Fake::default(), Shutdown::new(), trigger());
        let options = Options { lock_timeout: PATIENCE, grace: Duration::from_millis(100) };
        let runner = tokio::spawn(run(
            store.clone(),
            Arc::new(fake.clone()),
            requests,
            options,
            Metrics::unregistered(),
            shutdown.clone(),
        ));
        Self { store, fake, trigger, shutdown, runner, _folder: folder }
    }

    async fn add(&self, definition: &str, change: impl FnOnce(&mut Task)) -> ObjectId {
        let mut transaction = self.store.begin(PATIENCE).await.unwrap();
        let id = transaction.catalog_mut().new_id();
        let mut task = Task {
            header: header(id, QualifiedName::new("D", "S", format!("T{id}"))),
            warehouse: Some("W".to_owned()),
            managed_initial_warehouse_size: None,
            schedule: Some(Schedule { interval: Duration::from_millis(20), text: "20 MS".to_owned() }),
            condition: None,
            definition: definition.to_owned(),
            state: TaskState::Started,
            allow_overlapping_execution: None,
            suspend_after_failures: None,
            timeout: None,
            last_committed_on: Some(Moment::now()),
            last_suspended_on: None,
            failures_in_a_row: 0,
        };
        change(&mut task);
        transaction.catalog_mut().insert(task).unwrap();
        transaction.commit().await.unwrap();
        id
    }

    fn runs(&self, task: ObjectId) -> Vec<TaskRun> {
        self.store.snapshot().task_runs(Some(&self.task(task).header.name), 1000).unwrap()
    }

    fn task(&self, task: ObjectId) -> Task {
        self.store.snapshot().catalog().by_id::<Task>(task).unwrap().clone()
    }

    async fn until(&self, what: &str, holds: impl Fn() -> bool) {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        while !holds() {
            assert!(tokio::time::Instant::now() < deadline, "waited in vain until {what}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn stop(self) {
        self.shutdown.request();
        self.runner.await.unwrap();
    }
}

fn header(id: ObjectId, name: QualifiedName) -> Header {
    Header { id, name, created_on: Moment::now(), owner: "OWNER".into(), comment: None, text: String::new() }
}

#[tokio::test]
async fn a_started_task_runs_on_each_tick_in_its_own_schema() {
    let setting = Setting::new().await;
    let task = setting.add("SELECT 1", |_| ()).await;
    setting.until("it ran three times", || setting.runs(task).len() >= 3).await;
    let run = setting.runs(task).pop().unwrap();
    assert_eq!(run.state, RunState::Succeeded);
    assert!(run.scheduled_at <= run.started_at.unwrap() && run.query_id.is_some());
    let context = setting.fake.ran.lock().unwrap()[0].1.clone();
    assert_eq!((context.database.as_deref(), context.schema.as_deref()), (Some("D"), Some("S")));
    assert_eq!((context.role.as_str(), context.warehouse.as_deref()), ("OWNER", Some("W")));
    setting.stop().await;
}

#[tokio::test]
async fn a_suspended_task_runs_only_when_told_to() {
    let setting = Setting::new().await;
    let suspended = setting.add("SELECT 1", |task| task.state = TaskState::Suspended).await;
    let other = setting.add("SELECT 2", |_| ()).await;
    setting.until("another ran twice", || setting.runs(other).len() >= 2).await;
    assert!(setting.runs(suspended).is_empty());
    setting.trigger.execute(suspended).unwrap();
    setting.until("it ran", || setting.runs(suspended).len() == 1).await;
    setting.stop().await;
}

#[tokio::test]
async fn ticks_during_a_run_are_skipped_not_queued() {
    let setting = Setting::new().await;
    let task = setting.add("SELECT 'WAIT'", |_| ()).await;
    let other = setting.add("SELECT 2", |_| ()).await;
    setting.until("another ran five times", || setting.runs(other).len() >= 5).await;
    let started = || setting.fake.ran.lock().unwrap().iter().filter(|(sql, _)| sql.contains("WAIT")).count();
    assert_eq!(started(), 1);
    setting.fake.go.notify_one();
    setting.until("the run was recorded", || setting.runs(task).len() == 1).await;
    setting.until("the next one started", || started() == 2).await;
    setting.stop().await;
}

#[tokio::test]
async fn failures_in_a_row_suspend_a_task_and_say_why() {
    let setting = Setting::new().await;
    let task = setting.add("SELECT 'FAIL'", |task| task.suspend_after_failures = Some(2)).await;
    setting.until("it was suspended", || setting.task(task).state == TaskState::Suspended).await;
    let runs = setting.runs(task);
    assert_eq!(runs.len(), 2);
    assert_eq!((runs[0].state, runs[0].error_code.as_deref()), (RunState::Failed, Some("100051")));
    assert!(setting.task(task).last_suspended_on.is_some());
    setting.stop().await;
}

#[tokio::test]
async fn a_condition_that_does_not_hold_skips_the_run_and_is_recorded() {
    let setting = Setting::new().await;
    let mut transaction = setting.store.begin(PATIENCE).await.unwrap();
    let catalog = transaction.catalog_mut();
    let (table, stream) = (catalog.new_id(), catalog.new_id());
    let name = QualifiedName::new("D", "S", "EVENTS");
    let table = Table {
        header: header(table, name.clone()),
        retention: Retention::default(),
        columns: Vec::new(),
        keys: Vec::new(),
        cluster_by: None,
        change_tracking: false,
        next_column_id: 0,
    };
    let stream = Stream {
        header: header(stream, QualifiedName::new("D", "S", "CHANGES")),
        table: table.id(),
        table_name: name,
        mode: StreamMode::AppendOnly,
        offset: Version(0),
    };
    catalog.insert(table).unwrap();
    catalog.insert(stream).unwrap();
    transaction.commit().await.unwrap();
    let when = |text: &str| Some(text.to_owned());
    let skipped = setting.add("SELECT 1", |task| task.condition = when("SYSTEM$STREAM_HAS_DATA('changes')")).await;
    let ran = setting.add("SELECT 2", |task| task.condition = when("NOT SYSTEM$STREAM_HAS_DATA('D.S.CHANGES')")).await;
    let broken = setting.add("SELECT 3", |task| task.condition = when("SYSTEM$STREAM_HAS_DATA('NONE')")).await;
    let all = || [skipped, ran, broken].iter().all(|task| !setting.runs(*task).is_empty());
    setting.until("each was due", all).await;
    let first = |task| setting.runs(task).pop().unwrap();
    assert_eq!((first(skipped).state, first(skipped).error_code.as_deref()), (RunState::Skipped, Some("0040003")));
    assert_eq!(first(ran).state, RunState::Succeeded);
    assert_eq!((first(broken).state, first(broken).error_code.as_deref()), (RunState::Failed, Some("002003")));
    assert!(setting.fake.ran.lock().unwrap().iter().all(|(sql, _)| sql == "SELECT 2"));
    setting.stop().await;
}

#[tokio::test]
async fn stopping_abandons_what_does_not_finish_in_time() {
    let setting = Setting::new().await;
    setting.add("SELECT 'WAIT'", |_| ()).await;
    setting.until("it started", || !setting.fake.ran.lock().unwrap().is_empty()).await;
    let stopped = tokio::time::timeout(PATIENCE, setting.stop());
    assert!(stopped.await.is_ok());
}
