//! A record that no file can hold stops its partition; giving it up lets the chain go on, and everything that reads the chain
//! knows that it was given up.

use bytes::Bytes;
use contract::{Operation, framing::frame};
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response, body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use sink::{Config, Finding, Mode, Report, SinkError, Watch};
use std::{io, sync::Arc, time::Duration};
use telemetry::Shutdown;
use tokio::net::{TcpListener, TcpStream};

use crate::{
    fixture::{Fixture, event},
    running::{Running, until_rows},
};

/// A registry in front of the stack's that answers for one id with a schema that nobody can read.
async fn registry(upstream: String, unreadable: u32) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let upstream: Arc<str> = upstream.trim_start_matches("http://").into();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let upstream = Arc::clone(&upstream);
            let service = service_fn(move |request| answer(Arc::clone(&upstream), unreadable, request));
            tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
    url
}

async fn answer(upstream: Arc<str>, unreadable: u32, request: Request<Incoming>) -> io::Result<Response<Full<Bytes>>> {
    if request.uri().path() == format!("/schemas/ids/{unreadable}") {
        return Ok(Response::new(Full::new(Bytes::from(r#"{"schema": "{\"type\": \"nonsense\"}"}"#))));
    }
    let connected = hyper::client::conn::http1::handshake(TokioIo::new(TcpStream::connect(&*upstream).await?)).await;
    let (mut sender, connection) = connected.map_err(io::Error::other)?;
    tokio::spawn(connection);
    let (head, body) = sender.send_request(request).await.map_err(io::Error::other)?.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let mut answer = Response::new(Full::new(body));
    *answer.status_mut() = head.status;
    Ok(answer)
}

async fn deep(config: &Config) -> Report {
    sink::verify_deep(config, Watch::new(Shutdown::new(), |_| ())).await.unwrap()
}

async fn refusal(config: &Config, offset: i64) -> String {
    sink::give_up(config, "events", 0, offset, None).await.unwrap_err().to_string()
}

/// Ten records, the one at offset 5 with a schema that nobody can read.
async fn stopped(fixture: &Fixture) -> (Config, Running, Vec<u8>) {
    let (_, id) = fixture.register_both("events").await;
    fixture.create_topic("events", 1).await;
    let mut records: Vec<_> = (0..10).map(|n| (n, Some(frame(id, &event(n, 2, Operation::Create))))).collect();
    let unreadable = id + 1_000;
    let value = frame(unreadable, b"whatever it is");
    records[5].1 = Some(value.clone());
    fixture.produce("events", &records).await;
    let mut config = fixture.config("events");
    config.registry.url = registry(config.registry.url.clone(), unreadable).await;
    config.roll.idle = Duration::ZERO;
    let running = Running::start(config.clone());
    let why = running.until_unready("which no file can hold").await;
    for part in [
        "offset 5",
        &format!("schema {unreadable}"),
        "sink.unreadable_schema",
        "accept-loss TOPIC PARTITION --offset 5",
    ] {
        assert!(why.contains(part), "`{part}` is missing: {why}");
    }
    (config, running, value)
}

#[tokio::test(flavor = "multi_thread")]
async fn records_that_no_file_can_hold_go_to_the_dead_letters_where_that_is_set() {
    let fixture = Fixture::start().await;
    let (mut config, running, _) = stopped(&fixture).await;
    running.stop().await;
    config.unreadable_schema = sink::Unreadable::DeadLetter;
    config.roll.idle = Duration::from_millis(200);
    let running = Running::start(config.clone());
    until_rows(&config, 9).await;
    let letters = fixture.dead_letters("events.dead-letter", 1).await;
    let reason = &letters[0].headers[sink::dead_letter_header::REASON];
    assert!(reason.contains("cannot hold schema") && letters[0].number == 5, "{reason}");
    assert_eq!(running.stop().await.dead_letters, 1);
    assert!(deep(&config).await.is_whole());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_no_file_can_hold_is_given_up_and_the_chain_goes_on() {
    let fixture = Fixture::start().await;
    let (mut config, running, value) = stopped(&fixture).await;
    until_rows(&config, 5).await;
    match sink::give_up(&config, "events", 0, 5, None).await {
        Err(SinkError::GroupActive { members: 1, .. }) => {}
        other => panic!("{other:?}"),
    }
    running.stop().await;

    for (offset, found) in
        [(4, "files end at 5 and cover it"), (6, "next record is at offset 5"), (10, "log ends at 10")]
    {
        let refused = refusal(&config, offset).await;
        assert!(refused.contains(found), "{refused}");
    }
    let folder = tempfile::tempdir().unwrap();
    let taken = folder.path().join("taken");
    std::fs::write(&taken, "somebody's").unwrap();
    let refused = sink::give_up(&config, "events", 0, 5, Some(&taken)).await.unwrap_err();
    assert!(matches!(refused, SinkError::Save { .. }), "{refused}");
    assert_eq!(sink::verify(&config).await.unwrap().partitions[0].next, 5, "nothing is given up unless it is saved");

    let path = folder.path().join("record");
    let given_up = sink::give_up(&config, "events", 0, 5, Some(&path)).await.unwrap();
    assert_eq!((given_up.offset, given_up.start, given_up.key.as_deref()), (5, 5, Some(&b"5"[..])));
    assert_eq!(given_up.bytes, Some(value.len() as u64));
    assert!(given_up.schema_id.is_some_and(|id| id > 1_000));
    assert_eq!(std::fs::read(&path).unwrap(), value);
    assert!(refusal(&config, 5).await.contains("cover it"), "it is given up once");

    let report = deep(&config).await;
    assert!(report.is_whole(), "{report:#?}");
    let chain = &report.partitions[0];
    let read = chain.deep.clone().unwrap();
    assert_eq!((chain.next, chain.files, chain.losses, chain.dead_letters), (6, 2, 1, 0));
    assert_eq!((read.rows, read.records, read.accepted_losses, read.dead_letters), (5, 6, 1, 0));
    let repairs = sink::repair(&config, Mode::Apply).await.unwrap();
    assert_eq!(repairs[0].finding, Finding::Position { committed: Some(5), next: 6 });

    config.roll.idle = Duration::from_millis(200);
    let running = Running::start(config.clone());
    until_rows(&config, 9).await;
    running.stop().await;
    let report = deep(&config).await;
    assert!(report.is_whole(), "{report:#?}");
    assert_eq!(report.partitions[0].deep.clone().unwrap().accepted_losses, 1);
    assert_eq!(fixture.numbers("events").await, [0, 1, 2, 3, 4, 6, 7, 8, 9]);
}
