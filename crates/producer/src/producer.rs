//! One batch from the tick to Kafka: drawn, written to the outbox, sent, marked.

use crate::{
    Config, Error, Metrics,
    faults::{FaultHook, Step},
    outbox::{Outbox, Record},
    person::Vocabulary,
    population::{Plan, Rules, draw},
    registry,
    report::{BatchReport, Tally},
    sender::Sender,
    topic::{TopicSpec, ensure_topic},
};
use apache_avro::Schema;
use chrono::{DateTime, Utc};
use contract::framing;
use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, Instant},
};

use crate::config::Mix;

/// Events in one write of the outbox, so that memory does not grow with the batch.
const PIECE: u64 = 5_000;
/// One question to Kafka at the start; there are as many as fit into the configured time.
const ATTEMPT: Duration = Duration::from_secs(10);

/// A producer with its state open and locked, its topic there and its schema registered.
pub struct Producer {
    config: Config,
    outbox: Arc<Mutex<Outbox>>,
    sender: Sender,
    writer: Arc<Writer>,
    metrics: Metrics,
    faults: FaultHook,
}

/// How events are made and put into bytes.
struct Writer {
    rules: Rules,
    schema: Schema,
    schema_id: u32,
    every: i64,
    initial: u32,
    batch: Mix,
}

impl Producer {
    /// Opens the state, makes sure of the topic and registers the schema. Nothing is sent yet.
    ///
    /// A process that reaches a registry by HTTPS must have a default `rustls` provider.
    ///
    /// # Errors
    /// At once for what is wrong here (configuration, state); after `startup_timeout` for what does not answer.
    pub async fn open(config: Config, metrics: Metrics) -> Result<Self, Error> {
        config.check()?;
        let released = config.released()?;
        let (state, topic, seed) = (config.state_dir.clone(), config.topic.clone(), config.seed);
        let outbox = blocking("open the state", move || Outbox::open(&state, &topic, seed)).await?;
        let schema_id = connect(&config).await?;
        let rules = Rules {
            seed: outbox.seed(),
            locales: config.locales.clone(),
            skew: config.skew,
            vocabulary: Vocabulary::of(released)?,
        };
        tracing::info!(
            topic = config.topic,
            schema = released.version,
            schema_id,
            seed = rules.seed,
            customers = outbox.roll().len(),
            pending = outbox.pending(),
            "the producer is ready"
        );
        let writer = Writer {
            rules,
            schema: released.parse()?,
            schema_id,
            every: millis(config.every),
            initial: config.initial_customers,
            batch: config.batch,
        };
        metrics.state(outbox.pending(), outbox.roll().living());
        let sender = Sender::connect(&config.kafka, &config.topic, config.delivery_timeout)?;
        let outbox = Arc::new(Mutex::new(outbox));
        Ok(Self { config, outbox, sender, writer: Arc::new(writer), metrics, faults: FaultHook::default() })
    }

    /// Calls `faults` at every step from now on; for tests.
    #[must_use]
    pub fn with_faults(mut self, faults: FaultHook) -> Self {
        self.faults = faults;
        self
    }

    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The tick of the latest batch, finished or not.
    pub fn last_tick(&self) -> Option<DateTime<Utc>> {
        DateTime::from_timestamp_millis(self.lock().ok()?.plan()?.to)
    }

    /// Records in the outbox that Kafka has not acknowledged, as far as is known.
    pub fn pending(&self) -> u64 {
        self.lock().map_or(0, |outbox| outbox.pending())
    }

    /// Customers that are not deleted.
    pub fn living_customers(&self) -> u64 {
        self.lock().map_or(0, |outbox| outbox.roll().living())
    }

    /// Sends what an earlier run or a failed attempt has left: the same bytes, then the rest of the batch.
    ///
    /// # Errors
    /// As [`Producer::tick`].
    pub async fn resume(&mut self) -> Result<BatchReport, Error> {
        let mut report = BatchReport::default();
        report.resent = self.drain(&mut report).await?;
        self.metrics.resent(report.resent);
        let last = self.lock()?.plan().cloned();
        match last {
            Some(plan) if !plan.is_finished() => {
                tracing::info!(batch = plan.number, events = plan.remaining.total(), "finishing an interrupted batch");
                self.finish(None, &mut report).await?;
            }
            Some(plan) if report.resent > 0 => {
                report.number = plan.number;
                self.metrics.finished(plan.to);
            }
            _ => {}
        }
        Ok(report)
    }

    /// Makes and sends the batch of the tick at `now`, after what was left of earlier ones. The first batch creates the
    /// initial customers, each further one follows the configured mix. `now` is the one clock of the events' times: they
    /// lie within the configured interval before it, in the order of the events.
    ///
    /// Dropping the future, like killing the process, is safe at any moment: `resume` or the next tick goes on.
    ///
    /// # Errors
    /// When Kafka does not acknowledge in time (see [`Error::may_pass`]), or the state cannot be read or written.
    pub async fn tick(&mut self, now: DateTime<Utc>) -> Result<BatchReport, Error> {
        let mut report = self.resume().await?;
        self.finish(Some(now.timestamp_millis()), &mut report).await?;
        tracing::info!(
            batch = report.number,
            created = report.tally.created,
            updated = report.tally.updated,
            deleted = report.tally.deleted,
            recreated = report.tally.recreated,
            bytes = report.bytes,
            resent = report.resent,
            took = ?report.sending,
            "batch sent"
        );
        Ok(report)
    }

