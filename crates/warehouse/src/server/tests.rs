use super::*;
use crate::{QueryResult, SessionContext, SqlError, StatementKind, backend::BackendSession};
use async_trait::async_trait;
use contract::endpoints::Secret;
use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};
use std::{
    io::Write,
    sync::atomic::{AtomicUsize, Ordering},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::Notify,
};

/// Answers `SELECT 1`, fails on `SELECT 2`, and waits for `go` on `SELECT 3`; counts what it ran.
#[derive(Default)]
struct Fake {
    ran: Arc<AtomicUsize>,
    go: Arc<Notify>,
}

struct FakeSession {
    context: SessionContext,
    ran: Arc<AtomicUsize>,
    go: Arc<Notify>,
}

impl Backend for Fake {
    fn open(&self, context: SessionContext) -> Box<dyn BackendSession> {
        Box::new(FakeSession { context, ran: self.ran.clone(), go: self.go.clone() })
    }

    fn existing(&self, context: SessionContext) -> SessionContext {
        SessionContext { database: context.database.filter(|name| name == "D"), ..context }
    }
}

#[async_trait]
impl BackendSession for FakeSession {
    async fn execute(&mut self, sql: &str) -> Result<QueryResult, SqlError> {
        self.ran.fetch_add(1, Ordering::SeqCst);
        match sql {
            "SELECT 2" => return Err(SqlError::invalid_identifier("X")),
            "SELECT 3" => self.go.notified().await,
            _ => {}
        }
        QueryResult::counts(StatementKind::Select, &[("1", 1)])
    }

    fn context(&self) -> &SessionContext {
        &self.context
    }
}

struct Client {
    address: std::net::SocketAddr,
    ran: Arc<AtomicUsize>,
    go: Arc<Notify>,
    shutdown: Shutdown,
    account: &'static str,
    token: String,
    master: String,
}

impl Drop for Client {
    fn drop(&mut self) {
        self.shutdown.request();
    }
}

impl Client {
    async fn start(inline_wait: Duration) -> Self {
        let (listener, fake, shutdown) =
            (TcpListener::bind("127.0.0.1:0").await.unwrap(), Fake::default(), Shutdown::new());
        let client = Self {
            address: listener.local_addr().unwrap(),
            ran: fake.ran.clone(),
            go: fake.go.clone(),
            shutdown: shutdown.clone(),
            account: "LOCAL",
            token: String::new(),
            master: String::new(),
        };
        let options = Options {
            account: Some("local".into()),
            grace: Duration::from_secs(1),
            users: vec![User::new("loader", Secret::new("right"))],
            inline_wait,
            statement_timeout: Duration::from_mins(1),
            max_result_bytes: 1 << 20,
        };
        tokio::spawn(serve(listener, options, Arc::new(fake), Metrics::unregistered(), shutdown));
        client
    }

    async fn logged_in(inline_wait: Duration) -> Self {
        let mut client = Self::start(inline_wait).await;
        let answer = client.login("?databaseName=d", "right", json!({})).await;
        client.token = answer["data"]["token"].as_str().unwrap().to_owned();
        client.master = answer["data"]["masterToken"].as_str().unwrap().to_owned();
        client
    }

    async fn login(&self, query: &str, password: &str, parameters: Value) -> Value {
        let data = json!({"ACCOUNT_NAME": self.account, "LOGIN_NAME": "LOADER", "PASSWORD": password, "SESSION_PARAMETERS": parameters});
        self.send("POST", &format!("/session/v1/login-request{query}"), "", Some(&json!({ "data": data }))).await
    }

    async fn query(&self, request: &str, body: Value) -> Value {
        let path = format!("/queries/v1/query-request?requestId={request}");
        self.send("POST", &path, &self.token, Some(&body)).await
    }

    /// One request on a connection of its own, its body gzipped as the Python connector sends it.
    async fn send(&self, method: &str, path: &str, token: &str, body: Option<&Value>) -> Value {
        let mut zipped = GzEncoder::new(Vec::new(), Compression::fast());
        zipped.write_all(body.map(Value::to_string).unwrap_or_default().as_bytes()).unwrap();
        let body = zipped.finish().unwrap();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-encoding: gzip\r\n\
             content-length: {}\r\nauthorization: Snowflake Token=\"{token}\"\r\n\r\n",
            body.len()
        );
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(&body).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200"), "{answer}");
        serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}"))
    }
}

const LONG: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_wrong_password_is_refused_with_the_code_drivers_know() {
    let client = Client::start(LONG).await;
    for (password, code) in [("wrong", json!("390100")), ("", json!("390100")), ("right", Value::Null)] {
        let answer = client.login("", password, json!({})).await;
        assert_eq!(answer["code"], code, "{answer}");
        assert_eq!(answer["success"], code.is_null());
    }
}

#[tokio::test]
async fn another_account_is_refused_by_name() {
    let mut client = Client::start(LONG).await;
    client.account = "elsewhere";
    let answer = client.login("", "right", json!({})).await;
    assert_eq!(answer["code"], "390100");
    assert!(answer["message"].as_str().unwrap().contains("elsewhere"));
}

#[tokio::test]
async fn a_login_names_missing_objects_only_when_asked_to_validate() {
    let client = Client::start(LONG).await;
    let answer = client.login("?databaseName=nowhere", "right", json!({})).await;
    assert_eq!(answer["data"]["sessionInfo"]["databaseName"], Value::Null);
    let validate = json!({"CLIENT_VALIDATE_DEFAULT_PARAMETERS": true});
    let answer = client.login("?databaseName=nowhere", "right", validate.clone()).await;
    assert_eq!(answer["code"], "390201");
    let answer = client.login("?databaseName=d", "right", validate).await;
    assert_eq!(answer["data"]["sessionInfo"]["databaseName"], "D");
}

