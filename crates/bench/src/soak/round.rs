//! One round: something happens to the sinks or the brokers, and then files must come again.

use anyhow::Context;
use contract::Position;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rdkafka::{
    ClientConfig, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
    producer::{BaseProducer, Producer},
};
use sink_core::genesis::Link;
use std::{
    sync::mpsc,
    thread::JoinHandle,
    time::{Duration, Instant},
};
use tokio::runtime::Handle;

use super::{
    event::{Brokers, Event},
    files::Files,
    load::PARTITIONS,
    servers::{self, Servers},
    sinks::{Running, SESSION, STOP_PATIENCE, Signal, Sinks},
    state::State,
};
use crate::scripts::Scripts;

const SINKS: usize = 3;
/// A sink must write a file again within this.
const PROGRESS: Duration = Duration::from_mins(2);
const FENCED: Duration = Duration::from_mins(1);
const TIMEOUT: Duration = Duration::from_secs(20);
const LOOK: Duration = Duration::from_millis(30);

/// Where the rounds happen.
pub(crate) struct Field {
    pub(crate) state: State,
    handle: Handle,
    sinks: Sinks,
    running: Vec<Running>,
    files: Files,
    brokers: String,
    scripts: Option<Scripts>,
    /// A broker on its way back.
    returning: Option<JoinHandle<anyhow::Result<()>>>,
    /// Makes commits that no member made.
    intruder: Option<BaseProducer>,
}

impl Field {
    pub(crate) fn new(handle: Handle, servers: &Servers, files: Files, sinks: Sinks, state: State) -> Self {
        Self {
            state,
            handle,
            sinks,
            running: Vec::new(),
            files,
            brokers: servers.brokers.clone(),
            scripts: servers.scripts.clone(),
            returning: None,
            intruder: None,
        }
    }

    /// Three sinks run.
    pub(crate) fn fill(&mut self) -> anyhow::Result<()> {
        while self.running.len() < SINKS {
            let sink = self.sinks.start(None)?;
            self.running.push(sink);
        }
        self.note_processes();
        Ok(())
    }

    pub(crate) fn note_processes(&mut self) {
        self.state.processes = self.running.iter().map(Running::id).collect();
        let started = self.sinks.started();
        self.state.totals.insert("sinks started".to_owned(), started);
    }

    pub(crate) fn round(&mut self, round: u32) -> anyhow::Result<()> {
        let mut random = ChaCha8Rng::seed_from_u64(self.state.seed ^ (u64::from(round) << 32));
        let reach = if self.scripts.is_some() { Brokers::CanBeKilled } else { Brokers::OutOfReach };
        let event = Event::pick(&mut random, reach);
        // A random moment is what a crash comes at.
        std::thread::sleep(Duration::from_millis(random.random_range(0..700)));
        self.look_after()?;
        let victim = random.random_range(0..self.running.len());
        let begun = Instant::now();
        self.happen(event, victim, &mut random).with_context(|| event.name())?;
        self.until_progress().with_context(|| format!("after: {}", event.name()))?;
        tracing::info!(round, event = event.name(), seconds = begun.elapsed().as_secs_f64(), "round");
        *self.state.events.entry(event.name().to_owned()).or_default() += 1;
        Ok(())
    }

    fn happen(&mut self, event: Event, victim: usize, random: &mut ChaCha8Rng) -> anyhow::Result<()> {
        let moment = Duration::from_millis(random.random_range(0..800));
        match event {
            Event::Kill => {
                let instance = self.kill(victim)?;
                std::thread::sleep(moment);
                self.start(instance)?;
            }
            Event::KillAll => {
                while !self.running.is_empty() {
                    self.kill(0)?;
                }
                std::thread::sleep(moment);
                self.fill()?;
            }
            Event::Stall => {
                self.running[victim].signal(Signal::Stop)?;
                let moved = self.until(TIMEOUT, |field| field.assigned_to_others(victim) >= PARTITIONS as u64);
                let count = if moved { "stalls that the group saw" } else { "stalls that the group did not see" };
                self.state.add(count, 1);
                std::thread::sleep(moment);
                self.running[victim].signal(Signal::Continue)?;
            }
            Event::Freeze => {
                self.running[victim].signal(Signal::Stop)?;
                std::thread::sleep(moment.min(SESSION / 2));
                self.running[victim].signal(Signal::Continue)?;
            }
            Event::Stop => {
                let instance = self.stop(victim)?;
                self.start(instance)?;
            }
            Event::Join => {
                self.start(None)?;
                self.until_joined(self.running.len() - 1);
                std::thread::sleep(moment);
                let last = if random.random() { self.running.len() - 1 } else { victim };
                if random.random() {
                    self.kill(last)?;
                } else {
                    self.stop(last)?;
                }
            }
            Event::Membership => {
                let instance = if random.random() { self.kill(victim)? } else { self.stop(victim)? };
                let other = if instance.is_none() { Some(new_instance(random)) } else { None };
                self.start(other)?;
            }
            Event::Fence => self.fence(victim, random)?,
            Event::Broker => self.kill_broker(random.random_range(1..=servers::BROKERS))?,
            Event::Backward => {
                self.set_back(random)?;
                let instance = self.kill(victim)?;
                self.start(instance)?;
            }
        }
        Ok(())
    }

