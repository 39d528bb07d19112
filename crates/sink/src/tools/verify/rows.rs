//! Reads one file from the store, from its head to its last row. It holds one piece and one block in memory.

use bytes::Bytes;
use contract::Position;
use sha2::{Digest, Sha256};
use sink_core::{
    facts::FoundFile,
    read::{Damage, Head, Rows},
};
use tokio::runtime::Handle;

use crate::{
    error::{SinkError, StoreError},
    kafka::Place,
    store::Store,
    tools::watch::Watch,
};

/// Bytes requested from the store at a time.
const PIECE: u64 = 4 * 1024 * 1024;

/// Why reading a file ended early.
#[derive(Debug)]
pub(super) enum Failure {
    /// The file is damaged.
    Damage(Damage),
    /// Not the file's fault: the store failed, or a stop was requested.
    Sink(SinkError),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Sink(error.into())
    }
}

impl From<SinkError> for Failure {
    fn from(error: SinkError) -> Self {
        Self::Sink(error)
    }
}

/// An open file. Blocks while it waits for the store.
pub(super) struct FileRows<'a> {
    store: &'a Store,
    runtime: &'a Handle,
    watch: &'a Watch,
    place: &'a Place,
    start: Position,
    len: u64,
    fetched: u64,
    buffer: Vec<u8>,
    /// Where the next block begins in `buffer`.
    at: usize,
    plain: Vec<u8>,
    digest: Sha256,
}

impl<'a> FileRows<'a> {
    pub(super) fn open(
        store: &'a Store,
        runtime: &'a Handle,
        watch: &'a Watch,
        place: &'a Place,
        file: &FoundFile,
    ) -> Self {
        Self {
            store,
            runtime,
            watch,
            place,
            start: file.range.start,
            len: file.bytes,
            fetched: 0,
            buffer: Vec::new(),
            at: 0,
            plain: Vec::new(),
            digest: Sha256::new(),
        }
    }

    pub(super) fn head(&mut self) -> Result<Head, Failure> {
        let (head, used) = self.parse(|bytes, _| Head::parse(bytes))?;
        self.at += used;
        Ok(head)
    }

    /// Returns the rows of the next block; `None` at the end.
    pub(super) fn block<'h>(&'h mut self, head: &'h Head) -> Result<Option<Rows<'h>>, Failure> {
        if self.at == self.buffer.len() && self.fetched == self.len {
            return Ok(None);
        }
        let (rows, used) = self.parse(|bytes, plain| head.block(bytes, plain))?;
        self.at += used;
        Ok(Some(head.rows(&self.plain, rows)))
    }

    /// Returns the SHA-256 of all that was read, in hex.
    pub(super) fn sha256(self) -> String {
        hex::encode(self.digest.finalize())
    }

    /// Parses from the buffer, and fetches more bytes for as long as they do not suffice.
    fn parse<T>(&mut self, parse: impl Fn(&[u8], &mut Vec<u8>) -> Result<T, Damage>) -> Result<T, Failure> {
        loop {
            match parse(&self.buffer[self.at..], &mut self.plain) {
                Err(Damage::Short) if self.fetched < self.len => self.fetch()?,
                parsed => return parsed.map_err(Failure::Damage),
            }
        }
    }

    fn fetch(&mut self) -> Result<(), Failure> {
        self.buffer.drain(..self.at);
        self.at = 0;
        let len = PIECE.min(self.len - self.fetched);
        let (topic, partition) = self.place;
        let reading = self.store.read(topic, *partition, self.start, self.fetched, len);
        let piece: Bytes = self.runtime.block_on(reading)?;
        self.digest.update(&piece);
        self.buffer.extend_from_slice(&piece);
        self.fetched += len;
        self.watch.advance(len, 0)?;
        Ok(())
    }
}
