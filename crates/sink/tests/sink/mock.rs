//! The sink on librdkafka's mock cluster, which answers with the errors that a test asks for. It knows topic and cluster
//! ids, groups and commit metadata; it has no transactions that a reader could see, no CreateTopics, and forgets everything
//! with the test. Each test ends with every record in the files once.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rdkafka::{
    mocking::{MockCluster, MockCoordinator},
    producer::DefaultProducerContext,
    types::{RDKafkaApiKey, RDKafkaRespErr},
};
use sink::SinkError;
use std::time::Duration;

use crate::{
    field::Field,
    running::{Running, TIMEOUT},
};

const TOPIC: &str = "events";

type Cluster = MockCluster<'static, DefaultProducerContext>;

async fn start(partitions: i32) -> (Cluster, Field) {
    let cluster = MockCluster::new(3).unwrap();
    cluster.create_topic(TOPIC, partitions, 3).unwrap();
    let field = Field::start(cluster.bootstrap_servers(), TOPIC).await;
    (cluster, field)
}

/// The coordinator moves, is overloaded, answers late, or does not know the member any more.
#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_is_refused_loses_and_repeats_nothing() {
    use RDKafkaRespErr as E;
    let (cluster, field) = start(1).await;
    let running = Running::start(field.config());
    field.produce(0..10, 1).await;
    field.until_committed(0, 10).await;
    let mut sent = 10;
    for refusals in [
        &[E::RD_KAFKA_RESP_ERR_NOT_COORDINATOR][..],
        &[E::RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE, E::RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS],
        &[E::RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT],
        &[E::RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS],
        &[E::RD_KAFKA_RESP_ERR__TRANSPORT],
        &[E::RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID],
        &[E::RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION],
    ] {
        cluster.request_errors(RDKafkaApiKey::OffsetCommit, refusals);
        field.produce(sent..sent + 10, 1).await;
        sent += 10;
        field.until_committed(0, sent as i64).await;
    }
    running.stop().await;
    field.holds_once(0..sent).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fenced_static_member_ends_and_says_so() {
    let (cluster, field) = start(1).await;
    let mut config = field.config();
    config.instance_id = Some("one".to_owned());
    let running = Running::start(config);
    field.produce(0..10, 1).await;
    field.until_committed(0, 10).await;
    cluster.request_errors(RDKafkaApiKey::OffsetCommit, &[RDKafkaRespErr::RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID]);
    field.produce(10..20, 1).await;
    let ended = running.ended().await;
    assert!(matches!(ended, SinkError::Fenced), "{ended}");
    let running = Running::start(field.config());
    field.until_committed(0, 20).await;
    running.stop().await;
    field.holds_once(0..20).await;
}

