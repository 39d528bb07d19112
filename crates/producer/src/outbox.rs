//! The producer's memory: the customers, the batch being made, and the records not yet known to be in Kafka, in one
//! file that changes by transactions only.
//!
//! A batch's records and the customers after it are written together and synced before the first record is sent; the
//! records are taken out when all are acknowledged. So after a crash at any moment the same bytes are sent again or were
//! never made, and no sequence is lost or used for two events.

use crate::{
    Error,
    population::{Draft, Person, Plan, Roll},
};
use redb::{Builder, Database, ReadableDatabase, ReadableTable, TableDefinition};
use serde::{Deserialize, Serialize};
use std::{
    fs, io,
    path::{Path, PathBuf},
};
use uuid::Uuid;

const FILE: &str = "producer.redb";
/// Two documents: who the state belongs to, and the batch last begun.
const META: TableDefinition<&str, &[u8]> = TableDefinition::new("meta");
/// Customers by slot, as JSON.
const PEOPLE: TableDefinition<u64, &[u8]> = TableDefinition::new("people");
/// Records to send, in order: the customer's id in 16 bytes, then the framed value.
const OUTBOX: TableDefinition<u64, &[u8]> = TableDefinition::new("outbox");
const IDENTITY: &str = "identity";
const PLAN: &str = "plan";
const FORMAT: u32 = 1;
/// redb would take up to 1 GiB; the state of a million customers is used a few hundred at a time.
const CACHE_BYTES: usize = 16 << 20;

/// One Kafka record: the key is the customer's id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) customer_id: Uuid,
    pub(crate) value: Vec<u8>,
}

/// What a state is good for and nothing else: another topic or seed would contradict what was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Identity {
    format: u32,
    topic: String,
    seed: u64,
}

/// Open for one producer: the file is locked.
pub(crate) struct Outbox {
    database: Database,
    path: PathBuf,
    identity: Identity,
    roll: Roll,
    plan: Option<Plan>,
    pending: u64,
}

impl Outbox {
    /// Opens or creates the state in `folder`. A new one takes `seed` or draws one.
    pub(crate) fn open(folder: &Path, topic: &str, seed: Option<u64>) -> Result<Self, Error> {
        let create = |source| Error::StateFolder { path: folder.to_owned(), doing: "create the folder", source };
        fs::create_dir_all(folder).map_err(create)?;
        let path = folder.join(FILE);
        // A file cut or altered behind redb's back must be an error here, not a surprise later.
        let database = Builder::new()
            .set_cache_size(CACHE_BYTES)
            .set_check_integrity_on_open(true)
            .create(&path)
            .map_err(|error| failed(&path, "open it", error))?;
        // The file's name must survive a power failure as its content does.
        let sync = |source| Error::StateFolder { path: folder.to_owned(), doing: "sync the folder", source };
        fs::File::open(folder).and_then(|handle| handle.sync_all()).map_err(sync)?;
        let identity = identify(&database, &path, topic, seed)?;
        let mut outbox = Self { database, path, identity, roll: Roll::default(), plan: None, pending: 0 };
        outbox.load()?;
        Ok(outbox)
    }

    pub(crate) fn seed(&self) -> u64 {
        self.identity.seed
    }

    pub(crate) fn roll(&self) -> &Roll {
        &self.roll
    }

    /// The batch last begun.
    pub(crate) fn plan(&self) -> Option<&Plan> {
        self.plan.as_ref()
    }

    /// Records written and not marked as sent.
    pub(crate) fn pending(&self) -> u64 {
        self.pending
    }

    /// The customer of a slot below the roll's length.
    pub(crate) fn person(&self, slot: u64) -> Result<Person, Error> {
        let doing = "read a customer";
        let read = self.database.begin_read().map_err(|error| failed(&self.path, doing, error))?;
        let people = read.open_table(PEOPLE).map_err(|error| failed(&self.path, doing, error))?;
        let person = people.get(slot).map_err(|error| failed(&self.path, doing, error))?;
        let person = person.ok_or_else(|| self.damaged(format!("customer {slot} is missing")))?;
        self.parse(person.value(), "customer")
    }

    /// Makes a draft true: its records are to be sent, its customers are as they are. On disk when this returns.
    pub(crate) fn write(&mut self, draft: &Draft, records: &[Record]) -> Result<(), Error> {
        let doing = "write a batch";
        let attempt = || -> Result<(), redb::Error> {
            let write = self.database.begin_write()?;
            {
                let mut people = write.open_table(PEOPLE)?;
                for (slot, person) in &draft.people {
                    people.insert(*slot, json(person)?.as_slice())?;
                }
                let mut outbox = write.open_table(OUTBOX)?;
                let mut bytes = Vec::new();
                for (number, record) in (self.pending..).zip(records) {
                    bytes.clear();
                    bytes.extend_from_slice(record.customer_id.as_bytes());
                    bytes.extend_from_slice(&record.value);
                    outbox.insert(number, bytes.as_slice())?;
                }
                write.open_table(META)?.insert(PLAN, json(&draft.plan)?.as_slice())?;
            }
            write.commit()?;
            Ok(())
        };
        attempt().map_err(|error| failed(&self.path, doing, error))?;
        for (slot, person) in &draft.people {
            self.roll.set(*slot, person.life);
        }
        self.plan = Some(draft.plan.clone());
        self.pending += records.len() as u64;
        Ok(())
    }

