//! Corners of the log that only real brokers have: topics that grow, vanish and come again, records that are deleted or
//! compacted away, transactions' markers, groups that are deleted, static members. Runs where `TEST_KAFKA` names brokers.

mod groups;
mod log;

use rdkafka::{
    admin::{AdminClient, AdminOptions, NewPartitions, NewTopic, TopicReplication},
    client::DefaultClientContext,
};

use crate::{field::Field, running};

/// A topic of its own for a test; `None`, said aloud, where no brokers are named.
async fn start(test: &str, partitions: i32, settings: &[(&str, &str)]) -> Option<Field> {
    let Ok(brokers) = std::env::var("TEST_KAFKA") else {
        println!("SKIPPED {test}: TEST_KAFKA names no brokers");
        return None;
    };
    let field = Field::start(brokers, &format!("{test}-{}", uuid::Uuid::new_v4().simple())).await;
    create_topic(&field, &field.topic, partitions, settings).await;
    Some(field)
}

fn admin(field: &Field) -> AdminClient<DefaultClientContext> {
    field.client().create().unwrap()
}

async fn create_topic(field: &Field, topic: &str, partitions: i32, settings: &[(&str, &str)]) {
    let mut new = NewTopic::new(topic, partitions, TopicReplication::Fixed(1));
    for (key, value) in settings {
        new = new.set(key, value);
    }
    let admin = admin(field);
    running::eventually("a topic of this name can be made", || async {
        let made = admin.create_topics([&new], &AdminOptions::new()).await.unwrap();
        made[0].clone().map(drop).map_err(|(_, code)| code.to_string())
    })
    .await;
}

async fn grow(field: &Field, partitions: usize) {
    let new = NewPartitions::new(&field.topic, partitions);
    admin(field).create_partitions([&new], &AdminOptions::new()).await.unwrap()[0].as_ref().unwrap();
}
