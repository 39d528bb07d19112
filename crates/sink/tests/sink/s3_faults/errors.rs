//! What an error of the store says: the operation, the bucket and the key, the store's own code and message, and the way out,
//! in two lines that hold neither a dump of the SDK's types nor a secret. What no repetition can heal is not repeated.

use contract::{Operation as Event, endpoints::Secret, framing::frame};
use sink::{Config, SinkError, StoreError};
use std::{sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use super::{
    impatient,
    proxy::{Deed, Operation, Plan, Proxy},
};
use crate::{
    fixture::{Fixture, event, real_store},
    running::{Running, until_rows},
};

/// What the SDK's own output would show.
const DUMPS: [&str; 8] =
    ["SdkError", "ServiceError", "DispatchFailure", "ConnectorError", "nhandled", "Some(", " { ", "service error"];
const WRONG_SECRET: &str = "not-the-secret-of-this-key";

fn check(error: &StoreError, parts: &[&str]) {
    let text = error.to_string();
    assert_eq!(text.lines().count(), 2, "not two lines: {text}");
    for part in parts {
        assert!(text.contains(part), "`{part}` is missing: {text}");
    }
    for dump in DUMPS.iter().chain(&[WRONG_SECRET]) {
        assert!(!text.contains(dump), "`{dump}` shows: {text}");
    }
}

fn is_final(error: &StoreError) -> bool {
    matches!(error, StoreError::Refused { .. })
}

/// Starts a sink that cannot use its store, and says why.
async fn start(config: Config) -> StoreError {
    match Running::start(config).ended().await {
        SinkError::Store(error) => error,
        other => panic!("not about the store: {other}"),
    }
}

fn answer(status: u16, body: &str) -> Plan {
    let body = body.to_owned();
    Arc::new(move |seen| match seen.operation {
        Operation::Put => Deed::Answer(status, body.clone()),
        _ => Deed::Pass,
    })
}

fn s3_error(code: &str, message: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    )
}

