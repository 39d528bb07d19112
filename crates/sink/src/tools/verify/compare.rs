//! Walks a partition's files and its log side by side, both in the order of offsets: every committed record must be a row
//! of the file that covers it, unchanged, or a dead letter.

use contract::{Position, framing::unframe};
use rdkafka::message::{BorrowedMessage, Headers, Message};
use sink_core::{facts::FoundFile, file_schema::FileSchema, read::StoredRow};
use std::collections::{BTreeSet, HashMap, hash_map::Entry};

use super::{
    Chain, Deep, DeepFile,
    deep::{Cleanup, Context},
    rows::{Failure, FileRows},
    values::{Pairing, Verdict},
};
use crate::{error::SinkError, kafka::Place, kafka::log_reader::LogReader, kafka::native};

/// Faults of a partition that are listed; the rest are counted.
const LISTED: usize = 20;
/// Records in no file that are looked for among the dead letters; more are a fault of another kind.
const MOST_MISSING: usize = 1_000_000;

/// What is wrong with a partition, at most [`LISTED`] of it in words.
#[derive(Debug, Default)]
pub(super) struct Faults {
    listed: Vec<String>,
    more: u64,
}

impl Faults {
    pub(super) fn push(&mut self, fault: String) {
        if self.listed.len() < LISTED {
            self.listed.push(fault);
        } else {
            self.more += 1;
        }
    }

    pub(super) fn into_texts(mut self) -> Vec<String> {
        if self.more > 0 {
            self.listed.push(format!("and {} more", self.more));
        }
        self.listed
    }
}

/// What reading one partition showed.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) deep: Deep,
    pub(super) faults: Faults,
    /// Offsets of committed records that are in no file but in the range of one: dead letters, or lost.
    pub(super) missing: BTreeSet<i64>,
}

/// The log's next record.
struct Log<'a> {
    reader: &'a LogReader,
    next: Option<BorrowedMessage<'a>>,
}

impl Log<'_> {
    fn advance(&mut self) -> Result<(), SinkError> {
        self.next = self.reader.next()?;
        Ok(())
    }

    fn offset(&self) -> Option<i64> {
        self.next.as_ref().map(Message::offset)
    }
}

pub(super) struct Comparison<'a> {
    context: &'a Context,
    chain: &'a Chain,
    place: Place,
    /// Nothing before can be compared.
    from: Position,
    log: Log<'a>,
    /// How values are compared in the open file, by their record's schema and their branch. `None` where the registry knows no
    /// such schema.
    pairings: HashMap<(u32, u32), Option<Pairing>>,
    counted: DeepFile,
    found: Found,
}

impl<'a> Comparison<'a> {
    pub(super) fn new(context: &'a Context, chain: &'a Chain, from: Position, reader: &'a LogReader) -> Self {
        let place = (chain.report.topic.clone(), chain.report.partition);
        let deep = Deep { from: from.0, ..Deep::default() };
        let found = Found { deep, ..Found::default() };
        let log = Log { reader, next: None };
        Self { context, chain, place, from, log, pairings: HashMap::new(), counted: DeepFile::default(), found }
    }

    /// # Errors
    /// When a remote system does not answer; what is wrong with the files is in the result.
    pub(super) fn run(mut self) -> Result<Found, SinkError> {
        self.log.advance()?;
        let chain = self.chain;
        for file in &chain.files {
            let absent = self.found.missing.len();
            match self.file(file) {
                Ok(()) => {
                    self.pass(file.range.next)?;
                    if file.is_loss {
                        // In the order of files, so what is missing from here on is of this one's range.
                        let given_up = self.found.missing.split_off(&file.range.start.0);
                        self.found.deep.accepted_losses += given_up.len() as u64;
                    } else {
                        self.check_letters(file, self.found.missing.len() - absent);
                    }
                }
                Err(Failure::Damage(damage)) => {
                    self.found.faults.push(format!("file {}: {damage}", file.range));
                    while self.log.offset().is_some_and(|offset| offset < file.range.next.0) {
                        self.log.advance()?;
                    }
                }
                Err(Failure::Sink(error)) => return Err(error),
            }
        }
        Ok(self.found)
    }

    fn file(&mut self, file: &FoundFile) -> Result<(), Failure> {
        let context = self.context;
        let place = self.place.clone();
        let mut rows = FileRows::open(&context.store, &context.runtime, &context.watch, &place, file);
        let head = rows.head()?;
        self.pairings.clear();
        self.counted = DeepFile { start: file.range.start.0, ..DeepFile::default() };
        let (mut count, mut last) = (0, file.range.start.0 - 1);
        while let Some(block) = rows.block(&head)? {
            let before = count;
            for row in block {
                let row = row.map_err(Failure::Damage)?;
                if (row.topic, row.partition) != (place.0.as_str(), place.1) {
                    self.fault(file, row.offset, &format!("says {}[{}]", row.topic, row.partition));
                }
                if row.offset <= last || row.offset >= file.range.next.0 {
                    self.fault(file, row.offset, "is out of order or out of the file's range");
                }
                last = last.max(row.offset);
                if row.schema_id.is_some() != row.value.is_some() {
                    self.fault(file, row.offset, "has a value without schema id, or the reverse");
                }
                self.row(file, &head.schema, &row)?;
                count += 1;
            }
            context.watch.advance(0, count - before)?;
        }
        self.found.deep.rows += count;
        self.found.deep.files.push(self.counted);
        if count != file.rows {
            self.found.faults.push(format!("file {}: has {count} rows, its metadata says {}", file.range, file.rows));
        }
        if rows.sha256() != file.sha256 {
            self.found.faults.push(format!("file {}: its checksum is not that of its metadata", file.range));
        }
        Ok(())
    }

