//! The warehouse beside the other parts: it knows its user, reads their S3, and keeps its tables.

use crate::harness::{TestStack, s3, start, start_on};
use aws_sdk_s3::primitives::ByteStream;
use contract::endpoints::ObjectStore;
use local_stack::{Stack, WarehouseEndpoint, WarehouseOptions};
use serde_json::{Value, json};
use telemetry::{Health, prometheus_client::registry::Registry};
use warehouse::Metrics;

async fn add_to(stack: &mut Stack) -> WarehouseEndpoint {
    let metrics = Metrics::register(&mut Registry::default());
    stack.start_warehouse(WarehouseOptions::default(), metrics, Health::new()).await.unwrap()
}

/// One request of Snowflake's protocol.
async fn post(endpoint: &WarehouseEndpoint, path: &str, token: Option<&str>, body: Value) -> Value {
    crate::harness::choose_tls();
    let client = reqwest_tls::Client::new();
    let mut request = client.post(format!("{}{path}", endpoint.url)).body(body.to_string());
    request = request.header("content-type", "application/json").header("accept", "application/snowflake");
    if let Some(token) = token {
        request = request.header("authorization", format!("Snowflake Token=\"{token}\""));
    }
    serde_json::from_str(&request.send().await.unwrap().text().await.unwrap()).unwrap()
}

async fn log_in(endpoint: &WarehouseEndpoint, password: &str) -> Value {
    let data = json!({ "ACCOUNT_NAME": endpoint.account, "LOGIN_NAME": endpoint.user, "PASSWORD": password });
    post(endpoint, "/session/v1/login-request", None, json!({ "data": data })).await
}

/// Runs statements one after another in a session; the rows of the last.
async fn run(endpoint: &WarehouseEndpoint, statements: &[String]) -> Value {
    let login = log_in(endpoint, endpoint.password.expose()).await;
    let token = login["data"]["token"].as_str().unwrap().to_owned();
    let mut rows = Value::Null;
    for (statement, number) in statements.iter().zip(1..) {
        let path = format!("/queries/v1/query-request?requestId=00000000-0000-4000-8000-{number:012}");
        let body = json!({ "sqlText": statement, "sequenceId": number });
        let answer = post(endpoint, &path, Some(&token), body).await;
        assert_eq!(answer["success"], true, "{statement}: {answer}");
        rows = answer["data"]["rowset"].clone();
    }
    rows
}

fn stage(store: &ObjectStore) -> String {
    let (id, secret) = (store.access_key_id.as_ref().unwrap(), store.secret_access_key.as_ref().unwrap().expose());
    format!(
        "create stage d.public.files url = 's3://{}/' credentials = (aws_key_id = '{id}' aws_secret_key = '{secret}')",
        store.bucket
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn the_warehouse_lists_what_is_in_the_stacks_bucket_and_keeps_its_tables_over_a_restart() {
    let TestStack { mut stack, folder } = start().await;
    let client = s3(&stack.endpoints().store);
    let put = client.client.put_object().bucket(&client.bucket).key("folder/file.avro");
    put.body(ByteStream::from_static(b"bytes")).send().await.unwrap();
    let endpoint = add_to(&mut stack).await;
    let statements = [
        "create database d".to_owned(),
        "create table d.public.t (n number(38,0))".to_owned(),
        "insert into d.public.t values (1), (2)".to_owned(),
        stage(&stack.endpoints().store),
        "list @d.public.files".to_owned(),
    ];
    let listed = run(&endpoint, &statements).await;
    assert_eq!(listed[0][0], format!("s3://{}/folder/file.avro", client.bucket));
    assert_eq!(listed[0][1], "5");
    stack.stop().await;

    let mut stack = start_on(folder.path()).await;
    let endpoint = add_to(&mut stack).await;
    let counted = run(&endpoint, &["select count(*) from d.public.t".to_owned()]).await;
    assert_eq!(counted, json!([["2"]]));
    drop(stack);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_refused() {
    let mut running = start().await;
    let endpoint = add_to(&mut running.stack).await;
    let refused = log_in(&endpoint, "guessed").await;
    assert_eq!((&refused["success"], &refused["code"]), (&json!(false), &json!("390100")));
    assert_eq!(log_in(&endpoint, endpoint.password.expose()).await["success"], true);
}
