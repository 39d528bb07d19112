//! The hot loop's promise: once the buffers have their size, a record costs no allocation.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod native;

use contract::{Offset, Position};
use sink_core::{
    container::{BLOCK_BYTES, Codec, FileBuilder, Row, RowValue, Scratch},
    families::{FileShape, Home},
    genesis::Identity,
    intake::{Intake, TopicSchemas},
    partition::{Admit, Appended, Command, Commands, Epoch, Event, KafkaFacts, More, Partition, Record, Setup},
    roll::RollPolicy,
    value_schema::ValueSchema,
};
use std::sync::Arc;

/// Ids of the released schemas, oldest first.
const IDS: [u32; 2] = [7, 8];

/// A partition of a chain that begins with it, ready to be filled.
fn partition() -> Partition {
    let policy = RollPolicy { window: Some(120_000), idle: Some(60_000), max_bytes: u64::MAX, max_records: u64::MAX };
    let setup = Setup { topic: "t".into(), partition: 0, policy, new_chain: "c".into(), restart_after: 1_000 };
    let mut commands = Commands::new();
    let mut partition = Partition::assigned(setup, Epoch(1), &mut commands);
    while let Some(command) = commands.pop_front() {
        let event = match command {
            Command::AskKafka => Event::Kafka(KafkaFacts {
                identity: Identity { cluster_id: "k".into(), topic_id: None, group: "g".into() },
                committed: None,
                low: Position(0),
                high: Position(1_000_000),
                configured_first: Position(0),
                partitions: 1,
            }),
            Command::ReadGenesis => Event::Genesis { own: None, first_of_topic: None },
            Command::CreateGenesis(genesis) => Event::Genesis { own: Some(genesis), first_of_topic: None },
            Command::List { .. } => Event::Listed { starts: vec![], more: More::No },
            Command::Head { .. } => Event::Headed(None),
            _ => continue,
        };
        partition.handle(partition.epoch(), event, 0, &mut commands);
    }
    assert_eq!(partition.position(), Some(Position(0)));
    partition
}

fn value(version: usize) -> Vec<u8> {
    let event = contract::CustomerEvent {
        event_id: uuid::Uuid::from_u128(1),
        operation: contract::Operation::Delete,
        customer_id: uuid::Uuid::from_u128(2),
        sequence: 3,
        event_time: 1_700_000_000_000,
        customer: None,
    };
    let schema = contract::schemas::released()[version].parse().unwrap();
    contract::framing::frame(IDS[version], &event.encode(&schema).unwrap())
}

/// What the sink keeps for one open file.
struct Open {
    shape: Arc<FileShape>,
    builder: FileBuilder,
    out: Vec<u8>,
    scratch: Scratch,
}

/// All that is done with one record between the client and the spool.
fn take(offset: i64, value: Option<&[u8]>, schemas: &mut TopicSchemas, partition: &mut Partition, open: &mut Open) {
    assert_eq!(partition.admit(Offset(offset)), Admit::Take);
    let (row_value, what) = match value {
        None => (RowValue::Tombstone, Record::Tombstone),
        Some(value) => match schemas.intake(value, Some(&open.shape)) {
            Intake::Take { id, branch, datum } => (RowValue::Datum { schema_id: id, branch, datum }, Record::Value(id)),
            other => panic!("{other:?}"),
        },
    };
    let timestamp = Some(1_700_000_000_000 + offset);
    let headers: [(&[u8], Option<&[u8]>); 2] = [(b"source", Some(b"test")), (b"empty", None)];
    open.builder.append(&Row { offset, timestamp, key: Some(b"key"), value: row_value }, headers.into_iter());
    if open.builder.block_len() >= BLOCK_BYTES {
        open.builder.close_block(&mut open.out, &mut open.scratch).unwrap();
        // The spool has written it.
        open.out.clear();
    }
    let mut commands = Commands::new();
    let file_bytes = open.builder.block_len() as u64;
    partition.appended(&Appended { offset: Offset(offset), timestamp, file_bytes, what }, offset, &mut commands);
    assert!(commands.is_empty());
}

#[test]
fn a_record_costs_no_allocation_whichever_version_it_is_of() {
    let values = [value(0), value(1)];
    for codec in [Codec::Null, Codec::Snappy] {
        let mut schemas = TopicSchemas::default();
        for ((released, id), version) in contract::schemas::released().iter().zip(IDS).zip(1..) {
            let home = Home { subject: "t-value".to_owned(), version };
            schemas.found(id, Some(home), ValueSchema::parse(released.source).unwrap());
        }
        let Intake::Begin(shape) = schemas.intake(&values[0], None) else { panic!() };
        let mut out = Vec::new();
        let builder = FileBuilder::new("t", 0, shape.schema(), codec, [7; 16], &mut out);
        let mut open = Open { shape, builder, out, scratch: Scratch::default() };
        let mut partition = partition();
        let mut before = 0;
        for offset in 0..20_000 {
            if offset == 2_000 {
                before = native::allocations();
            }
            // Tombstones, and by turns data of an older version, which is converted, and of the newest.
            let value = (offset % 50 != 0).then_some(&values[offset as usize % 2][..]);
            take(offset, value, &mut schemas, &mut partition, &mut open);
        }
        assert_eq!(native::allocations() - before, 0, "{codec:?}");
    }
}

#[test]
fn the_counter_counts() {
    let before = native::allocations();
    std::hint::black_box(vec![1u8]);
    assert_eq!(native::allocations() - before, 1);
}
