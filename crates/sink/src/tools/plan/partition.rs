//! One partition of a plan. Its records go through the state machine of a running sink and into real blocks, whose bytes are
//! counted and dropped. Questions to the store and the group are answered at once, as for a new chain.

use contract::{Offset, Position, Range};
use rdkafka::message::{BorrowedMessage, Headers, Message};
use sink_core::{
    container::{BLOCK_BYTES, FileBuilder, Row, RowValue, Scratch},
    facts::FileFacts,
    families::FileShape,
    intake::{Intake, Poison, TopicSchemas},
    partition::{Appended, Command, Commands, Epoch, Event, KafkaFacts, More, Partition, Record, Setup},
    roll::{Millis, RollReason},
    stop::Stop,
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::runtime::Handle;

use super::summary::{PlannedFile, Read};
use crate::{
    config::{Config, Unreadable},
    error::SinkError,
    kafka::Place,
    kafka::log_reader::LogReader,
    kafka::native,
    registry::{Lookup, Registry},
    tools::watch::Watch,
};

const PAUSE: Duration = Duration::from_millis(250);
/// Records between two reports of progress.
const REPORT_EVERY: u64 = 4096;

/// What reading a partition uses of its surroundings.
pub(super) struct Reader<'a> {
    pub(super) config: &'a Config,
    pub(super) registry: &'a Registry,
    pub(super) runtime: &'a Handle,
    pub(super) watch: &'a Watch,
}

impl Reader<'_> {
    /// # Errors
    /// When a remote system does not answer, or a schema cannot be used. What would stop the sink stops the plan.
    pub(super) fn read(
        &self,
        place: Place,
        facts: KafkaFacts,
        range: Range,
        limit: Option<u64>,
    ) -> Result<Read, SinkError> {
        let log = LogReader::open(self.config, &place, range, self.watch.shutdown())?;
        let mut cutter =
            Cutter::new(self, place, KafkaFacts { configured_first: range.start, committed: None, ..facts })?;
        let (mut seen, mut reported) = (0, range.start.0);
        while limit.is_none_or(|limit| seen < limit)
            && let Some(message) = log.next()?
        {
            cutter.take(&message)?;
            seen += 1;
            if seen.is_multiple_of(REPORT_EVERY) {
                let at = message.offset() + 1;
                self.watch.advance((at - reported) as u64, REPORT_EVERY)?;
                reported = at;
            }
        }
        self.watch.advance((range.next.0 - reported) as u64, seen % REPORT_EVERY)?;
        cutter.finish()
    }
}

struct OpenFile {
    shape: Arc<FileShape>,
    builder: FileBuilder,
    written: u64,
}

struct Cutter<'a> {
    reader: &'a Reader<'a>,
    place: Place,
    machine: Partition,
    commands: Commands,
    kafka: KafkaFacts,
    schemas: TopicSchemas,
    none_yet: Arc<FileShape>,
    open: Option<OpenFile>,
    out: Vec<u8>,
    scratch: Scratch,
    /// What the clock would show: the latest timestamp seen.
    now: Millis,
    read: Read,
}

/// What to do next with a record.
enum Verdict {
    Done,
    Begin(Arc<FileShape>),
    Ask(u32),
}

impl<'a> Cutter<'a> {
    fn new(reader: &'a Reader<'a>, place: Place, kafka: KafkaFacts) -> Result<Self, SinkError> {
        let setup = Setup {
            topic: place.0.clone(),
            partition: place.1,
            policy: reader.config.roll.policy(),
            new_chain: "plan".to_owned(),
            restart_after: 0,
        };
        let mut commands = Commands::new();
        let machine = Partition::assigned(setup, Epoch(0), &mut commands);
        let none_yet = FileShape::unknown()
            .map_err(|error| SinkError::Local { what: "making an empty file", source: std::io::Error::other(error) })?;
        let mut cutter = Self {
            reader,
            read: Read::new(place.clone()),
            place,
            machine,
            commands,
            kafka,
            schemas: TopicSchemas::default(),
            none_yet: Arc::new(none_yet),
            open: None,
            out: Vec::new(),
            scratch: Scratch::default(),
            now: 0,
        };
        cutter.carry_out()?;
        Ok(cutter)
    }

