//! Deploying is idempotent, heals drift, and refuses by name what would lose a stream's place, a pipe's load history or
//! data.

use crate::tables::{lab::Lab, server::Server};
use deployer::{Action, Client, Error, Hazard, Kind, Plan, Variables, Warehouse as _};
use testkit::random;

struct Deployment {
    client: Client,
    variables: Variables,
}

impl Deployment {
    async fn start(server: &Server, database: &str) -> Self {
        let deployment = Self { client: server.client(), variables: Server::variables(database) };
        deployment.apply().await.expect("the first deployment");
        deployment
    }

    fn objects(&self) -> Vec<deployer::Rendered> {
        deployer::render(&deployer::templates(None).expect("templates"), &self.variables).expect("rendered")
    }

    async fn apply(&self) -> Result<deployer::Report, Error> {
        deployer::apply_on(&self.client, &self.objects(), &self.variables).await
    }

    async fn plan(&self) -> Plan {
        deployer::plan_on(&self.client, &self.objects(), &self.variables).await.expect("a plan")
    }

    async fn by_hand(&self, sql: &str) {
        let sql = sql.replace("$DB", &self.variables.database);
        self.client.query(&sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// What an apply changes, and that the next one changes nothing.
    async fn heals(&self) -> Vec<(Action, String)> {
        let report = self.apply().await.expect("a deployment");
        assert_eq!(self.apply().await.expect("a deployment").changes(), 0);
        report.done.into_iter().map(|done| (done.action, done.name.name)).collect()
    }

    async fn refuses(&self, hazard: Hazard, object: &str) {
        let refusals = self.plan().await.refusals;
        let found = refusals.iter().any(|refusal| refusal.hazard == hazard && refusal.name.name == object);
        assert!(found, "{refusals:?}");
        assert!(matches!(self.apply().await, Err(Error::Refused(_))));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_apply_changes_nothing() {
    let server = Server::start().await;
    let deployment = Deployment::start(&server, "IDEMPOTENT").await;
    let plan = deployment.plan().await;
    assert_eq!(plan.to_string(), "no change\n");
    assert_eq!(deployment.apply().await.expect("a deployment").changes(), 0);
    let rows = deployment.client.query("SHOW TASKS IN DATABASE IDEMPOTENT").await.expect("tasks");
    assert_eq!(rows.rows.len(), 2);
    assert!((0..2).all(|row| rows.get(row, "state") == Some("started")), "{rows:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn drift_is_healed_and_tasks_stand_still_meanwhile() {
    let server = Server::start().await;
    let deployment = Deployment::start(&server, "DRIFT").await;
    let tasks = |action| [(action, "MERGE_CUSTOMERS"), (action, "MERGE_CUSTOMERS_HISTORY")];
    let bracketed = |inner: &[(Action, &str)]| {
        let all = tasks(Action::Suspend).into_iter().chain(inner.iter().copied()).chain(tasks(Action::Resume));
        all.map(|(action, name)| (action, name.to_owned())).collect::<Vec<_>>()
    };

    deployment.by_hand("ALTER TASK $DB.STAGING.MERGE_CUSTOMERS SUSPEND").await;
    assert_eq!(deployment.heals().await, [(Action::Resume, "MERGE_CUSTOMERS".to_owned())]);

    deployment.by_hand("CREATE OR REPLACE VIEW $DB.CORE.CUSTOMERS_CURRENT AS SELECT 1 AS ONE").await;
    assert_eq!(deployment.heals().await, bracketed(&[(Action::Replace, "CUSTOMERS_CURRENT")]));

    deployment.by_hand("ALTER TABLE $DB.CORE.CUSTOMERS DROP COLUMN MARKETING_CONSENT").await;
    assert_eq!(deployment.heals().await, bracketed(&[(Action::AddColumn, "CUSTOMERS")]));

    deployment.by_hand("DROP VIEW $DB.CORE.CUSTOMERS_VERSIONS").await;
    assert_eq!(deployment.heals().await, bracketed(&[(Action::Create, "CUSTOMERS_VERSIONS")]));

    deployment.by_hand("ALTER TASK $DB.STAGING.MERGE_CUSTOMERS SUSPEND").await;
    deployment.by_hand("ALTER TASK $DB.STAGING.MERGE_CUSTOMERS SET SCHEDULE = '5 MINUTE'").await;
    let healed = deployment.heals().await;
    assert!(healed.contains(&(Action::Replace, "MERGE_CUSTOMERS".to_owned())), "{healed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_lose_something_is_refused_by_its_hazard() {
    let server = Server::start().await;
    let templates = deployer::templates(None).expect("templates");
    for (number, (ruin, hazard, object)) in [
        ("DROP STREAM $DB.STAGING.CUSTOMERS_STREAM", Hazard::OffsetLoss, "CUSTOMERS_STREAM"),
        (
            "CREATE OR REPLACE STREAM $DB.STAGING.CUSTOMERS_STREAM ON TABLE $DB.CORE.CUSTOMERS APPEND_ONLY = TRUE",
            Hazard::OffsetLoss,
            "CUSTOMERS_STREAM",
        ),
        (
            "CREATE OR REPLACE PIPE $DB.STAGING.CUSTOMER_EVENTS_PIPE AS COPY INTO $DB.STAGING.CUSTOMER_EVENTS (EVENT) \
             FROM (SELECT $1:value FROM @$DB.STAGING.CUSTOMER_EVENTS_STAGE) FILE_FORMAT = (TYPE = AVRO)",
            Hazard::LoadHistoryLoss,
            "CUSTOMER_EVENTS_PIPE",
        ),
        ("CREATE OR REPLACE TABLE $DB.CORE.CUSTOMERS (CUSTOMER_ID NUMBER)", Hazard::DataLoss, "CUSTOMERS"),
        (
            "CREATE OR REPLACE STAGE $DB.STAGING.CUSTOMER_EVENTS_STAGE URL = 's3://elsewhere/'",
            Hazard::LoadHistoryLoss,
            "CUSTOMER_EVENTS_STAGE",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let database = format!("RUIN_{number}");
        // Rows in the staging table: an empty one loses nothing with its stream.
        let mut lab = Lab::deploy(&server, &database, &templates).await.expect("deployment");
        let records: Vec<_> = random::case(1, 10).expect("case").records().cloned().collect();
        lab.load(&records).await.expect("a load");
        let deployment = Deployment { client: server.client(), variables: Server::variables(&database) };
        deployment.by_hand(ruin).await;
        deployment.refuses(hazard, object).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_says_where_and_what_was_done_and_a_repair_goes_on_from_there() {
    let server = Server::start().await;
    let variables = Server::variables("BROKEN");
    let mut templates = deployer::templates(None).expect("templates");
    let file = "420.core.customers_current.view.sql";
    let good = templates.insert(file.to_owned(), "CREATE VIEW {{ this }} AS SELECT NOWHERE FROM NOTHING".to_owned());
    let client = server.client();
    let broken = deployer::render(&templates, &variables).expect("rendered");
    let Err(Error::Statement { file: at, statement, done, source }) =
        deployer::apply_on(&client, &broken, &variables).await
    else {
        panic!("a broken view was created")
    };
    assert_eq!(at, file);
    assert!(statement.contains("NOWHERE"), "{statement}");
    assert!(source.to_string().contains("NOTHING"), "{source}");
    let before = broken.iter().take_while(|object| object.file != file).count();
    assert_eq!(done.changes(), before);

    templates.insert(file.to_owned(), good.expect("the template"));
    let repaired = deployer::render(&templates, &variables).expect("rendered");
    let report = deployer::apply_on(&client, &repaired, &variables).await.expect("a deployment");
    let tasks = repaired.iter().filter(|object| object.kind == Kind::Task).count();
    assert_eq!(report.changes(), repaired.len() - before + tasks);
}
