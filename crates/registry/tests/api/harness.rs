//! A registry of one's own on a free port, and plain requests to it.

use registry::{Error, Registry};
use serde_json::Value;
use std::{path::Path, sync::LazyLock, sync::Once};
use telemetry::Shutdown;
use tokio::{net::TcpListener, task::JoinHandle};

pub(crate) struct Running {
    pub(crate) url: String,
    shutdown: Shutdown,
    task: JoinHandle<Result<(), Error>>,
}

impl Running {
    pub(crate) async fn start(file: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shutdown = Shutdown::new();
        let task = tokio::spawn(Registry::open(file).unwrap().serve(listener, shutdown.clone()));
        Self { url, shutdown, task }
    }

    pub(crate) async fn stop(self) {
        self.shutdown.request();
        self.task.await.unwrap().unwrap();
    }
}

/// reqwest takes the process's TLS provider even where only plain HTTP is spoken.
pub(crate) fn choose_tls() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| rustls::crypto::ring::default_provider().install_default().unwrap());
}

/// `METHOD /path` with an optional JSON body; the status and the body of the answer.
pub(crate) async fn ask(url: &str, request: &str, body: Option<Value>) -> (u16, Value) {
    static CLIENT: LazyLock<reqwest_tls::Client> = LazyLock::new(|| {
        choose_tls();
        reqwest_tls::Client::builder().pool_max_idle_per_host(0).build().unwrap()
    });
    let (method, path) = request.split_once(' ').unwrap();
    let mut request = CLIENT.request(method.parse().unwrap(), format!("{url}{path}"));
    if let Some(body) = body {
        request = request.header("content-type", "application/vnd.schemaregistry.v1+json").body(body.to_string());
    }
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    let text = answer.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

/// The body of a registration.
pub(crate) fn schema(text: impl ToString) -> Option<Value> {
    Some(serde_json::json!({ "schema": text.to_string() }))
}

/// A record named R with these fields.
pub(crate) fn record(fields: Value) -> Value {
    serde_json::json!({ "type": "record", "name": "R", "fields": fields })
}

/// A reference to a version of a subject, for the type of the same name.
pub(crate) fn reference(name: &str, version: i32) -> Value {
    serde_json::json!({ "name": name, "subject": name, "version": version })
}

/// Compares those members of objects that `expected` names, and everything else as a whole.
#[track_caller]
pub(crate) fn assert_shows(found: &Value, expected: &Value, about: &str) {
    match expected {
        Value::Object(members) => {
            for (name, expected) in members {
                assert_eq!(found.get(name), Some(expected), "{about}: {name} of {found}");
            }
        }
        _ => assert_eq!(found, expected, "{about}"),
    }
}

/// Sends requests in order and checks each answer: its status, and the error's number or what it shows.
pub(crate) async fn converse(registry: &Running, steps: Vec<(&str, Option<Value>, u16, Value)>) {
    for (step, (request, body, status, expected)) in steps.into_iter().enumerate() {
        let (found_status, found) = ask(&registry.url, request, body).await;
        let seen = if status >= 400 { &found["error_code"] } else { &found };
        assert_eq!(found_status, status, "step {step}: {request}: {found}");
        assert!(status < 400 || found["message"].as_str().is_some_and(|text| !text.is_empty()), "step {step}: {found}");
        assert_shows(seen, &expected, &format!("step {step}: {request}"));
    }
}
