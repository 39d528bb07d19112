//! The proof at a checkpoint: what the producer committed is in the topic, what is in the topic is in the files once, with
//! the same bytes, or among the dead letters at least once, and the files tile.

use anyhow::{Context, bail};
use apache_avro::{reader::datum::GenericDatumReader, writer::datum::GenericDatumWriter};
use contract::{Position, Range, framing};
use sink::dead_letter_header;
use sink_core::tiling;
use std::collections::{BTreeMap, BTreeSet};

use super::{
    files::{File, Row},
    ledger::{Outcome, Transaction},
    load::{Fate, Load, NUMBER},
    topic::Record,
};

/// What a checkpoint saw.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) records: u64,
    pub(crate) rows: u64,
    pub(crate) dead_letters: u64,
    pub(crate) files: u64,
    pub(crate) resolved: u64,
}

/// Where each record must be, by its number; each must be as it was sent.
pub(crate) fn fates(load: &Load, records: &[Record]) -> anyhow::Result<BTreeMap<(i32, i64), Fate>> {
    records.iter().map(|record| Ok(((record.partition, record.offset), as_sent(load, record)?.1))).collect()
}

/// A record's number and where it must be.
fn as_sent(load: &Load, record: &Record) -> anyhow::Result<(u64, Fate)> {
    let place = (record.partition, record.offset);
    let number = record.headers.iter().find(|(key, _)| key == NUMBER).and_then(|(_, value)| value.as_deref());
    let n = number.and_then(|bytes| bytes.try_into().ok()).map(u64::from_be_bytes);
    let n = n.with_context(|| format!("the topic's record at {place:?} has no number"))?;
    let sent = load.record(n)?;
    let same = (sent.partition, Some(sent.timestamp)) == (record.partition, record.timestamp)
        && (&sent.key, &sent.value, &sent.headers) == (&record.key, &record.value, &record.headers);
    anyhow::ensure!(same, "the topic's record at {place:?} is not record {n} as it was sent: {record:?}");
    Ok((n, sent.fate))
}

/// The topic holds what the book says: all records of committed transactions, none of aborted ones, all or none of those
/// whose outcome nobody knows; each as it was sent. Returns where each record must be.
pub(crate) fn topic_against_ledger(
    load: &Load,
    transactions: &[Transaction],
    records: &[Record],
) -> anyhow::Result<BTreeMap<(i32, i64), Fate>> {
    let (mut fates, mut there) = (BTreeMap::new(), BTreeMap::new());
    for record in records {
        let place = (record.partition, record.offset);
        let (n, fate) = as_sent(load, record)?;
        fates.insert(place, fate);
        if let Some(other) = there.insert(n, place) {
            bail!("record {n} is in the topic twice, at {other:?} and {place:?}: the producer is at fault");
        }
    }
    let mut expected = 0;
    for transaction in transactions {
        let numbers = transaction.first..transaction.first + transaction.count;
        let found = numbers.filter(|n| there.contains_key(n)).count() as u64;
        let right = match transaction.outcome {
            Outcome::Committed => found == transaction.count,
            Outcome::Aborted => found == 0,
            Outcome::Unknown => found == 0 || found == transaction.count,
        };
        anyhow::ensure!(right, "{found} records in the topic of {transaction:?}: the producer or Kafka is at fault");
        expected += found;
    }
    anyhow::ensure!(expected == there.len() as u64, "{} records in the topic, the book says {expected}", there.len());
    Ok(fates)
}

/// The files of one partition tile from `first` on; returns where they end.
pub(crate) fn tiling(first: Position, files: &[File]) -> anyhow::Result<Position> {
    let ranges: Vec<Range> = files.iter().map(|file| file.about.range).collect();
    let (end, faults) = tiling::check(first, &ranges);
    anyhow::ensure!(faults.is_empty(), "{faults:?}");
    Ok(end)
}

/// The files hold each record that they must hold once, as it is in the topic, and nothing else.
pub(crate) fn files_against_topic(
    load: &Load,
    records: &[Record],
    fates: &BTreeMap<(i32, i64), Fate>,
    files: &[File],
) -> anyhow::Result<Seen> {
    let mut missing: BTreeMap<(i32, i64), &Record> = records
        .iter()
        .map(|record| ((record.partition, record.offset), record))
        .filter(|(place, _)| fates.get(place) == Some(&Fate::File))
        .collect();
    let mut seen = Seen { records: records.len() as u64, files: files.len() as u64, ..Seen::default() };
    for file in files {
        seen.dead_letters += file.about.dead_letters;
        for row in &file.rows {
            let place = (row.partition, row.offset);
            let Some(record) = missing.remove(&place) else {
                bail!("a row for {place:?} in {:?}, which is there already or has no record: {row:?}", file.about)
            };
            seen.rows += 1;
            seen.resolved += u64::from(row_against_record(load, file, row, record).with_context(|| {
                format!("the row for {place:?} in {:?} is not its record: {row:?}, {record:?}", file.about)
            })?);
        }
    }
    if let Some((place, record)) = missing.first_key_value() {
        bail!("{} records are in no file, the first at {place:?}: {record:?}", missing.len());
    }
    Ok(seen)
}

/// Whether the value was resolved to a newer schema, where it is the right one.
fn row_against_record(load: &Load, file: &File, row: &Row, record: &Record) -> anyhow::Result<bool> {
    let same = (row.timestamp, &row.key, &row.headers) == (record.timestamp, &record.key, &record.headers);
    anyhow::ensure!(same, "its columns differ");
    let (Some(value), Some(payload)) = (&row.value, &record.value) else {
        anyhow::ensure!(row.value.is_none() && record.value.is_none(), "one is a tombstone");
        return Ok(false);
    };
    let (id, mut datum) = framing::unframe(payload)?;
    let written = load.schema(id).context("a schema that was never registered")?;
    anyhow::ensure!(row.schema_id == Some(id), "it says it was written with another schema");
    let rewritten = GenericDatumWriter::builder(&file.values).build()?.write_value_to_vec(value.clone())?;
    if rewritten == datum {
        return Ok(false);
    }
    let reader = GenericDatumReader::builder(written).reader_schema(&file.values).build()?;
    let resolved = reader.read_value(&mut datum)?;
    anyhow::ensure!(resolved == *value && *written != file.values, "its value differs");
    Ok(true)
}

/// Each poison record is among the dead letters at least once, and no other is.
pub(crate) fn dead_letters(fates: &BTreeMap<(i32, i64), Fate>, letters: &[Record]) -> anyhow::Result<()> {
    let mut found = BTreeSet::new();
    for letter in letters {
        let number = |name: &str| {
            let (_, value) = letter.headers.iter().find(|(key, _)| key == name)?;
            std::str::from_utf8(value.as_deref()?).ok()?.parse::<i64>().ok()
        };
        let place = number(dead_letter_header::PARTITION)
            .zip(number(dead_letter_header::OFFSET))
            .context("a dead letter that does not say where from")?;
        found.insert((place.0 as i32, place.1));
    }
    let is_poison = |fate: &Fate| *fate == Fate::DeadLetter;
    for (place, _) in fates.iter().filter(|(_, fate)| is_poison(fate)) {
        anyhow::ensure!(found.contains(place), "the unusable record at {place:?} is not among the dead letters");
    }
    for place in &found {
        let good = fates.get(place).is_some_and(|fate| *fate == Fate::File);
        anyhow::ensure!(!good, "the record at {place:?} is good, and among the dead letters");
    }
    Ok(())
}