/// Finding the place needs the coordinator, the watermarks and the committed position.
#[tokio::test(flavor = "multi_thread")]
async fn errors_while_a_partition_finds_its_place_are_waited_out() {
    use RDKafkaRespErr as E;
    let (cluster, field) = start(2).await;
    field.produce(0..20, 2).await;
    let not_now = E::RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE;
    cluster.request_errors(RDKafkaApiKey::FindCoordinator, &[not_now, not_now]);
    cluster.request_errors(RDKafkaApiKey::OffsetFetch, &[E::RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS]);
    cluster.request_errors(RDKafkaApiKey::ListOffsets, &[E::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION; 2]);
    cluster.request_errors(RDKafkaApiKey::JoinGroup, &[E::RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS]);
    let running = Running::start(field.config());
    field.until_rows(20).await;
    running.stop().await;
    field.holds_once(0..20).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_of_fetches_and_heartbeats_lose_and_repeat_nothing() {
    use RDKafkaRespErr as E;
    let (cluster, field) = start(2).await;
    let running = Running::start(field.config());
    let mut sent = 0;
    for (request, error) in [
        (RDKafkaApiKey::Fetch, E::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION),
        (RDKafkaApiKey::Fetch, E::RD_KAFKA_RESP_ERR_FENCED_LEADER_EPOCH),
        (RDKafkaApiKey::Fetch, E::RD_KAFKA_RESP_ERR__TRANSPORT),
        (RDKafkaApiKey::Heartbeat, E::RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS),
        (RDKafkaApiKey::Heartbeat, E::RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID),
        (RDKafkaApiKey::Heartbeat, E::RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION),
    ] {
        let before = running.rebalances();
        cluster.request_errors(request, &[error]);
        if request == RDKafkaApiKey::Heartbeat {
            running.until_rebalanced(before).await;
        }
        field.produce(sent..sent + 20, 2).await;
        sent += 20;
        field.until_rows(sent).await;
    }
    running.stop().await;
    field.holds_once(0..sent).await;
}

/// The client counts an error among what it has handed out. A rebalance, which pauses all partitions for a moment, must not
/// go on behind it.
#[tokio::test(flavor = "multi_thread")]
async fn an_error_of_a_fetch_before_a_rebalance_loses_nothing() {
    use RDKafkaRespErr as E;
    let (cluster, field) = start(1).await;
    let running = Running::start(field.config());
    field.produce(0..10, 1).await;
    field.until_committed(0, 10).await;
    let mut sent = 10;
    for error in [E::RD_KAFKA_RESP_ERR_UNKNOWN, E::RD_KAFKA_RESP_ERR_INVALID_MSG, E::RD_KAFKA_RESP_ERR_UNKNOWN] {
        let before = running.rebalances();
        cluster.request_errors(RDKafkaApiKey::Fetch, &[error]);
        cluster.request_errors(RDKafkaApiKey::Heartbeat, &[E::RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS]);
        running.until_rebalanced(before).await;
        field.produce(sent..sent + 10, 1).await;
        sent += 10;
        field.until_committed(0, sent as i64).await;
    }
    running.stop().await;
    field.holds_once(0..sent).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_that_stays_ends_the_sink_with_its_words() {
    let (cluster, field) = start(1).await;
    let mut config = field.config();
    config.deadlines.kafka = Duration::from_secs(10);
    let running = Running::start(config);
    field.produce(0..10, 1).await;
    field.until_committed(0, 10).await;
    cluster.request_errors(RDKafkaApiKey::Fetch, &[RDKafkaRespErr::RD_KAFKA_RESP_ERR_INVALID_MSG; 1_000]);
    field.produce(10..20, 1).await;
    let ended = running.ended().await.to_string();
    assert!(ended.starts_with("events[0]: reading: "), "{ended}");
    cluster.clear_request_errors(RDKafkaApiKey::Fetch);
    let running = Running::start(field.config());
    field.until_committed(0, 20).await;
    running.stop().await;
    field.holds_once(0..20).await;
}

/// A broker that has just become leader may not know its log's end yet. The client gives a partition up that it was told
/// this of; the sink must not.
#[tokio::test(flavor = "multi_thread")]
async fn a_read_that_is_out_of_range_for_a_moment_is_repeated() {
    let (cluster, field) = start(2).await;
    let running = Running::start(field.config());
    field.produce(0..20, 2).await;
    field.until_rows(20).await;
    cluster.request_errors(RDKafkaApiKey::Fetch, &[RDKafkaRespErr::RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE; 4]);
    field.produce(20..60, 2).await;
    field.until_rows(60).await;
    running.stop().await;
    field.holds_once(0..60).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn brokers_without_topic_ids_are_read_all_the_same() {
    let (cluster, field) = start(2).await;
    // Topic ids came with version 10.
    cluster.apiversion(RDKafkaApiKey::Metadata, Some(0), Some(9)).unwrap();
    let running = Running::start(field.config());
    field.produce(0..20, 2).await;
    field.until_rows(20).await;
    running.stop().await;
    field.holds_once(0..20).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_coordinator_that_moves_and_brokers_that_go_lose_and_repeat_nothing() {
    let (cluster, field) = start(3).await;
    let group = || MockCoordinator::Group(TOPIC.to_owned());
    let running = Running::start(field.config());
    field.produce(0..30, 3).await;
    field.until_rows(30).await;
    let mut sent = 30;
    for broker in 1..=3 {
        let next = broker % 3 + 1;
        cluster.coordinator(group(), next).unwrap();
        for partition in 0..3 {
            cluster.partition_leader(TOPIC, partition, Some(next)).unwrap();
        }
        cluster.broker_down(broker).unwrap();
        cluster.broker_round_trip_time(next, Duration::from_millis(100)).unwrap();
        field.produce(sent..sent + 30, 3).await;
        sent += 30;
        field.until_rows(sent).await;
        cluster.broker_round_trip_time(next, Duration::ZERO).unwrap();
        cluster.broker_up(broker).unwrap();
    }
    field.until_committed(0, sent as i64 / 3).await;
    running.stop().await;
    field.holds_once(0..sent).await;
}

/// The client must not be given a placeholder for a position: not yet knowing where that is, it would go there once it is
/// told, whatever it was sought to meanwhile. When the broker's answer comes decides.
#[tokio::test(flavor = "multi_thread")]
async fn a_place_is_read_from_however_late_the_brokers_answer() {
    let clusters = futures::future::join_all((0..6).map(|n| async move {
        let (cluster, field) = start(1).await;
        field.produce(0..30, 1).await;
        for broker in 1..=3 {
            cluster.broker_round_trip_time(broker, Duration::from_millis(100 + n * 40)).unwrap();
        }
        let running = Running::start(field.config());
        (cluster, field, running)
    }));
    for (_cluster, field, running) in clusters.await {
        field.until_committed(0, 30).await;
        field.produce(30..40, 1).await;
        field.until_committed(0, 40).await;
        running.stop().await;
        field.holds_once(0..40).await;
    }
}

/// A partition is paused before it is handed over, and the client keeps that for when it is given the partition again.
#[tokio::test(flavor = "multi_thread")]
async fn a_partition_that_comes_back_is_read_on() {
    let (_cluster, field) = start(2).await;
    let first = Running::start(field.config());
    field.produce(0..20, 2).await;
    field.until_rows(20).await;
    let second = Running::start(field.config());
    second.until_assigned(1).await;
    first.until_assigned(1).await;
    field.produce(20..40, 2).await;
    field.until_rows(40).await;
    second.stop().await;
    first.until_assigned(2).await;
    field.produce(40..60, 2).await;
    field.until_rows(60).await;
    first.stop().await;
    field.holds_once(0..60).await;
}

/// The group waits for an answer to each revocation.
#[tokio::test(flavor = "multi_thread")]
async fn a_stop_ends_in_time_while_the_group_waits_for_a_partition() {
    let (_cluster, field) = start(2).await;
    let mut config = field.config();
    config.deadlines.shutdown = Duration::from_secs(1);
    // A rebalance takes nearly as long, and must be over before the sink stops asking for a topic of dead letters.
    config.session_timeout = Duration::from_secs(4);
    // One file of what is sent at once, however slowly it comes.
    config.roll.idle = Duration::from_secs(2);
    let first = Running::start(config);
    field.produce(0..20, 2).await;
    field.until_committed(0, 10).await;
    field.until_committed(1, 10).await;
    let before = first.rebalances();
    let second = Running::start(field.config());
    // Files wait for their dead letters, and those for a topic that these brokers do not make by request.
    field.poison(0, 1).await;
    field.poison(1, 1).await;
    first.until_rebalanced(before).await;
    let summary = tokio::time::timeout(TIMEOUT, first.stop()).await.expect("a stop in time");
    assert_eq!(summary.files, 2, "a stop waits no longer than it may for files that cannot be created yet");
    field.until_committed(0, 11).await;
    field.until_committed(1, 11).await;
    second.stop().await;
    field.holds_once(0..20).await;
}

/// Brokers that cannot make topics by request still have them, or make them at the first record.
#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_reach_a_topic_that_the_brokers_make_by_themselves() {
    let (_cluster, field) = start(1).await;
    let running = Running::start(field.config());
    field.produce(0..10, 1).await;
    field.poison(0, 3).await;
    field.produce(10..20, 1).await;
    field.until_committed(0, 23).await;
    let summary = running.stop().await;
    assert_eq!(summary.dead_letters, 3);
    field.holds_once(0..20).await;
}

/// Any of these at any time.
#[tokio::test(flavor = "multi_thread")]
async fn random_faults_lose_and_repeat_nothing() {
    use RDKafkaRespErr as E;
    // None that ends a connection: a second join before the first is answered ends the mock cluster.
    const FAULTS: [(RDKafkaApiKey, E); 9] = [
        (RDKafkaApiKey::OffsetCommit, E::RD_KAFKA_RESP_ERR_NOT_COORDINATOR),
        (RDKafkaApiKey::OffsetCommit, E::RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT),
        (RDKafkaApiKey::OffsetCommit, E::RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS),
        (RDKafkaApiKey::Fetch, E::RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE),
        (RDKafkaApiKey::Fetch, E::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION),
        (RDKafkaApiKey::Fetch, E::RD_KAFKA_RESP_ERR_UNKNOWN),
        (RDKafkaApiKey::Fetch, E::RD_KAFKA_RESP_ERR_INVALID_MSG),
        (RDKafkaApiKey::Heartbeat, E::RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS),
        (RDKafkaApiKey::FindCoordinator, E::RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE),
    ];
    let seed = std::env::var("MOCK_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(rand::random::<u64>);
    println!("MOCK_SEED={seed}");
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let (cluster, field) = start(3).await;
    let running = Running::start(field.config());
    let mut sent = 0;
    for _ in 0..15 {
        let (request, error) = FAULTS[random.random_range(0..FAULTS.len())];
        cluster.request_errors(request, &vec![error; random.random_range(1..3)]);
        let count = random.random_range(1..40);
        field.produce(sent..sent + count, 3).await;
        sent += count;
        if random.random_ratio(1, 3) {
            field.until_rows(sent).await;
        }
    }
    field.until_rows(sent).await;
    running.stop().await;
    field.holds_once(0..sent).await;
}
