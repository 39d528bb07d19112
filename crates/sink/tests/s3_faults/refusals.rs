//! Stores that cannot be trusted or will not do what is configured are refused at the start, with the way out.

use sink::{Encryption, SinkError};
use std::{
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use crate::{
    impatient,
    proxy::{Deed, Operation, Plan, Proxy, error_text},
    support::{Fixture, Running},
};

async fn refusal(fixture: &Fixture, plan: Plan, change: impl FnOnce(&mut sink::Config)) -> String {
    let proxy = Proxy::start(fixture, plan).await;
    let mut config = impatient(fixture, vec!["events".to_owned()], &proxy);
    change(&mut config);
    let SinkError::Store(error) = Running::start(config).failed().await else { panic!("not about the store") };
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

/// Files that vanish too early, and what says where their chains begin.
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
        fixture.until_ready(&running).await;
        running.stop().await;
    }
}

/// The embedded store knows neither, and says so: they are asked for with every object.
#[tokio::test(flavor = "multi_thread")]
async fn encryption_is_asked_for_with_every_object() {
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

/// What is left of a killed process is aborted once it is old; what may still be under way is not, nor what others upload.
#[tokio::test(flavor = "multi_thread")]
async fn uploads_left_behind_are_aborted_once_they_are_old() {
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
    fixture.until_ready(&running).await;
    running.stop().await;
    let listed = s3.list_multipart_uploads().bucket(&bucket).send().await.unwrap();
    let mut left: Vec<_> = listed.uploads().iter().map(|upload| upload.upload_id().unwrap().to_owned()).collect();
    let mut expected = ids[1..].to_vec();
    left.sort();
    expected.sort();
    assert_eq!(left, expected);
    assert_eq!(*asked.lock().unwrap(), 1);
}
