//! What was answered before a kill -9 of the whole process is there after it, and nothing half done is.

use crate::{
    broker::{create_topic, payloads, producer, read, send},
    harness::{s3, start_on},
};
use aws_sdk_s3::primitives::ByteStream;
use rdkafka::producer::Producer as _;
use std::{
    collections::BTreeSet,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Command, Stdio},
};

/// Names the victim's folder; without it the victim is no test.
const FOLDER: &str = "LOCAL_STACK_VICTIM";
const ROUNDS: usize = 3;
/// Answers before a kill; the moment is another one in each round.
const ANSWERS: usize = 40;

fn content(name: &str) -> Vec<u8> {
    name.bytes().cycle().take(100_000).collect()
}

/// Writes objects and records and says each one that was acknowledged, until it is killed.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "the other test starts it in a process of its own"]
async fn victim() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let stack = start_on(Path::new(&folder)).await;
    let endpoints = stack.endpoints();
    let producer = producer(&endpoints.kafka, "zstd");
    let is_known = producer.client().fetch_metadata(None, crate::harness::DEADLINE).unwrap();
    if is_known.topics().iter().all(|topic| topic.name() != "t") {
        create_topic(&endpoints.kafka, "t", 1).await;
    }
    let s3 = s3(&endpoints.store);
    for number in 0.. {
        let name = format!("{}-{number}", std::process::id());
        let put = s3.client.put_object().bucket(&s3.bucket).key(&name).if_none_match("*").metadata("name", &name);
        put.body(ByteStream::from(content(&name))).send().await.unwrap();
        println!("\nobject {name}");
        send(&producer, "t", std::slice::from_ref(&name)).await;
        println!("\nrecord {name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_outlives_a_kill_and_nothing_is_half_there() {
    let folder = tempfile::tempdir().unwrap();
    let (mut objects, mut records) = (BTreeSet::new(), Vec::new());
    for round in 0..ROUNDS {
        let mut victim = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "kill::victim", "--ignored", "--nocapture"])
            .env(FOLDER, folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut answers = 0;
        for line in BufReader::new(victim.stdout.take().unwrap()).lines() {
            match line.unwrap().split_once(' ') {
                Some(("object", name)) => drop(objects.insert(name.to_owned())),
                Some(("record", name)) => records.push(name.to_owned()),
                _ => continue,
            }
            answers += 1;
            if answers == ANSWERS + round {
                victim.kill().unwrap();
            }
        }
        victim.wait().unwrap();
        assert!(answers >= ANSWERS + round, "the victim ended by itself after {answers} answers");

        let stack = start_on(folder.path()).await;
        let s3 = s3(&stack.endpoints().store);
        let listed = s3.client.list_objects_v2().bucket(&s3.bucket).send().await.unwrap();
        let listed: BTreeSet<_> = listed.contents().iter().map(|object| object.key().unwrap().to_owned()).collect();
        assert!(objects.is_subset(&listed), "lost: {:?}", objects.difference(&listed));
        for key in &listed {
            let got = s3.client.get_object().bucket(&s3.bucket).key(key).send().await.unwrap();
            assert_eq!(&got.metadata.unwrap()["name"], key);
            assert!(got.body.collect().await.unwrap().to_vec() == content(key), "{key} is torn");
        }
        let found = payloads(&read(&stack.endpoints().kafka, "t").await);
        assert!(records.iter().all(|record| found.contains(record)), "acknowledged records are missing");
        records = found;
        objects = listed;
        stack.stop().await;
    }
}