    /// Answers the machine's commands until there are none.
    fn carry_out(&mut self) -> Result<(), SinkError> {
        while let Some(command) = self.commands.pop_front() {
            let event = match command {
                Command::AskKafka => Event::Kafka(self.kafka.clone()),
                Command::ReadGenesis => Event::Genesis { own: None, first_of_topic: None },
                Command::CreateGenesis(genesis) => Event::Genesis { own: Some(genesis), first_of_topic: None },
                Command::List { .. } => Event::Listed { starts: Vec::new(), more: More::No },
                Command::Head { .. } => Event::Headed(None),
                Command::Create { .. } => Event::Created,
                Command::Commit(_) => Event::Committed,
                Command::Seal(facts) => {
                    self.seal(&facts)?;
                    continue;
                }
                Command::Discard => {
                    self.open = None;
                    continue;
                }
                Command::Stopped(stop) => return Err(self.stopped(stop)),
                Command::Pause | Command::Resume { .. } | Command::Finished => continue,
            };
            self.machine.handle(self.machine.epoch(), event, self.now, &mut self.commands);
        }
        Ok(())
    }

    fn stopped(&self, stop: Stop) -> SinkError {
        let (topic, partition) = self.place.clone();
        SinkError::Partition { topic, partition, stop }
    }

    fn bug(&self, error: &dyn std::error::Error) -> SinkError {
        self.stopped(Stop::Bug(format!("composing a file's schema: {error}")))
    }

    fn take(&mut self, message: &BorrowedMessage<'_>) -> Result<(), SinkError> {
        let time = message.timestamp().to_millis();
        self.now = self.now.max(time.unwrap_or(self.now));
        self.machine.tick(self.now, &mut self.commands);
        self.carry_out()?;
        self.read.saw(time, message.payload_len() + message.key_len());
        // If the open file cannot take the record, a file that can is begun. A schema is looked up once.
        for _ in 0..4 {
            match self.offer(message)? {
                Verdict::Done => return Ok(()),
                Verdict::Begin(shape) => self.begin(shape)?,
                Verdict::Ask(id) => self.look_up(id, Position(message.offset()))?,
            }
        }
        Err(self.stopped(Stop::Bug(format!("no file takes the record at offset {}", message.offset()))))
    }

    fn offer(&mut self, message: &BorrowedMessage<'_>) -> Result<Verdict, SinkError> {
        let (value, what) = match message.payload() {
            None if self.open.is_none() => {
                let shape = self.schemas.shape().map_err(|error| self.bug(&error))?;
                return Ok(Verdict::Begin(shape.unwrap_or_else(|| Arc::clone(&self.none_yet))));
            }
            None => (RowValue::Tombstone, Record::Tombstone),
            Some(payload) => match self.schemas.intake(payload, self.open.as_ref().map(|open| &*open.shape)) {
                Intake::Take { id, branch, datum } => {
                    (RowValue::Datum { schema_id: id, branch, datum }, Record::Value(id))
                }
                Intake::Begin(shape) => return Ok(Verdict::Begin(shape)),
                Intake::Ask(id) => return Ok(Verdict::Ask(id)),
                Intake::Failed(error) => return Err(self.bug(&error)),
                Intake::Dead(_) => {
                    self.appended(message, Record::DeadLetter)?;
                    let offset = Offset(message.offset());
                    let epoch = self.machine.epoch();
                    self.machine.handle(epoch, Event::DeadLettered(offset), self.now, &mut self.commands);
                    self.carry_out()?;
                    return Ok(Verdict::Done);
                }
            },
        };
        let Some(open) = &mut self.open else { return Ok(Verdict::Done) };
        let row =
            Row { offset: message.offset(), timestamp: message.timestamp().to_millis(), key: message.key(), value };
        match message.headers() {
            None => open.builder.append(&row, std::iter::empty()),
            Some(headers) => {
                open.builder.append(&row, (0..headers.count()).map(|index| native::header(headers, index)));
            }
        }
        if open.builder.block_len() >= BLOCK_BYTES {
            self.close_block()?;
        }
        self.appended(message, what)?;
        Ok(Verdict::Done)
    }

