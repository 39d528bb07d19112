//! What the state promises to whoever opens it next.

use super::*;
use crate::{
    config::{Locale, Mix},
    person::Vocabulary,
    population::{Rules, draw},
};
use contract::schemas;
use tempfile::TempDir;

fn open(folder: &TempDir) -> Result<Outbox, Error> {
    Outbox::open(&folder.path().join("state"), "t", None)
}

fn write(outbox: &mut Outbox, mix: Mix) -> Vec<Record> {
    let vocabulary = Vocabulary::of(schemas::newest()).unwrap();
    let rules = Rules { seed: outbox.seed(), locales: vec![Locale::EnUs], skew: 0.5, vocabulary };
    let plan = Plan::after(outbox.plan(), 1_000_000, 1_000, mix);
    let draft = draw(&rules, outbox.roll(), &plan, u64::MAX, |slot| outbox.person(slot)).unwrap();
    let record = |event: &contract::CustomerEvent| Record {
        customer_id: event.customer_id,
        value: serde_json::to_vec(event).unwrap(),
    };
    let records: Vec<_> = draft.events.iter().map(record).collect();
    outbox.write(&draft, &records).unwrap();
    records
}

const CREATES: Mix = Mix { creates: 20, updates: 0, deletes: 0, recreates: 0 };

#[test]
fn records_come_back_byte_by_byte_until_they_are_marked() {
    let folder = TempDir::new().unwrap();
    let mut outbox = open(&folder).unwrap();
    let records = write(&mut outbox, CREATES);
    assert_eq!(outbox.records().unwrap(), records);
    drop(outbox);
    let mut outbox = open(&folder).unwrap();
    assert_eq!((outbox.records().unwrap(), outbox.pending()), (records, 20));
    assert_eq!((outbox.roll().len(), outbox.roll().living()), (20, 20));
    outbox.mark_sent().unwrap();
    drop(outbox);
    let outbox = open(&folder).unwrap();
    assert_eq!((outbox.records().unwrap(), outbox.pending()), (vec![], 0));
    assert_eq!(outbox.roll().len(), 20);
    assert_eq!(outbox.person(7).unwrap().sequence, 1);
}

#[test]
fn a_seed_drawn_once_stays() {
    let folder = TempDir::new().unwrap();
    let seed = open(&folder).unwrap().seed();
    assert_eq!(open(&folder).unwrap().seed(), seed);
}

#[test]
fn a_second_producer_is_refused() {
    let folder = TempDir::new().unwrap();
    let _first = open(&folder).unwrap();
    assert!(matches!(open(&folder), Err(Error::StateInUse { .. })));
}

#[test]
fn the_state_of_another_topic_or_seed_is_refused() {
    let folder = TempDir::new().unwrap();
    let seed = open(&folder).unwrap().seed();
    let path = || folder.path().join("state");
    let topic = Outbox::open(&path(), "other", None).err().unwrap();
    assert!(topic.to_string().contains("topic `t`") && topic.to_string().contains("topic `other`"), "{topic}");
    let refused = Outbox::open(&path(), "t", Some(seed ^ 1)).err().unwrap();
    assert!(matches!(refused, Error::StateOfAnother { .. }), "{refused}");
    Outbox::open(&path(), "t", Some(seed)).unwrap();
}

#[test]
fn a_file_that_is_no_state_is_refused_and_left_alone() {
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join("state")).unwrap();
    let file = folder.path().join("state").join(FILE);
    let text = "somebody's notes ".repeat(1_000);
    fs::write(&file, &text).unwrap();
    assert!(matches!(open(&folder), Err(Error::StateDamaged { .. })));
    assert_eq!(fs::read_to_string(&file).unwrap(), text);
}

#[test]
fn a_full_disk_is_called_by_its_name() {
    let full = redb::Error::Io(io::Error::from(io::ErrorKind::StorageFull));
    let error = failed(Path::new("/s/producer.redb"), "write a batch", full);
    assert!(matches!(error, Error::DiskFull { .. }) && error.to_string().contains("make room"), "{error}");
}

#[test]
fn a_state_that_was_never_closed_holds_what_was_written() {
    let folder = TempDir::new().unwrap();
    let mut outbox = open(&folder).unwrap();
    let records = write(&mut outbox, CREATES);
    // As the file is when the process dies now.
    let copy = TempDir::new().unwrap();
    fs::create_dir(copy.path().join("state")).unwrap();
    fs::copy(&outbox.path, copy.path().join("state").join(FILE)).unwrap();
    outbox.mark_sent().unwrap();
    assert_eq!(open(&copy).unwrap().records().unwrap(), records);
}

#[test]
fn a_state_cut_in_half_is_an_error_with_a_way_out() {
    let folder = TempDir::new().unwrap();
    let mut outbox = open(&folder).unwrap();
    write(&mut outbox, Mix { creates: 2_000, ..Mix::default() });
    let path = outbox.path.clone();
    drop(outbox);
    let length = fs::metadata(&path).unwrap().len();
    fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(length / 2).unwrap();
    let error = open(&folder).err().expect("half a state is no state");
    assert!(matches!(error, Error::StateDamaged { .. }) && error.to_string().contains("restore"), "{error}");
}
