//! Kills, stalls and fences sinks and kills brokers, round after round, while a transactional producer goes on; between
//! rounds it proves that the files hold each committed record once. What a seed picks is the same every time; when the
//! processes are hit is not, which is the point. A soak that was itself killed goes on where its state says.

mod check;
pub(crate) mod child;
mod event;
mod files;
mod ledger;
mod load;
pub(crate) mod partitions;
mod producer;
mod round;
mod servers;
mod sinks;
mod state;
mod topic;

use anyhow::Context;
use contract::{Position, names};
use rdkafka::{
    ClientConfig,
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
    error::RDKafkaErrorCode,
};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};
use tokio::runtime::Handle;

use files::Files;
use ledger::Ledger;
use load::{Load, PARTITIONS};
use producer::Producing;
use round::Field;
use servers::Servers;
use sinks::Sinks;
use state::State;

const COVER_PATIENCE: Duration = Duration::from_mins(3);
const LOOK: Duration = Duration::from_millis(200);

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Rounds in all, those of earlier runs on the same folder included.
    #[arg(long, default_value_t = 30)]
    rounds: u32,
    /// Random where it is not given; a folder keeps its own.
    #[arg(long)]
    seed: Option<u64>,
    /// Folder of the state, logs and servers; a temporary one where it is not given.
    #[arg(long)]
    state: Option<PathBuf>,
    /// Rounds between two checkpoints.
    #[arg(long, default_value_t = 25)]
    every: u32,
    /// The first port of servers that are started here.
    #[arg(long, default_value_t = 25000)]
    port: u16,
    /// Where the script `kafka` of REAL_STACK has the data folder that holds BROKERS, to kill brokers: its parent.
    #[arg(long)]
    servers: Option<PathBuf>,
}

pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let folder = match &arguments.state {
        Some(folder) => folder.clone(),
        None => std::env::temp_dir().join(format!("soak-{}", uuid::Uuid::new_v4().simple())),
    };
    fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    let folder = folder.canonicalize()?;
    let new = || {
        let seed = arguments.seed.unwrap_or_else(rand::random);
        State::new(seed, format!("soak-{}", uuid::Uuid::new_v4().simple()))
    };
    let state = State::load(&folder)?.unwrap_or_else(new);
    if let Some(seed) = arguments.seed {
        anyhow::ensure!(seed == state.seed, "{} was begun with --seed {}", folder.display(), state.seed);
    }
    println!("soak: seed {}, round {} of {}, in {}", state.seed, state.round, arguments.rounds, folder.display());
    sinks::end_leftovers(&state.processes);
    let handle = Handle::current();
    let soaking = tokio::task::spawn_blocking(move || {
        let servers = Servers::start(arguments.port, &folder, arguments.servers.as_deref())?;
        let done = Soak::begin(&handle, &folder, &servers, state).and_then(|soak| soak.run(&arguments));
        match done {
            Ok(()) => {
                servers.wipe()?;
                if arguments.state.is_none() {
                    fs::remove_dir_all(&folder)?;
                }
                Ok(())
            }
            Err(error) => {
                fs::write(folder.join("failure.txt"), format!("{error:?}\n"))?;
                servers.stop()?;
                Err(error).with_context(|| format!("everything is kept in {}", folder.display()))
            }
        }
    });
    soaking.await?
}

/// A soak under way.
struct Soak {
    handle: Handle,
    folder: PathBuf,
    brokers: String,
    load: Load,
    files: Files,
    producer: Producing,
    field: Field,
    config: sink::Config,
}