    fn start(&mut self, instance: Option<String>) -> anyhow::Result<()> {
        let sink = self.sinks.start(instance)?;
        self.running.push(sink);
        self.note_processes();
        Ok(())
    }

    fn kill(&mut self, index: usize) -> anyhow::Result<Option<String>> {
        let mut sink = self.running.remove(index);
        sink.kill()?;
        sink.bury(&mut self.state);
        Ok(sink.instance.take())
    }

    fn stop(&mut self, index: usize) -> anyhow::Result<Option<String>> {
        let mut sink = self.running.remove(index);
        let status = sink.stop()?;
        if !status.success() {
            *self.state.ended.entry(format!("at a stop: {}", reason(&sink))).or_default() += 1;
        }
        sink.bury(&mut self.state);
        Ok(sink.instance.take())
    }

    /// A second process with the same instance id: one of the two must end and say so.
    fn fence(&mut self, victim: usize, random: &mut ChaCha8Rng) -> anyhow::Result<()> {
        let mut first = victim;
        if self.running[victim].instance.is_none() {
            self.stop(victim)?;
            let instance = Some(new_instance(random));
            self.start(instance)?;
            first = self.running.len() - 1;
        }
        self.until_joined(first);
        let instance = self.running[first].instance.clone();
        self.start(instance)?;
        let second = self.running.len() - 1;
        let end = Instant::now() + FENCED;
        loop {
            for index in [first, second] {
                if self.running[index].ended()?.is_some() {
                    let sink = self.running.remove(index);
                    let why = sink.last_words();
                    anyhow::ensure!(why.contains("sink.instance_id"), "a fenced sink ended with: {why}");
                    sink.bury(&mut self.state);
                    return Ok(());
                }
            }
            anyhow::ensure!(Instant::now() < end, "of two processes with one instance id none was fenced");
            std::thread::sleep(LOOK);
        }
    }

    fn kill_broker(&mut self, number: u32) -> anyhow::Result<()> {
        self.broker_back()?;
        let Some(scripts) = self.scripts.clone() else { return Ok(()) };
        servers::kill_broker(&scripts, number)?;
        self.returning = Some(std::thread::spawn(move || servers::start_brokers(&scripts)));
        Ok(())
    }

    /// Waits for a broker that is on its way back.
    fn broker_back(&mut self) -> anyhow::Result<()> {
        match self.returning.take() {
            Some(returning) => returning.join().map_err(|_| anyhow::anyhow!("starting brokers panicked"))?,
            None => Ok(()),
        }
    }

    /// Commits an earlier end of a partition's files. A member's own commit would be refused from outside, one inside a
    /// transaction is not.
    fn set_back(&mut self, random: &mut ChaCha8Rng) -> anyhow::Result<()> {
        let partition = random.random_range(0..PARTITIONS);
        let from = self.state.checked.get(&partition).copied().unwrap_or(0);
        let starts = self.handle.block_on(self.files.starts(partition, Position(from)))?;
        let Some(&start) = starts.get(random.random_range(0..starts.len().max(1))) else { return Ok(()) };
        let file = self.handle.block_on(self.files.head(partition, start))?;
        let link = Link { chain: file.chain, start, next: file.range.next };
        let metadata = if random.random() { link.to_metadata() } else { String::new() };
        let mut list = TopicPartitionList::new();
        let mut element = list.add_partition(&self.state.topic, partition);
        element.set_offset(Offset::Offset(file.range.next.0))?;
        element.set_metadata(metadata);
        let (intruder, is_new) = match self.intruder.take() {
            Some(intruder) => (intruder, false),
            None => (self.new_intruder()?, true),
        };
        let consumer: BaseConsumer =
            ClientConfig::new().set("bootstrap.servers", &self.brokers).set("group.id", &self.state.topic).create()?;
        let group = consumer.group_metadata().context("no group metadata")?;
        // In a thread of its own: whatever timeout it is given, a transaction whose coordinator dies may never be answered.
        let (answer, answered) = mpsc::channel();
        std::thread::spawn(move || {
            let begun = if is_new { intruder.init_transactions(TIMEOUT) } else { Ok(()) };
            let committed = begun
                .and_then(|()| intruder.begin_transaction())
                .and_then(|()| intruder.send_offsets_to_transaction(&list, &group, TIMEOUT))
                .and_then(|()| intruder.commit_transaction(TIMEOUT));
            let _ = answer.send(committed.map(|()| intruder));
        });
        match answered.recv_timeout(4 * TIMEOUT) {
            Ok(Ok(intruder)) => {
                self.state.add("commits set back", 1);
                self.intruder = Some(intruder);
            }
            // While a broker is down or members come and go; the next one is a new producer.
            Ok(Err(error)) => tracing::info!(%error, "the commit was not set back"),
            Err(_) => tracing::info!("setting the commit back was not answered"),
        }
        Ok(())
    }