    fn appended(&mut self, message: &BorrowedMessage<'_>, what: Record) -> Result<(), SinkError> {
        let file_bytes = self.open.as_ref().map_or(0, |open| open.written + open.builder.block_len() as u64);
        let timestamp = message.timestamp().to_millis();
        let appended = Appended { offset: Offset(message.offset()), timestamp, file_bytes, what };
        self.machine.appended(&appended, self.now, &mut self.commands);
        self.carry_out()
    }

    fn close_block(&mut self) -> Result<(), SinkError> {
        let Some(open) = &mut self.open else { return Ok(()) };
        self.out.clear();
        open.builder
            .close_block(&mut self.out, &mut self.scratch)
            .map_err(|error| SinkError::Local { what: "compressing", source: std::io::Error::other(error) })?;
        open.written += self.out.len() as u64;
        Ok(())
    }

    fn begin(&mut self, shape: Arc<FileShape>) -> Result<(), SinkError> {
        if self.open.is_some() {
            self.machine.roll(RollReason::Schema, &mut self.commands);
            self.carry_out()?;
        }
        self.open = Some(self.new_file(shape));
        Ok(())
    }

    fn new_file(&mut self, shape: Arc<FileShape>) -> OpenFile {
        self.out.clear();
        let (topic, partition) = &self.place;
        let builder =
            FileBuilder::new(topic, *partition, shape.schema(), self.reader.config.codec, [0; 16], &mut self.out);
        OpenFile { shape, builder, written: self.out.len() as u64 }
    }

    fn seal(&mut self, facts: &FileFacts) -> Result<(), SinkError> {
        if self.open.is_none() {
            // A range of dead letters alone is a file without rows.
            let none_yet = Arc::clone(&self.none_yet);
            self.open = Some(self.new_file(none_yet));
        }
        self.close_block()?;
        let bytes = self.open.take().map_or(0, |open| open.written);
        self.read.files.push(PlannedFile {
            reason: facts.reason,
            rows: facts.rows,
            dead_letters: facts.dead_letters,
            bytes,
        });
        Ok(())
    }

    fn look_up(&mut self, id: u32, at: Position) -> Result<(), SinkError> {
        let end = Instant::now() + self.reader.config.deadlines.kafka;
        loop {
            let lookup = self.reader.runtime.block_on(self.reader.registry.look_up(&self.place.0, id));
            let reason = match lookup {
                Lookup::Schema(home, schema) => {
                    self.schemas.found(id, home, *schema);
                    return Ok(());
                }
                Lookup::NotAvro(kind) => {
                    self.schemas.unusable(id, Poison::NotAvro { id, kind });
                    return Ok(());
                }
                Lookup::Unusable(reason) if self.reader.config.unreadable_schema == Unreadable::DeadLetter => {
                    self.schemas.unusable(id, Poison::Unreadable { id, reason });
                    return Ok(());
                }
                Lookup::Unusable(reason) => return Err(self.stopped(Stop::Schema { at, id, reason })),
                // A running sink asks again, since a registry may lag. These records have been in the log for a while.
                Lookup::Missing => {
                    self.schemas.unusable(id, Poison::UnknownSchema(id));
                    return Ok(());
                }
                Lookup::Down(reason) => reason,
            };
            if Instant::now() >= end {
                return Err(SinkError::Registry { url: self.reader.config.registry.url.clone(), reason });
            }
            self.reader.watch.advance(0, 0)?;
            std::thread::sleep(PAUSE);
        }
    }

    /// Ends the file that is open at the end of the log by advancing the clock. Where no clock ends a file, it stays open.
    fn finish(mut self) -> Result<Read, SinkError> {
        let policy = self.reader.config.roll.policy();
        let later = policy.window.unwrap_or(0).saturating_add(policy.idle.unwrap_or(0));
        self.now = self.now.saturating_add(later);
        self.machine.tick(self.now, &mut self.commands);
        self.carry_out()?;
        if self.machine.has_records() {
            self.close_block()?;
            self.read.left_open = self.open.as_ref().map_or(0, |open| open.written);
        }
        Ok(self.read)
    }
}
