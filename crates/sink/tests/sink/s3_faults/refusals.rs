//! Stores that cannot be trusted or will not do what is configured are refused at the start, with the way out.

use contract::{Operation as Event, framing::frame};
use sink::{Encryption, SinkError};
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, SystemTime},
};

use super::{
    impatient,
    proxy::{Deed, Fault, Operation, Plan, Proxy, Seen, error_text},
};
use crate::{
    fixture::{Fixture, event, real_store},
    running::{Running, eventually, until_rows},
};

async fn refusal(fixture: &Fixture, plan: Plan, change: impl FnOnce(&mut sink::Config)) -> String {
    let proxy = Proxy::start(fixture, plan).await;
    let mut config = impatient(fixture, vec!["events".to_owned()], &proxy);
    change(&mut config);
    let SinkError::Store(error) = Running::start(config).ended().await else { panic!("not about the store") };
    error.to_string()
}

fn pass() -> Plan {
    Arc::new(|_| Deed::Pass)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_cannot_be_trusted_is_refused_with_the_way_out() {
    let fixture = Fixture::start().await;
    // Says yes to every PUT.
    let plan: Plan = Arc::new(|seen| match seen.operation {
        Operation::Put => Deed::Answer(200, String::new()),
        _ => Deed::Pass,
    });
    let refused = refusal(&fixture, plan, |_| {}).await;
    assert!(refused.contains("ignores If-None-Match") && refused.contains("create-only put"), "{refused}");

    // Knows the condition for a PUT, but not for the completion of an upload.
    let completed = "<CompleteMultipartUploadResult><ETag>x</ETag></CompleteMultipartUploadResult>";
    let plan: Plan = Arc::new(move |seen| match seen.operation {
        Operation::Complete => Deed::Answer(200, completed.to_owned()),
        _ => Deed::Pass,
    });
    let refused = refusal(&fixture, Arc::clone(&plan), |config| config.objects.multipart_bytes = 0).await;
    assert!(refused.contains("create-only upload in parts"), "{refused}");

    // Knows no uploads in parts at all.
    let plan: Plan = Arc::new(|seen| match seen.operation {
        Operation::Begin => Deed::Answer(501, error_text("NotImplemented")),
        _ => Deed::Pass,
    });
    let refused = refusal(&fixture, plan, |config| config.objects.multipart_bytes = 0).await;
    assert!(refused.contains("set sink.objects.multipart_bytes above"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_stays_busy_is_given_up_at_the_deadline() {
    let fixture = Fixture::start().await;
    let busy: Plan = Arc::new(|_| Deed::Fault(Fault::Busy));
    // Its end is not waited for as long as the deadline is unless set.
    let refused = refusal(&fixture, busy, |config| config.deadlines.store = Duration::from_secs(3)).await;
    assert!(refused.contains("tried for the configured deadline"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_is_not_ready_before_it_has_looked_at_its_store() {
    let fixture = Fixture::start().await;
    let proxy = Proxy::start(&fixture, Arc::new(|_| Deed::Fault(Fault::Busy))).await;
    let mut config = impatient(&fixture, vec!["events".to_owned()], &proxy);
    config.deadlines.store = Duration::from_secs(3);
    let running = Running::start(config);
    running.until_unready("looking at the object store").await;
    running.ended().await;
}

/// Files that vanish too early, and what says where their chains begin.
#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_busy_is_said_until_it_answers() {
    let fixture = Fixture::start().await;
    let (_, id) = fixture.register_both("events").await;
    fixture.create_topic("events", 1).await;
    let records: Vec<_> = (0..3).map(|n| (n, Some(frame(id, &event(n, 2, Event::Create))))).collect();
    fixture.produce("events", &records).await;
    let is_busy = Arc::new(AtomicBool::new(true));
    let asked = Arc::clone(&is_busy);
    let plan = move |seen: &Seen| match seen.operation {
        Operation::Put if seen.key.starts_with("topics/") && asked.load(Ordering::Relaxed) => Deed::Fault(Fault::Busy),
        _ => Deed::Pass,
    };
    let proxy = Proxy::start(&fixture, Arc::new(plan)).await;
    let mut config = fixture.config("events");
    config.store.endpoint = Some(proxy.url.clone());
    config.roll.idle = Duration::from_millis(200);
    let running = Running::start(config);
    let why = running.until_unready("sink: object store").await;
    assert!(why.contains("SlowDown"), "{why}");
    is_busy.store(false, Ordering::Relaxed);
    until_rows(&fixture.config("events"), 3).await;
    eventually("it is ready again", || async {
        if running.health.is_ready() { Ok(()) } else { Err(format!("{:?}", running.health)) }
    })
    .await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_that_deletes_files_too_early_is_refused() {
    let fixture = Fixture::start().await;
    let with_rule = |prefix: &str, days: u32| -> Plan {
        let rules = format!(
            "<LifecycleConfiguration><Rule><ID>tidy</ID><Status>Enabled</Status><Filter><Prefix>{prefix}</Prefix></Filter>\
             <Expiration><Days>{days}</Days></Expiration></Rule></LifecycleConfiguration>"
        );
        Arc::new(
            move |seen| {
                if seen.query.contains("lifecycle") { Deed::Answer(200, rules.clone()) } else { Deed::Pass }
            },
        )
    };
    let refused = refusal(&fixture, with_rule("topics/", 13), |_| {}).await;
    assert!(refused.contains("`tidy` deletes files after 13 days"), "{refused}");
    let refused = refusal(&fixture, with_rule("", 1_000), |_| {}).await;
    assert!(refused.contains("chains/"), "{refused}");

    fixture.create_topic("events", 1).await;
    for (rule, change) in [(with_rule("topics/", 1_000), false), (with_rule("", 1), true)] {
        let proxy = Proxy::start(&fixture, rule).await;
        let mut config = impatient(&fixture, vec!["events".to_owned()], &proxy);
        if change {
            config.objects.short_expiry = sink::ShortExpiry::Warn;
        }
        let running = Running::start(config);
        running.until_ready().await;
        running.stop().await;
    }
}

/// The embedded store knows neither, and says so: they are asked for with every object.
#[tokio::test(flavor = "multi_thread")]
async fn encryption_is_asked_for_with_every_object() {
    if real_store().is_some() {
        println!("left out: needs the embedded store");
        return;
    }
    let fixture = Fixture::start().await;
    for (encryption, multipart_bytes) in [(Encryption::Aes256, 0), (Encryption::AwsKms, 1 << 30)] {
        let refused = refusal(&fixture, pass(), |config| {
            config.objects.server_side_encryption = encryption;
            config.objects.multipart_bytes = multipart_bytes;
        });
        let refused = refused.await;
        assert!(refused.contains("does not know encryption"), "{refused}");
    }
}

/// On a store that knows tags they are found on files, and on nothing else; the embedded one says that it was asked.
#[tokio::test(flavor = "multi_thread")]
async fn files_have_the_configured_tags() {
    let fixture = Fixture::start().await;
    let (_, id) = fixture.register_both("events").await;
    fixture.create_topic("events", 1).await;
    let records: Vec<_> = (0..3).map(|n| (n, Some(frame(id, &event(n, 2, Event::Create))))).collect();
    fixture.produce("events", &records).await;
    for multipart_bytes in [1 << 30, 0] {
        let mut config = fixture.config("events");
        config.store.prefix = format!("{multipart_bytes}/");
        config.group_id = format!("sink-{multipart_bytes}");
        config.roll.idle = Duration::from_millis(200);
        config.objects.multipart_bytes = multipart_bytes;
        config.objects.tags = [("owner".to_owned(), "data + co".to_owned())].into();
        let running = Running::start(config.clone());
        if real_store().is_none() {
            let error = running.ended().await.to_string();
            assert!(error.contains("does not know tags"), "{error}");
            continue;
        }
        until_rows(&config, 3).await;
        running.stop().await;
        let (s3, bucket) = fixture.s3();
        let chain = contract::names::genesis_key("events", 0);
        let file = contract::names::object_key("events", 0, contract::Position(0));
        for (key, expected) in [(file, vec![("owner", "data + co")]), (chain, vec![])] {
            let key = format!("{}{key}", config.store.prefix);
            let tagged = s3.get_object_tagging().bucket(&bucket).key(key).send().await.unwrap();
            let tags: Vec<_> = tagged.tag_set().iter().map(|tag| (tag.key(), tag.value())).collect();
            assert_eq!(tags, expected);
        }
    }
}

/// What is left of a killed process is aborted once it is old; what may still be under way is not, nor what others upload.
#[tokio::test(flavor = "multi_thread")]
async fn uploads_left_behind_are_aborted_once_they_are_old() {
    if real_store().is_some() {
        println!("left out: needs the embedded store's files, to make an upload old");
        return;
    }
    let fixture = Fixture::start().await;
    let (s3, bucket) = fixture.s3();
    let file = contract::names::object_key("events", 0, contract::Position(7));
    let mut ids = Vec::new();
    for key in [file.as_str(), "topics/somebody-elses", file.as_str()] {
        let begun = s3.create_multipart_upload().bucket(&bucket).key(key).send().await.unwrap();
        ids.push(begun.upload_id.unwrap());
    }
    for id in &ids[..2] {
        fixture.age_upload(id, SystemTime::now() - Duration::from_hours(25));
    }
    let asked = Arc::new(Mutex::new(0));
    let count = Arc::clone(&asked);
    let plan: Plan = Arc::new(move |seen| {
        *count.lock().unwrap() += usize::from(seen.operation == Operation::Abort);
        Deed::Pass
    });
    let proxy = Proxy::start(&fixture, plan).await;
    fixture.create_topic("events", 1).await;
    let running = Running::start(impatient(&fixture, vec!["events".to_owned()], &proxy));
    running.until_ready().await;
    running.stop().await;
    let listed = s3.list_multipart_uploads().bucket(&bucket).send().await.unwrap();
    let mut left: Vec<_> = listed.uploads().iter().map(|upload| upload.upload_id().unwrap().to_owned()).collect();
    let mut expected = ids[1..].to_vec();
    left.sort();
    expected.sort();
    assert_eq!(left, expected);
    assert_eq!(*asked.lock().unwrap(), 1);
}
