//! A transactional producer that never stops but when asked, aborts every tenth batch and keeps its book.

use anyhow::Context;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rdkafka::{
    ClientConfig,
    error::KafkaError,
    message::{Header, OwnedHeaders},
    producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer},
};
use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use super::{
    ledger::{Ledger, Outcome, Transaction},
    load::Load,
};

const TIMEOUT: Duration = Duration::from_secs(30);
/// A transaction's commit is tried for this long; then its outcome is unknown.
const PATIENCE: Duration = Duration::from_mins(2);
/// Time between two transactions.
const PACE: Duration = Duration::from_millis(300);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wish {
    Produce,
    Rest,
    End,
}

struct Shared {
    state: Mutex<(Wish, Resting)>,
    changed: Condvar,
    ledger: Mutex<Ledger>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Resting {
    Yes,
    No,
}

/// A producer on a thread of its own.
pub(crate) struct Producing {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<anyhow::Result<()>>>,
}

type Client = ThreadedProducer<DefaultProducerContext>;

impl Producing {
    pub(crate) fn start(brokers: &str, topic: &str, load: Load, ledger: Ledger, seed: u64) -> anyhow::Result<Self> {
        let shared = Arc::new(Shared {
            state: Mutex::new((Wish::Rest, Resting::No)),
            changed: Condvar::new(),
            ledger: Mutex::new(ledger),
        });
        let mut work = Work {
            brokers: brokers.to_owned(),
            topic: topic.to_owned(),
            load,
            shared: Arc::clone(&shared),
            random: ChaCha8Rng::seed_from_u64(seed),
        };
        let thread = std::thread::Builder::new().name("producer".to_owned()).spawn(move || work.run())?;
        Ok(Self { shared, thread: Some(thread) })
    }

    pub(crate) fn go_on(&self) {
        self.wish(Wish::Produce);
    }

    /// Returns once no transaction is open.
    pub(crate) fn rest(&mut self) -> anyhow::Result<()> {
        self.wish(Wish::Rest);
        let end = Instant::now() + PATIENCE * 2;
        let mut state = self.shared.lock();
        while state.1 == Resting::No {
            anyhow::ensure!(Instant::now() < end, "the producer does not come to rest");
            if self.thread.as_ref().is_none_or(JoinHandle::is_finished) {
                drop(state);
                let thread = self.thread.take().context("the producer has ended")?;
                thread.join().map_err(|_| anyhow::anyhow!("the producer panicked"))??;
                anyhow::bail!("the producer ended by itself");
            }
            state = self.shared.wait(state);
        }
        Ok(())
    }

    pub(crate) fn unchecked(&self) -> Vec<Transaction> {
        self.shared.ledger().unchecked()
    }

    /// The next transaction's id.
    pub(crate) fn next_id(&self) -> u64 {
        self.shared.ledger().next_id()
    }

    pub(crate) fn forget_before(&self, checked: u64) {
        self.shared.ledger().forget_before(checked);
    }

    pub(crate) fn end(mut self) -> anyhow::Result<()> {
        self.wish(Wish::End);
        match self.thread.take() {
            Some(thread) => thread.join().map_err(|_| anyhow::anyhow!("the producer panicked"))?,
            None => Ok(()),
        }
    }

    fn wish(&self, wish: Wish) {
        let mut state = self.shared.lock();
        *state = (wish, Resting::No);
        drop(state);
        self.shared.changed.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, (Wish, Resting)> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a change, or a moment.
    fn wait<'a>(&self, state: MutexGuard<'a, (Wish, Resting)>) -> MutexGuard<'a, (Wish, Resting)> {
        self.changed.wait_timeout(state, PACE).unwrap_or_else(PoisonError::into_inner).0
    }

    /// Rests while that is wished; whether to go on.
    fn may_go_on(&self) -> bool {
        let mut state = self.lock();
        loop {
            match state.0 {
                Wish::End => return false,
                Wish::Produce => return true,
                Wish::Rest => {
                    state.1 = Resting::Yes;
                    self.changed.notify_all();
                    state = self.wait(state);
                }
            }
        }
    }
}

struct Work {
    brokers: String,
    topic: String,
    load: Load,
    shared: Arc<Shared>,
    random: ChaCha8Rng,
}

impl Work {
    fn run(&mut self) -> anyhow::Result<()> {
        let mut client = None;
        while self.shared.may_go_on() {
            let ready = match client.take() {
                Some(ready) => ready,
                None => self.connect()?,
            };
            let (id, first, count) = {
                let mut ledger = self.shared.ledger();
                let count = self.random.random_range(5..80);
                let (id, first) = ledger.begin(count)?;
                (id, first, count)
            };
            let outcome = match self.transaction(&ready, id, first, count) {
                Ok(outcome) => {
                    client = Some(ready);
                    outcome
                }
                Err(error) => {
                    // A new producer of the same name ends what this one left open.
                    tracing::warn!(id, %error, "a transaction's outcome is unknown");
                    Outcome::Unknown
                }
            };
            self.shared.ledger().end(id, outcome)?;
            let state = self.shared.lock();
            if state.0 == Wish::Produce {
                drop(self.shared.wait(state));
            }
        }
        Ok(())
    }

    fn connect(&self) -> anyhow::Result<Client> {
        let client: Client = ClientConfig::new()
            .set("bootstrap.servers", &self.brokers)
            .set("transactional.id", &self.topic)
            .set("linger.ms", "5")
            .set("message.timeout.ms", "60000")
            .set("transaction.timeout.ms", "60000")
            .create()?;
        let end = Instant::now() + PATIENCE;
        loop {
            match client.init_transactions(TIMEOUT) {
                Ok(()) => return Ok(client),
                Err(KafkaError::Transaction(error)) if error.is_retriable() && Instant::now() < end => {}
                Err(error) => return Err(error).context("beginning transactions"),
            }
        }
    }

    fn transaction(&self, client: &Client, id: u64, first: u64, count: u64) -> anyhow::Result<Outcome> {
        client.begin_transaction()?;
        for n in first..first + count {
            let sent = self.load.record(n)?;
            let mut headers = OwnedHeaders::new();
            for (key, value) in &sent.headers {
                headers = headers.insert(Header { key, value: value.as_ref() });
            }
            let mut record: BaseRecord<'_, Vec<u8>, Vec<u8>> =
                BaseRecord::to(&self.topic).partition(sent.partition).timestamp(sent.timestamp).headers(headers);
            record.key = sent.key.as_ref();
            record.payload = sent.value.as_ref();
            client.send(record).map_err(|(error, _)| error)?;
        }
        if id % 10 == 9 {
            // Sent first, so that what is aborted is in the log.
            client.flush(TIMEOUT)?;
            return retried(|| client.abort_transaction(TIMEOUT)).map(|()| Outcome::Aborted);
        }
        retried(|| client.commit_transaction(TIMEOUT)).map(|()| Outcome::Committed)
    }
}

fn retried(mut step: impl FnMut() -> Result<(), KafkaError>) -> anyhow::Result<()> {
    let end = Instant::now() + PATIENCE;
    loop {
        match step() {
            Err(KafkaError::Transaction(error)) if error.is_retriable() && Instant::now() < end => {}
            other => return Ok(other?),
        }
    }
}