    /// Makes the batch of the tick at `to`, or the rest of the one begun, piece by piece.
    async fn finish(&mut self, to: Option<i64>, report: &mut BatchReport) -> Result<(), Error> {
        let mut next = to;
        loop {
            let (writer, faults, begin) = (self.writer.clone(), self.faults.clone(), next.take());
            let piece = self.with_outbox("make a batch", move |outbox| writer.write(outbox, begin, &faults)).await?;
            self.metrics.made(&piece.tally);
            report.tally.add(&piece.tally);
            self.drain(report).await?;
            if piece.plan.is_finished() {
                report.number = piece.plan.number;
                self.metrics.finished(piece.plan.to);
                return Ok(());
            }
        }
    }

    /// Sends the outbox's records and marks them as sent; says how many there were.
    async fn drain(&mut self, report: &mut BatchReport) -> Result<u64, Error> {
        let records = self.with_outbox("read the outbox", |outbox| outbox.records()).await?;
        let (pending, living) = (records.len() as u64, self.living_customers());
        self.metrics.state(pending, living);
        if records.is_empty() {
            return Ok(0);
        }
        let delivered = self.sender.send(&records, &self.faults).await.inspect_err(|_| self.metrics.failed())?;
        self.faults.reached(Step::Delivered);
        self.with_outbox("mark a batch as sent", Outbox::mark_sent).await?;
        self.faults.reached(Step::Marked);
        self.metrics.sent(delivered.bytes, delivered.took);
        self.metrics.state(0, living);
        report.records += delivered.records;
        report.bytes += delivered.bytes;
        report.sending += delivered.took;
        for (partition, position) in delivered.positions {
            let behind = report.positions.entry(partition).or_insert(position);
            *behind = (*behind).max(position);
        }
        Ok(pending)
    }

    /// Disk work off the runtime's threads. It runs to its end even when the caller is gone.
    async fn with_outbox<T: Send + 'static>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&mut Outbox) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let outbox = self.outbox.clone();
        blocking(doing, move || work(&mut *outbox.lock().map_err(|_| Error::Interrupted(doing))?)).await
    }

    fn lock(&self) -> Result<MutexGuard<'_, Outbox>, Error> {
        self.outbox.lock().map_err(|_| Error::Interrupted("read the state"))
    }
}

struct Piece {
    tally: Tally,
    plan: Plan,
}

impl Writer {
    /// Draws and writes the next piece of the batch begun, or the first of the one for the tick at `begin`.
    fn write(&self, outbox: &mut Outbox, begin: Option<i64>, faults: &FaultHook) -> Result<Piece, Error> {
        let plan = match (begin, outbox.plan()) {
            (None, Some(plan)) => plan.clone(),
            (to, last) => Plan::after(last, to.unwrap_or_default(), self.every, self.mix(outbox.roll().len())),
        };
        let draft = draw(&self.rules, outbox.roll(), &plan, PIECE, |slot| outbox.person(slot))?;
        let encode = |event: &contract::CustomerEvent| {
            let failed = |source| Error::Event { customer: event.customer_id, source };
            let datum = event.encode(&self.schema).map_err(failed)?;
            Ok(Record { customer_id: event.customer_id, value: framing::frame(self.schema_id, &datum) })
        };
        let records = draft.events.iter().map(encode).collect::<Result<Vec<_>, Error>>()?;
        faults.reached(Step::Generated);
        outbox.write(&draft, &records)?;
        faults.reached(Step::Written);
        Ok(Piece { tally: draft.tally, plan: draft.plan })
    }

    /// Until the initial customers are there, nothing else happens.
    fn mix(&self, customers: u64) -> Mix {
        match u64::from(self.initial).saturating_sub(customers) {
            0 => self.batch,
            missing => Mix { creates: missing as u32, ..Mix::default() },
        }
    }
}

/// Waits for Kafka and the registry; gives the schema's id.
async fn connect(config: &Config) -> Result<u32, Error> {
    let spec = TopicSpec {
        name: config.topic.clone(),
        partitions: config.partitions,
        replication: config.replication,
        retention: config.retention,
    };
    let deadline = Instant::now() + config.startup_timeout;
    let mut pause = Duration::from_millis(200);
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let attempt = async {
            ensure_topic(&config.kafka, &spec, left.clamp(Duration::from_secs(1), ATTEMPT)).await?;
            registry::register(&config.registry, &config.topic, config.released()?).await
        };
        match attempt.await {
            Err(error) if error.may_pass() && !left.is_zero() => {
                tracing::warn!(%error, "not ready to produce; trying again");
                tokio::time::sleep(pause.min(left)).await;
                pause = (pause * 2).min(Duration::from_secs(5));
            }
            outcome => return outcome,
        }
    }
}

async fn blocking<T: Send + 'static>(
    doing: &'static str,
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.map_err(|_| Error::Interrupted(doing))?
}

pub(crate) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