    fn fault(&mut self, file: &FoundFile, offset: i64, what: &str) {
        self.found.faults.push(format!("file {}: row of offset {offset} {what}", file.range));
    }

    fn row(&mut self, file: &FoundFile, schema: &FileSchema, row: &StoredRow<'_>) -> Result<(), SinkError> {
        if row.offset < self.from.0 {
            return Ok(());
        }
        self.pass(Position(row.offset))?;
        if self.log.offset() != Some(row.offset) {
            match self.context.cleanup(&self.place.0) {
                Cleanup::Compacts => self.found.deep.compacted += 1,
                Cleanup::Deletes => self.fault(file, row.offset, "is no committed record of the log"),
            }
            return Ok(());
        }
        let differs = match &self.log.next {
            Some(record) => {
                let (topic, pairings, context) = (&self.place.0, &mut self.pairings, self.context);
                difference(record, row, |id, branch, theirs, ours| {
                    let pairing = match pairings.entry((id, branch)) {
                        Entry::Occupied(known) => known.into_mut(),
                        Entry::Vacant(new) => new.insert(context.pairing(topic, id, schema, branch)?),
                    };
                    Ok(pairing.as_ref().map(|pairing| pairing.compare(theirs, ours)))
                })?
            }
            None => Difference::None,
        };
        match differs {
            Difference::None => self.counted.by_value += 1,
            Difference::Unjudged => self.counted.structurally += 1,
            Difference::Found(what) => self.fault(file, row.offset, what),
        }
        self.found.deep.records += 1;
        self.log.advance()
    }

    /// Goes to `to` in the log; the records before are in no file.
    fn pass(&mut self, to: Position) -> Result<(), SinkError> {
        while let Some(offset) = self.log.offset().filter(|offset| *offset < to.0) {
            self.found.deep.records += 1;
            if self.found.missing.len() < MOST_MISSING {
                self.found.missing.insert(offset);
            } else {
                self.found
                    .faults
                    .push(format!("record {offset} is in no file; too many are to look for them elsewhere"));
            }
            self.log.advance()?;
        }
        Ok(())
    }

    /// A file says how many of its range's records went to the dead letters.
    fn check_letters(&mut self, file: &FoundFile, absent: usize) {
        let (absent, said) = (absent as u64, file.dead_letters);
        let cut = file.range.start < self.from || file.range.next <= self.from;
        let fits =
            absent == said || (absent < said && (cut || self.context.cleanup(&self.place.0) == Cleanup::Compacts));
        if !fits {
            let range = file.range;
            let fault =
                format!("file {range}: says {said} dead letters, but {absent} records in its range have no row");
            self.found.faults.push(fault);
        }
    }
}

/// What tells a row from the record it is to be.
enum Difference {
    None,
    /// Nothing was found, and the value could not be compared.
    Unjudged,
    Found(&'static str),
}

/// Compares a row with its record. `compare` is given the record's schema id, the row's branch and both data; it says nothing of
/// a schema that the registry does not know.
fn difference(
    record: &BorrowedMessage<'_>,
    row: &StoredRow<'_>,
    compare: impl FnOnce(u32, u32, &[u8], &[u8]) -> Result<Option<Verdict>, SinkError>,
) -> Result<Difference, SinkError> {
    let found = |what| Ok(Difference::Found(what));
    if record.key() != row.key {
        return found("has another key than its record");
    }
    if record.timestamp().to_millis() != row.timestamp {
        return found("has another timestamp than its record");
    }
    if !same_headers(record, row) {
        return found("has other headers than its record");
    }
    let (value, (branch, datum)) = match (record.payload(), row.value) {
        (None, None) => return Ok(Difference::None),
        (Some(value), Some(datum)) => (value, datum),
        _ => return found("is a tombstone and its record is not, or the reverse"),
    };
    let Ok((id, theirs)) = unframe(value) else { return found("has a value, but its record is not framed") };
    if row.schema_id != Some(id) {
        return found("has another schema id than its record");
    }
    Ok(match compare(id, branch, theirs, datum)? {
        None => Difference::Found("has a schema that the registry does not know (any more)"),
        Some(Verdict::Same) => Difference::None,
        Some(Verdict::Unjudged) => Difference::Unjudged,
        Some(Verdict::Differs) => Difference::Found("has another value than its record"),
    })
}

fn same_headers(record: &BorrowedMessage<'_>, row: &StoredRow<'_>) -> bool {
    let Some(headers) = record.headers() else { return row.headers().next().is_none() };
    let theirs = (0..headers.count()).map(|index| native::header(headers, index));
    let mut ours = row.headers();
    theirs.into_iter().all(|(key, value)| ours.next() == Some((String::from_utf8_lossy(key).as_ref(), value)))
        && ours.next().is_none()
}