/// A connection's answer to whatever it is sent first.
async fn server(answer: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(answer).await;
        }
    });
    address
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_refuses_is_told_with_its_code_its_message_and_the_way_out() {
    let fixture = Fixture::start().await;
    let malformed = "The authorization header is malformed; the region 'us-east-1' is wrong; expecting 'eu-west-1'";
    for (status, code, message, way_out) in [
        (403, "SignatureDoesNotMatch", "The signature differs.", "store.secret_access_key"),
        (403, "InvalidAccessKeyId", "No such key.", "store.access_key_id"),
        (403, "AccessDenied", "Access Denied.", "s3:PutObject"),
        (403, "RequestTimeTooSkewed", "The difference is too large.", "clock"),
        (400, "ExpiredToken", "The provided token has expired.", "new credentials"),
        (404, "NoSuchBucket", "No such bucket.", "store.bucket"),
        (301, "PermanentRedirect", "Another endpoint must be used.", "store.region"),
        (400, "AuthorizationHeaderMalformed", malformed, "to eu-west-1"),
        (400, "XMinioAdminBucketQuotaExceeded", "Bucket quota exceeded", "quota"),
        (501, "NotImplemented", "A header is not implemented.", "sink.objects"),
    ] {
        let proxy = Proxy::start(&fixture, answer(status, &s3_error(code, message))).await;
        let error = start(impatient(&fixture, vec!["events".to_owned()], &proxy)).await;
        let found = format!("{status} {code}: {message}");
        check(&error, &["creating s3://lake", "/probes/", &proxy.url, &found, way_out]);
        assert!(is_final(&error), "{code} was repeated");
    }
    for (status, code, way_out) in [(507, "XMinioStorageFull", "Free space"), (503, "SlowDown", "sink.deadlines.store")]
    {
        let proxy = Proxy::start(&fixture, answer(status, &s3_error(code, "Not now."))).await;
        let mut config = impatient(&fixture, vec!["events".to_owned()], &proxy);
        config.deadlines.store = Duration::from_secs(1);
        let error = start(config).await;
        check(&error, &["creating s3://lake", &format!("{status} {code}: Not now."), "deadline", way_out]);
        assert!(!is_final(&error), "{code} was not repeated");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_not_s3s_is_told_by_what_it_says() {
    let fixture = Fixture::start().await;
    for (status, body, found, way_out) in [
        (400, "Client sent an HTTP request to an HTTPS server.\n", "400", "https://"),
        (404, "<html><body>not found</body></html>", "404", "an S3 endpoint"),
        (403, "", "403", "s3:PutObject"),
    ] {
        let proxy = Proxy::start(&fixture, answer(status, body)).await;
        let error = start(impatient(&fixture, vec!["events".to_owned()], &proxy)).await;
        check(&error, &["creating s3://lake", found, way_out]);
        assert!(is_final(&error), "{status} was repeated");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_and_a_missing_bucket_are_told_by_the_setting() {
    if real_store().is_some() {
        println!("left out: needs the embedded store's keys");
        return;
    }
    let fixture = Fixture::start().await;
    let mut config = fixture.config("events");
    config.store.secret_access_key = Some(Secret::new(WRONG_SECRET));
    check(&start(config).await, &["creating s3://lake/probes/", "SignatureDoesNotMatch", "store.secret_access_key"]);
    let mut config = fixture.config("events");
    config.store.bucket = "nowhere".to_owned();
    check(&start(config.clone()).await, &["creating s3://nowhere/probes/", "NoSuchBucket", "store.bucket"]);
    let Err(SinkError::Store(error)) = sink::verify(&config).await else { panic!("it is not there") };
    check(&error, &["listing s3://nowhere/chains/events/", "404 NoSuchBucket", "store.bucket"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_cannot_be_valid_is_not_repeated() {
    let fixture = Fixture::start().await;
    let plain = fixture.config("events").store.endpoint.unwrap();
    let with_tls = plain.replace("http://", "https://");
    for (endpoint, way_out) in
        [(with_tls.as_str(), "http://"), ("ftp://127.0.0.1:9000", "store.endpoint"), ("http://[::1", "store.endpoint")]
    {
        let mut config = fixture.config("events");
        config.store.endpoint = Some(endpoint.to_owned());
        config.deadlines.store = Duration::from_secs(2);
        config.deadlines.store_attempt = Duration::from_secs(1);
        let error = match Running::start(config).ended().await {
            SinkError::Store(error) => error,
            // What is not a URL of a store need not get that far.
            SinkError::Config(refused) if !endpoint.starts_with("https://") => {
                assert!(refused.key.contains("endpoint"), "{refused}");
                continue;
            }
            other => panic!("{endpoint}: {other}"),
        };
        check(&error, &["creating s3://lake", endpoint, way_out]);
        assert!(is_final(&error), "{endpoint} was repeated: {error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_does_not_answer_is_told_by_what_the_connection_met() {
    let fixture = Fixture::start().await;
    // What a server of TLS answers to plain HTTP: an alert, `unexpected_message`.
    let tls = format!("http://{}", server(b"\x15\x03\x03\x00\x02\x02\x0a").await);
    let silent = format!("http://{}", server(b"").await);
    // Closed again, so that nobody listens there.
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    for (endpoint, found, way_out) in [
        (format!("http://{closed}"), "onnection refused", "store.endpoint"),
        (tls, "not HTTP", "https://"),
        (silent, "", "store.endpoint"),
        ("http://no-such-host.invalid:9000".to_owned(), "no-such-host.invalid", "store.endpoint"),
    ] {
        let mut config = fixture.config("events");
        config.store.endpoint = Some(endpoint.clone());
        config.store.path_style = true;
        config.deadlines.store = Duration::from_secs(2);
        config.deadlines.store_attempt = Duration::from_secs(1);
        check(&start(config).await, &["creating s3://lake", &endpoint, found, way_out]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_permission_that_is_missing_is_told_by_its_name() {
    let fixture = Fixture::start().await;
    let (_, id) = fixture.register_both("events").await;
    fixture.create_topic("events", 1).await;
    fixture.produce("events", &[(0, Some(frame(id, &event(0, 2, Event::Create))))]).await;
    let mut config = fixture.config("events");
    config.roll.idle = Duration::from_millis(200);
    let running = Running::start(config.clone());
    until_rows(&config, 1).await;
    running.stop().await;
    let denied = s3_error("AccessDenied", "Access Denied.");
    let file = "topics/events/partition=00000/00000000000000000000.avro";
    for (operation, body, parts) in [
        (Operation::Head, "", ["looking at s3://lake", file, "403", "s3:ListBucket"]),
        (Operation::List, &denied, ["listing s3://lake", "chains/events/", "403 AccessDenied", "s3:ListBucket"]),
        (
            Operation::Get,
            &denied,
            ["reading s3://lake", "chains/events/00000.json", "403 AccessDenied", "s3:GetObject"],
        ),
    ] {
        let body = body.to_owned();
        let plan: Plan = Arc::new(move |seen| match seen.operation {
            asked if asked == operation => Deed::Answer(403, body.clone()),
            _ => Deed::Pass,
        });
        let proxy = Proxy::start(&fixture, plan).await;
        let refused = Config { store: impatient(&fixture, Vec::new(), &proxy).store, ..config.clone() };
        let Err(SinkError::Store(error)) = sink::verify(&refused).await else { panic!("{operation:?} was allowed") };
        check(&error, &parts);
        assert!(is_final(&error), "{operation:?} was repeated");
    }
}