    fn new_intruder(&self) -> anyhow::Result<BaseProducer> {
        let id = format!("{}-intruder", self.state.topic);
        Ok(ClientConfig::new().set("bootstrap.servers", &self.brokers).set("transactional.id", id).create()?)
    }

    /// Partitions of all sinks but one, as they count them.
    fn assigned_to_others(&self, but: usize) -> u64 {
        let others = self.running.iter().enumerate().filter(|(index, _)| *index != but);
        others.map(|(_, sink)| count(sink, "sink_assigned_partitions")).sum()
    }

    fn until_joined(&mut self, index: usize) {
        let joined = self.until(TIMEOUT, |field| count(&field.running[index], "sink_rebalances_total") > 0);
        self.state.add(if joined { "members seen to join" } else { "members not seen to join" }, 1);
    }

    fn until(&self, patience: Duration, condition: impl Fn(&Self) -> bool) -> bool {
        let end = Instant::now() + patience;
        while !condition(self) {
            if Instant::now() >= end {
                return false;
            }
            std::thread::sleep(LOOK);
        }
        true
    }

    fn files_written(&self) -> u64 {
        let ended = self.state.totals.get("sink_files_total").copied().unwrap_or(0);
        ended + self.running.iter().map(|sink| count(sink, "sink_files_total")).sum::<u64>()
    }

    fn until_progress(&mut self) -> anyhow::Result<()> {
        let (before, end) = (self.files_written(), Instant::now() + PROGRESS);
        while self.files_written() <= before {
            anyhow::ensure!(Instant::now() < end, "no sink wrote a file in {PROGRESS:?}");
            self.look_after()?;
            std::thread::sleep(LOOK);
        }
        Ok(())
    }

    /// Starts others in the place of sinks that ended by themselves, and fails where a partition has stopped.
    pub(crate) fn look_after(&mut self) -> anyhow::Result<()> {
        let mut index = 0;
        while index < self.running.len() {
            let sink = &mut self.running[index];
            let has_stopped = count(sink, "sink_stopped_partitions") > 0;
            // What stops a partition because of a remote system ends the sink soon.
            let ended = if has_stopped { sink.wait(STOP_PATIENCE)? } else { sink.ended()? };
            let Some(status) = ended else {
                anyhow::ensure!(!has_stopped, "{}: a partition stopped; its log: {}", sink.name, sink.last_words());
                index += 1;
                continue;
            };
            let sink = self.running.remove(index);
            let why = reason(&sink);
            anyhow::ensure!(!why.contains("a bug") && status.code() != Some(101), "{} ended: {why}", sink.name);
            tracing::warn!(sink = sink.name, %status, why, "ended by itself");
            *self.state.ended.entry(why).or_default() += 1;
            sink.bury(&mut self.state);
        }
        self.fill()
    }

    /// Nothing is stopped or down any more.
    pub(crate) fn settle(&mut self) -> anyhow::Result<()> {
        self.broker_back()?;
        self.look_after()
    }

    pub(crate) fn stop_all(&mut self) -> anyhow::Result<()> {
        self.settle()?;
        while !self.running.is_empty() {
            self.stop(0)?;
        }
        self.note_processes();
        Ok(())
    }
}

fn new_instance(random: &mut ChaCha8Rng) -> String {
    format!("static-{:04x}", random.random_range(0..0xffff_u32))
}

fn count(sink: &Running, counter: &str) -> u64 {
    sink.counters().get(counter).copied().unwrap_or(0)
}

/// Why a sink ended, without the numbers that differ from one to the next.
fn reason(sink: &Running) -> String {
    let words = sink.last_words();
    words.chars().map(|letter| if letter.is_ascii_digit() { '#' } else { letter }).collect()
}
