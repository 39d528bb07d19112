//! One assigned partition as the worker sees it: the protocol's state beside the bytes of the files it decides about.

use sink_core::{
    container::{BLOCK_BYTES, Codec, CompressError, FileBuilder, Row, Scratch},
    facts::FileFacts,
    families::FileShape,
    partition::Partition,
    stop::Stop,
};
use std::{collections::VecDeque, io, path::Path, sync::Arc, time::Instant};

use crate::{
    kafka::Place,
    kafka::native::TopicHandle,
    spool::{self, SealedBody, Spool},
};

/// The open file's bytes.
pub(crate) struct OpenFile {
    pub(crate) shape: Arc<FileShape>,
    builder: FileBuilder,
    spool: Spool,
}

/// A file whose bytes could not be kept.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileError {
    #[error("the spool folder cannot be written: {0}")]
    Spool(#[from] io::Error),
    #[error(transparent)]
    Compress(#[from] CompressError),
}

impl FileError {
    /// Why a partition stops that has such a file.
    pub(crate) fn stop(&self) -> Stop {
        match self {
            Self::Spool(error) => Stop::Local { tried: "writing to sink.spool_dir", reason: error.to_string() },
            Self::Compress(error) => Stop::Bug(error.to_string()),
        }
    }
}

/// Whether a file can go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Room {
    Enough,
    /// The disk of the spool folder is full: the file has the record, but should take no more.
    None,
}

/// Where blocks go and how.
pub(crate) struct Writing<'a> {
    pub(crate) dir: &'a Path,
    pub(crate) in_memory: usize,
    /// Reused between blocks of all files.
    pub(crate) scratch: &'a mut Scratch,
}

impl OpenFile {
    pub(crate) fn begin(place: &Place, shape: Arc<FileShape>, codec: Codec) -> Self {
        let mut spool = Spool::default();
        let sync = uuid::Uuid::new_v4().into_bytes();
        let builder = FileBuilder::new(&place.0, place.1, shape.schema(), codec, sync, spool.out());
        Self { shape, builder, spool }
    }

    /// Adds a record whose value is in this file's shape.
    #[inline]
    pub(crate) fn append<'h>(
        &mut self,
        row: &Row<'_>,
        headers: impl ExactSizeIterator<Item = (&'h [u8], Option<&'h [u8]>)>,
        writing: &mut Writing<'_>,
    ) -> Result<Room, FileError> {
        self.builder.append(row, headers);
        if self.builder.block_len() < BLOCK_BYTES {
            return Ok(Room::Enough);
        }
        match self.close_block(writing) {
            Ok(()) => Ok(Room::Enough),
            // Nothing is lost: what could not be written is in memory.
            Err(FileError::Spool(error)) if spool::is_full(&error) => Ok(Room::None),
            Err(error) => Err(error),
        }
    }

    fn close_block(&mut self, writing: &mut Writing<'_>) -> Result<(), FileError> {
        self.builder.close_block(self.spool.out(), writing.scratch)?;
        Ok(self.spool.settle(writing.dir, writing.in_memory)?)
    }

    /// Size so far: what is written, and the open block as if it did not compress.
    #[inline]
    pub(crate) fn bytes(&self) -> u64 {
        self.spool.len() + self.builder.block_len() as u64
    }

    /// Memory held.
    pub(crate) fn capacity(&self) -> usize {
        self.spool.capacity() + self.builder.capacity()
    }

    fn seal(mut self, writing: &mut Writing<'_>) -> Result<SealedBody, FileError> {
        match self.close_block(writing) {
            // What has no room on the disk is kept in memory.
            Err(FileError::Spool(error)) if spool::is_full(&error) => {}
            closed => closed?,
        }
        Ok(self.spool.seal())
    }
}

/// A position to read on from that the client did not accept yet.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Resume {
    pub(crate) at: contract::Position,
    /// From when on it is tried.
    pub(crate) since: Instant,
}

/// A position that could not be read from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Failing {
    pub(crate) at: contract::Position,
    pub(crate) first: Instant,
    pub(crate) last: Instant,
}

/// A partition that this process was given.
pub(crate) struct Slot {
    pub(crate) place: Place,
    /// By which its records know it; `None` before the first.
    pub(crate) handle: Option<TopicHandle>,
    /// Index of the topic's schemas.
    pub(crate) topic: usize,
    pub(crate) machine: Partition,
    pub(crate) open: Option<OpenFile>,
    /// Files that wait to be created, in their order.
    pub(crate) sealed: VecDeque<(SealedBody, FileFacts)>,
    /// Dead letters that are not acknowledged.
    pub(crate) dead_pending: usize,
    /// When a dead letter was logged last, and how many were not since.
    pub(crate) letters_said: Option<Instant>,
    pub(crate) letters_unsaid: u64,
    /// Whether the client reads it, or has paused it.
    pub(crate) begun: bool,
    pub(crate) resume: Option<Resume>,
    pub(crate) failing: Option<Failing>,
    /// Whether the brokers are being asked about its log.
    pub(crate) asking: bool,
    /// Records before this offset name no schema that the registry might still learn of: it was asked for one with all patience when
    /// they were there already.
    pub(crate) settled: i64,
    pub(crate) stopped: Option<Stop>,
}

impl Slot {
    /// Memory held by files that are sealed and not offered yet.
    pub(crate) fn sealed_bytes(&self) -> usize {
        self.sealed.iter().map(|(file, _)| file.body.held()).sum()
    }

    /// Ends the open file. A stretch of dead letters alone has a file without rows.
    pub(crate) fn seal(
        &mut self,
        facts: FileFacts,
        none_yet: &Arc<FileShape>,
        codec: Codec,
        writing: &mut Writing<'_>,
    ) -> Result<(), FileError> {
        let open = match self.open.take() {
            Some(open) => open,
            None => OpenFile::begin(&self.place, Arc::clone(none_yet), codec),
        };
        self.sealed.push_back((open.seal(writing)?, facts));
        Ok(())
    }

    pub(crate) fn discard(&mut self) {
        self.open = None;
        self.sealed.clear();
        self.dead_pending = 0;
        self.resume = None;
    }
}