#[tokio::test]
async fn session_parameters_that_would_change_results_are_refused_by_name() {
    let client = Client::start(LONG).await;
    let answer = client.login("", "right", json!({"TIMEZONE": "Europe/Zurich"})).await;
    assert!(answer["message"].as_str().unwrap().contains("TIMEZONE"), "{answer}");
    let answer = client.login("", "right", json!({"TIMEZONE": "UTC", "CLIENT_PREFETCH_THREADS": 4})).await;
    assert_eq!(answer["success"], true);
}

#[tokio::test]
async fn rows_errors_and_statement_counts_come_back_as_drivers_read_them() {
    let client = Client::logged_in(LONG).await;
    let answer = client.query("a", json!({"sqlText": "SELECT 1"})).await;
    assert_eq!(answer["data"]["rowset"], json!([["1"]]));
    assert_eq!(answer["data"]["finalDatabaseName"], "D");
    let answer = client.query("b", json!({"sqlText": "SELECT 2"})).await;
    assert_eq!((&answer["success"], &answer["code"]), (&json!(false), &json!("000904")));
    assert_eq!(answer["data"]["sqlState"], "42000");
    let answer = client.query("c", json!({"sqlText": "SELECT 1; SELECT 1"})).await;
    assert_eq!(answer["code"], "000008");
    let answer = client.query("d", json!({"sqlText": " -- nothing"})).await;
    assert_eq!(answer["code"], "000900");
    let bound = json!({"sqlText": "SELECT 1", "bindings": {"1": {"type": "FIXED", "value": "1"}}});
    assert_eq!(client.query("e", bound).await["code"], "000002");
}

#[tokio::test]
async fn a_repeated_request_gets_the_first_answer_and_runs_nothing_again() {
    let client = Client::logged_in(LONG).await;
    let first = client.query("same", json!({"sqlText": "SELECT 1"})).await;
    let again = client.query("same", json!({"sqlText": "SELECT 1"})).await;
    assert_eq!(first["data"]["queryId"], again["data"]["queryId"]);
    assert_eq!(client.ran.load(Ordering::SeqCst), 1);
    client.query("other", json!({"sqlText": "SELECT 1"})).await;
    assert_eq!(client.ran.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_long_statement_is_answered_later_where_the_client_is_told_to_ask() {
    let client = Client::logged_in(Duration::from_millis(50)).await;
    let answer = client.query("slow", json!({"sqlText": "SELECT 3"})).await;
    assert_eq!(answer["code"], "333333");
    let (id, path) = (answer["data"]["queryId"].as_str().unwrap(), answer["data"]["getResultUrl"].as_str().unwrap());
    let status = client.send("GET", &format!("/monitoring/queries/{id}"), &client.token, None).await;
    assert_eq!(status["data"]["queries"][0]["status"], "RUNNING");
    assert_eq!(client.send("GET", path, &client.token, None).await["code"], "333333");
    client.go.notify_one();
    let deadline = tokio::time::Instant::now() + LONG;
    loop {
        let answer = client.send("GET", path, &client.token, None).await;
        if answer["code"].is_null() {
            assert_eq!(answer["data"]["rowset"], json!([["1"]]));
            break;
        }
        assert!(tokio::time::Instant::now() < deadline, "{answer}");
    }
}

#[tokio::test]
async fn an_aborted_statement_ends_as_canceled() {
    let client = Client::logged_in(Duration::from_millis(50)).await;
    let asked = json!({"sqlText": "SELECT 3", "asyncExec": true});
    let answer = client.query("long", asked).await;
    assert_eq!(answer["code"], "333334");
    let path = answer["data"]["getResultUrl"].as_str().unwrap().to_owned();
    let abort = Some(json!({"requestId": "long"}));
    let aborted = client.send("POST", "/queries/v1/abort-request", &client.token, abort.as_ref()).await;
    assert_eq!(aborted["success"], true);
    assert_eq!(client.send("GET", &path, &client.token, None).await["code"], "000604");
    let again = client.send("POST", "/queries/v1/abort-request", &client.token, abort.as_ref()).await;
    assert_eq!(again["code"], "000605");
}

#[tokio::test]
async fn tokens_are_renewed_and_end_with_their_session() {
    let mut client = Client::logged_in(LONG).await;
    assert_eq!(client.send("POST", "/session/heartbeat", "made up", None).await["code"], "390111");
    // The doubled slash is what snowflake-api sends.
    let renewed = client.send("POST", "//session/token-request", &client.master, None).await;
    assert_eq!(client.query("old", json!({"sqlText": "SELECT 1"})).await["code"], "390111");
    client.token = renewed["data"]["sessionToken"].as_str().unwrap().to_owned();
    assert_eq!(client.query("new", json!({"sqlText": "SELECT 1"})).await["success"], true);
    assert_eq!(client.send("POST", "/session?delete=true", &client.token, None).await["data"], Value::Null);
    assert_eq!(client.query("late", json!({"sqlText": "SELECT 1"})).await["code"], "390111");
    let refused = client.send("POST", "/session/token-request", &client.master, None).await;
    assert_eq!(refused["code"], "390114");
}