impl Soak {
    fn begin(handle: &Handle, folder: &Path, servers: &Servers, state: State) -> anyhow::Result<Self> {
        let prefix = format!("{}/", state.topic);
        handle.block_on(create_topic(&servers.brokers, &state.topic, PARTITIONS))?;
        let load = handle.block_on(Load::register(state.seed, &servers.registry, &state.topic))?;
        let ledger = Ledger::open(&folder.join("ledger.jsonl"), state.checked_transactions)?;
        let producer = Producing::start(&servers.brokers, &state.topic, load.clone(), ledger, state.seed)?;
        let files = Files::new(&servers.store, &prefix, &state.topic)?;
        let config = serde_json::from_value(serde_json::json!({
            "kafka": {"bootstrap_servers": servers.brokers}, "registry": {"url": servers.registry},
            "store": servers.store_section(&prefix), "topics": [state.topic], "group_id": state.topic,
        }))?;
        let sinks = Sinks::new(folder, servers, &state, &prefix)?;
        let field = Field::new(handle.clone(), servers, files.clone(), sinks, state);
        Ok(Self {
            handle: handle.clone(),
            folder: folder.to_owned(),
            brokers: servers.brokers.clone(),
            load,
            files,
            producer,
            field,
            config,
        })
    }

    fn run(mut self, arguments: &Arguments) -> anyhow::Result<()> {
        let (begun, before) = (Instant::now(), self.field.state.seconds);
        self.field.fill()?;
        while self.field.state.round < arguments.rounds {
            // Not after the last checkpoint: nobody would wait for what it produces then.
            self.producer.go_on();
            let round = self.field.state.round + 1;
            let place = format!("seed {}, round {round}", self.field.state.seed);
            self.field.round(round).with_context(|| place.clone())?;
            self.field.state.round = round;
            self.field.state.seconds = before + begun.elapsed().as_secs_f64();
            if round.is_multiple_of(arguments.every) || round == arguments.rounds {
                self.checkpoint().with_context(|| place)?;
            }
            self.field.note_processes();
            self.field.state.save(&self.folder)?;
        }
        self.producer.end()?;
        self.field.stop_all()?;
        self.field.state.seconds = before + begun.elapsed().as_secs_f64();
        let last = Last {
            handle: &self.handle,
            brokers: &self.brokers,
            load: &self.load,
            files: &self.files,
            config: &self.config,
        };
        let seen = last.everything(&self.field.state).context("the last check of everything")?;
        self.field.state.save(&self.folder)?;
        report(&self.field.state, seen);
        Ok(())
    }

    /// Brings everything to rest, and proves what was written since the last checkpoint.
    fn checkpoint(&mut self) -> anyhow::Result<()> {
        let begun = Instant::now();
        self.field.settle()?;
        self.producer.rest()?;
        let state = &self.field.state;
        let records = topic::read(&self.brokers, &state.topic, &state.checked)?;
        let transactions = self.producer.unchecked();
        let fates = check::topic_against_ledger(&self.load, &transactions, &records)?;
        let mut ends = state.checked.clone();
        for record in &records {
            ends.insert(record.partition, record.offset + 1);
        }
        self.until_covered(&ends)?;
        let (mut found, mut checked) = (Vec::new(), BTreeMap::new());
        for (partition, from) in &self.field.state.checked {
            let files = self.handle.block_on(self.files.read(*partition, Position(*from)))?;
            let end = check::tiling(Position(*from), &files).with_context(|| format!("partition {partition}"))?;
            checked.insert(*partition, end.0);
            found.extend(files);
        }
        let seen = check::files_against_topic(&self.load, &records, &fates, &found)?;
        self.dead_letters(&fates)?;

        let next = self.producer.next_id();
        self.producer.forget_before(next);
        let state = &mut self.field.state;
        (state.checked, state.checked_transactions) = (checked, next);
        for (name, count) in [
            ("records proven", seen.records),
            ("rows proven", seen.rows),
            ("files read", seen.files),
            ("rows resolved to the newer schema", seen.resolved),
            ("transactions", transactions.len() as u64),
            ("checkpoints", 1),
        ] {
            state.add(name, count);
        }
        println!(
            "round {:4}: {:6} records, {:5} files, {:3} dead letters since the last checkpoint; all there once ({:.1} s; \
             {:.0} s in all)",
            state.round,
            seen.records,
            seen.files,
            seen.dead_letters,
            begun.elapsed().as_secs_f64(),
            state.seconds
        );
        Ok(())
    }