    /// The records to send, in order. As many as one write brought: the outbox is emptied before the next.
    pub(crate) fn records(&self) -> Result<Vec<Record>, Error> {
        let attempt = || -> Result<Vec<Option<Record>>, redb::Error> {
            let outbox = self.database.begin_read()?.open_table(OUTBOX)?;
            let rows = outbox.iter()?.map(|row| {
                let (_, bytes) = row?;
                Ok(bytes.value().split_at_checked(16).and_then(|(id, value)| {
                    Some(Record { customer_id: Uuid::from_slice(id).ok()?, value: value.to_vec() })
                }))
            });
            rows.collect()
        };
        let records = attempt().map_err(|error| failed(&self.path, "read the outbox", error))?;
        let records: Option<Vec<_>> = records.into_iter().collect();
        records.ok_or_else(|| self.damaged("a record in the outbox is too short".to_owned()))
    }

    /// All records are in Kafka.
    pub(crate) fn mark_sent(&mut self) -> Result<(), Error> {
        let attempt = || -> Result<(), redb::Error> {
            let write = self.database.begin_write()?;
            write.delete_table(OUTBOX)?;
            write.open_table(OUTBOX)?;
            write.commit()?;
            Ok(())
        };
        attempt().map_err(|error| failed(&self.path, "mark a batch as sent", error))?;
        self.pending = 0;
        Ok(())
    }

    fn load(&mut self) -> Result<(), Error> {
        let error = |error: redb::Error| failed(&self.path, "read it", error);
        let read = self.database.begin_read().map_err(|e| error(e.into()))?;
        let meta = read.open_table(META).map_err(|e| error(e.into()))?;
        let plan = meta.get(PLAN).map_err(|e| error(e.into()))?;
        let plan = plan.map(|plan| self.parse(plan.value(), "batch")).transpose()?;
        let people = read.open_table(PEOPLE).map_err(|e| error(e.into()))?;
        let mut roll = Roll::default();
        for row in people.iter().map_err(|e| error(e.into()))? {
            let (slot, person) = row.map_err(|e| error(e.into()))?;
            if slot.value() != roll.len() {
                return Err(self.damaged(format!("customer {} is missing", roll.len())));
            }
            roll.set(slot.value(), self.parse::<Person>(person.value(), "customer")?.life);
        }
        let outbox = read.open_table(OUTBOX).map_err(|e| error(e.into()))?;
        let last = outbox.last().map_err(|e| error(e.into()))?.map(|(number, _)| number.value() + 1);
        (self.pending, self.roll, self.plan) = (last.unwrap_or(0), roll, plan);
        Ok(())
    }

    fn parse<T: for<'a> Deserialize<'a>>(&self, bytes: &[u8], what: &str) -> Result<T, Error> {
        serde_json::from_slice(bytes).map_err(|error| self.damaged(format!("a {what} cannot be read: {error}")))
    }

    fn damaged(&self, reason: String) -> Error {
        Error::StateDamaged { path: self.path.clone(), reason }
    }
}

/// Creates the tables and the identity of a new state; refuses one that belongs to another producer.
fn identify(database: &Database, path: &Path, topic: &str, seed: Option<u64>) -> Result<Identity, Error> {
    let attempt = || -> Result<Result<Identity, serde_json::Error>, redb::Error> {
        let write = database.begin_write()?;
        write.open_table(PEOPLE)?;
        write.open_table(OUTBOX)?;
        let mut meta = write.open_table(META)?;
        let known = meta.get(IDENTITY)?.map(|known| serde_json::from_slice(known.value()));
        let identity = known.unwrap_or_else(|| {
            let seed = seed.unwrap_or_else(rand::random);
            Ok(Identity { format: FORMAT, topic: topic.to_owned(), seed })
        });
        if let Ok(identity) = &identity {
            meta.insert(IDENTITY, json(identity)?.as_slice())?;
        }
        drop(meta);
        write.commit()?;
        Ok(identity)
    };
    let identity = attempt().map_err(|error| failed(path, "open it", error))?;
    let damaged = |error| Error::StateDamaged { path: path.to_owned(), reason: format!("its identity: {error}") };
    let identity = identity.map_err(damaged)?;
    let other = |found, wanted| Err(Error::StateOfAnother { path: path.to_owned(), found, wanted });
    if identity.format != FORMAT {
        return other(format!("format {}", identity.format), format!("format {FORMAT}"));
    }
    if identity.topic != topic {
        return other(format!("topic `{}`", identity.topic), format!("topic `{topic}`"));
    }
    match seed {
        Some(seed) if seed != identity.seed => other(format!("seed {}", identity.seed), format!("seed {seed}")),
        _ => Ok(identity),
    }
}

fn json<T: Serialize>(value: &T) -> Result<Vec<u8>, redb::Error> {
    serde_json::to_vec(value).map_err(|error| redb::Error::Io(io::Error::other(error)))
}

fn failed(path: &Path, doing: &'static str, error: impl Into<redb::Error>) -> Error {
    let path = path.to_owned();
    match error.into() {
        redb::Error::DatabaseAlreadyOpen => Error::StateInUse { path },
        redb::Error::Io(error) if error.kind() == io::ErrorKind::StorageFull => Error::DiskFull { path, doing },
        redb::Error::Io(error) if error.kind() == io::ErrorKind::InvalidData => {
            Error::StateDamaged { path, reason: error.to_string() }
        }
        redb::Error::Corrupted(reason) => Error::StateDamaged { path, reason },
        source => Error::State { path, doing, source: Box::new(source) },
    }
}

#[cfg(test)]
#[path = "outbox_tests.rs"]
mod tests;
