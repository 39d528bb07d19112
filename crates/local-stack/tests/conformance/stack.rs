//! The stack itself: what it leaves, what it refuses, what it finds again.

use crate::harness::{s3, start, start_on};
use aws_sdk_s3::primitives::ByteStream;
use local_stack::{Error, Options, Ports, Stack};
use std::net::TcpListener;

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_on_the_same_ports_finds_everything_and_the_same_keys() {
    let folder = tempfile::tempdir().unwrap();
    let stack = start_on(folder.path()).await;
    let (ports, before) = (stack.ports(), stack.endpoints().clone());
    let client = s3(&before.store);
    let put = client.client.put_object().bucket(&client.bucket).key("k").metadata("a", "b");
    put.body(ByteStream::from_static(b"kept")).send().await.unwrap();
    stack.stop().await;

    let options = Options { state: folder.path().join("state"), ports, bucket: "raw-data".to_owned() };
    let stack = Stack::start(options).await.unwrap();
    assert_eq!(stack.ports(), ports);
    // The client from before the restart goes on as if nothing had been.
    let head = client.client.head_object().bucket(&client.bucket).key("k").send().await.unwrap();
    assert_eq!((head.content_length(), head.metadata().unwrap()["a"].as_str()), (Some(4), "b"));
    stack.stop().await;
    for port in [ports.kafka, ports.registry, ports.s3] {
        TcpListener::bind(("127.0.0.1", port)).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_stack_on_a_folder_and_a_taken_port_are_refused() {
    let running = start().await;
    let state = running.folder.path().join("state");
    let options = Options { state, ports: Ports::default(), bucket: "raw-data".to_owned() };
    assert!(matches!(Stack::start(options).await, Err(Error::Locked { .. })));

    let other = tempfile::tempdir().unwrap();
    let ports = running.stack.ports();
    for ports in [
        Ports { kafka: ports.kafka, ..Ports::default() },
        Ports { registry: ports.registry, ..Ports::default() },
        Ports { s3: ports.s3, ..Ports::default() },
    ] {
        let options = Options { state: other.path().join("state"), ports, bucket: "raw-data".to_owned() };
        let error = Stack::start(options).await.unwrap_err();
        assert!(matches!(error, Error::Listen { .. } | Error::Broker { .. }), "{error}");
    }
    let options = Options { state: other.path().join("state"), ports: Ports::default(), bucket: "No!".to_owned() };
    assert!(matches!(Stack::start(options).await, Err(Error::BucketName { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_keys_are_refused() {
    let running = start().await;
    let mut store = running.stack.endpoints().store.clone();
    store.secret_access_key = Some(contract::endpoints::Secret::new("guessed"));
    let stranger = s3(&store);
    let refused = stranger.client.list_objects_v2().bucket(&stranger.bucket).send().await.unwrap_err();
    assert_eq!(refused.raw_response().unwrap().status().as_u16(), 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_may_have_any_name() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["my state", "jürgen", "100%", "a?b#c"] {
        let state = folder.path().join(name);
        let options = Options { state: state.clone(), ports: Ports::default(), bucket: "raw-data".to_owned() };
        Stack::start(options).await.unwrap().stop().await;
        assert!(state.join("broker.db").exists(), "{name}");
    }
}