    fn dead_letters(&mut self, fates: &BTreeMap<(i32, i64), load::Fate>) -> anyhow::Result<()> {
        let name = names::dead_letter_topic(&self.field.state.topic);
        let letters = if topic::partitions(&self.brokers, &name)? == 0 {
            Vec::new()
        } else {
            topic::read(&self.brokers, &name, &BTreeMap::from([(0, self.field.state.letters)]))?
        };
        check::dead_letters(fates, &letters)?;
        if let Some(last) = letters.last() {
            self.field.state.letters = last.offset + 1;
        }
        self.field.state.add("dead letters, repetitions included", letters.len() as u64);
        Ok(())
    }

    /// Waits until the last file of each partition covers its last record.
    fn until_covered(&mut self, ends: &BTreeMap<i32, i64>) -> anyhow::Result<()> {
        let end = Instant::now() + COVER_PATIENCE;
        let mut left: BTreeMap<i32, i64> = ends.clone();
        loop {
            let mut behind = BTreeMap::new();
            for (partition, wanted) in left {
                let from = self.field.state.checked.get(&partition).copied().unwrap_or(0);
                let next = self.handle.block_on(chain_end(&self.files, partition, from))?;
                if next < wanted {
                    behind.insert(partition, wanted);
                }
            }
            if behind.is_empty() {
                return Ok(());
            }
            anyhow::ensure!(Instant::now() < end, "no file covers, by partition, the positions before {behind:?}");
            left = behind;
            self.field.look_after()?;
            std::thread::sleep(LOOK);
        }
    }
}

async fn chain_end(files: &Files, partition: i32, from: i64) -> anyhow::Result<i64> {
    match files.starts(partition, Position(from)).await?.last() {
        Some(last) => Ok(files.head(partition, *last).await?.range.next.0),
        None => Ok(from),
    }
}

/// All that the last check needs once nothing runs any more.
struct Last<'a> {
    handle: &'a Handle,
    brokers: &'a str,
    load: &'a Load,
    files: &'a Files,
    config: &'a sink::Config,
}

impl Last<'_> {
    /// Everything once more from the beginning: an object that changed after its checkpoint would show.
    fn everything(&self, state: &State) -> anyhow::Result<check::Seen> {
        let report = self.handle.block_on(sink::verify(self.config))?;
        anyhow::ensure!(report.is_whole(), "sink verify: {report:?}");
        let mut all = check::Seen::default();
        for partition in 0..PARTITIONS {
            let records = topic::read(self.brokers, &state.topic, &BTreeMap::from([(partition, 0)]))?;
            let found = self.handle.block_on(self.files.read(partition, Position(0)))?;
            check::tiling(Position(0), &found)?;
            let fates = check::fates(self.load, &records)?;
            let seen = check::files_against_topic(self.load, &records, &fates, &found)?;
            all.records += seen.records;
            all.rows += seen.rows;
            all.dead_letters += seen.dead_letters;
            all.files += seen.files;
            all.resolved += seen.resolved;
        }
        anyhow::ensure!(all.rows == report.rows(), "{} rows read, sink verify says {}", all.rows, report.rows());
        Ok(all)
    }
}

fn report(state: &State, seen: check::Seen) {
    println!("soak: {} rounds in {:.0} s, seed {}", state.round, state.seconds, state.seed);
    for (part, counts) in [("events", &state.events), ("counts", &state.totals), ("sinks ended", &state.ended)] {
        println!("{part}:");
        for (name, count) in counts {
            println!("  {count:8}  {name}");
        }
    }
    println!(
        "all: {} records in the topic, {} rows in {} files, {} dead letters; each record once",
        seen.records, seen.rows, seen.files, seen.dead_letters
    );
}

async fn create_topic(brokers: &str, topic: &str, partitions: i32) -> anyhow::Result<()> {
    let admin: AdminClient<DefaultClientContext> = ClientConfig::new().set("bootstrap.servers", brokers).create()?;
    // Records have timestamps of long ago: retention would take them at once.
    let new = NewTopic::new(topic, partitions, TopicReplication::Fixed(-1)).set("retention.ms", "-1");
    for made in admin.create_topics([&new], &AdminOptions::new()).await? {
        match made {
            Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((topic, code)) => anyhow::bail!("making {topic}: {code}"),
        }
    }
    Ok(())
}
