//! The bytes of an open file: the beginning in memory, the rest in a local file without a name, hashed as they come.
//! Nothing goes to the store before the roll, since an object's metadata is fixed when its upload begins.

use base64::Engine as _;
use bytes::Bytes;
use sha2::{Digest, Sha256};
use std::{
    fs::File,
    io::{self, ErrorKind},
    os::unix::fs::FileExt,
    path::Path,
    sync::Arc,
};

/// The written part of an open file.
#[derive(Debug, Default)]
pub(crate) struct Spool {
    /// What is not in `file`.
    pending: Vec<u8>,
    /// How much of `pending` is hashed.
    hashed: usize,
    digest: Sha256,
    file: Option<File>,
    in_file: u64,
}

impl Spool {
    /// Where the next bytes go.
    pub(crate) fn out(&mut self) -> &mut Vec<u8> {
        &mut self.pending
    }

    pub(crate) fn len(&self) -> u64 {
        self.in_file + self.pending.len() as u64
    }

    /// Memory held.
    pub(crate) fn capacity(&self) -> usize {
        self.pending.capacity()
    }

    /// Hashes what was added, and moves it to a file in `dir` once there is more than `in_memory` of it. What could not be
    /// written stays in memory, and is not lost.
    ///
    /// # Errors
    /// When the folder cannot be written: full ([`is_full`]), read-only, missing.
    pub(crate) fn settle(&mut self, dir: &Path, in_memory: usize) -> io::Result<()> {
        self.digest.update(&self.pending[self.hashed..]);
        self.hashed = self.pending.len();
        if self.pending.len() <= in_memory {
            return Ok(());
        }
        let file = match self.file.take() {
            Some(file) => file,
            None => tempfile::tempfile_in(dir)?,
        };
        // By position: behind a write that failed half-way, the file may be longer than what counts of it.
        let written = file.write_all_at(&self.pending, self.in_file);
        self.file = Some(file);
        written?;
        self.in_file += self.pending.len() as u64;
        self.pending.clear();
        self.hashed = 0;
        Ok(())
    }

    /// Fixes the body.
    pub(crate) fn seal(mut self) -> SealedBody {
        self.digest.update(&self.pending[self.hashed..]);
        let sha256 = self.digest.finalize().into();
        let file = self.file.map(|file| (Arc::new(file), self.in_file));
        self.pending.shrink_to_fit();
        SealedBody { body: Body { file, rest: self.pending.into() }, sha256 }
    }
}

/// Whether writing failed for want of room, which passes once files are uploaded.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
}

/// A file's bytes, as often as they are wanted: the beginning on disk, the rest in memory.
#[derive(Debug, Clone)]
pub(crate) struct Body {
    /// And how much of it counts.
    pub(crate) file: Option<(Arc<File>, u64)>,
    pub(crate) rest: Bytes,
}

impl Body {
    pub(crate) fn of(bytes: impl Into<Bytes>) -> Self {
        Self { file: None, rest: bytes.into() }
    }

    pub(crate) fn len(&self) -> u64 {
        self.in_file() + self.rest.len() as u64
    }

    pub(crate) fn in_file(&self) -> u64 {
        self.file.as_ref().map_or(0, |(_, len)| *len)
    }

    /// Memory held.
    pub(crate) fn held(&self) -> usize {
        self.rest.len()
    }
}

/// A file's bytes and their checksum.
#[derive(Debug)]
pub(crate) struct SealedBody {
    pub(crate) body: Body,
    sha256: [u8; 32],
}

impl SealedBody {
    pub(crate) fn sha256_hex(&self) -> String {
        hex::encode(self.sha256)
    }

    pub(crate) fn sha256_base64(&self) -> String {
        base64::engine::general_purpose::STANDARD.encode(self.sha256)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn written(in_memory: usize) -> (Vec<u8>, String) {
        let dir = tempfile::tempdir().unwrap();
        let mut spool = Spool::default();
        for n in 0..50u8 {
            spool.out().extend_from_slice(&[n; 1000]);
            spool.settle(dir.path(), in_memory).unwrap();
        }
        spool.out().extend_from_slice(b"end");
        assert_eq!(spool.len(), 50_003);
        let sealed = spool.seal();
        assert_eq!(sealed.body.len(), 50_003);
        let bytes = sealed.body.stream().collect().await.unwrap().into_bytes().to_vec();
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "spool files have no name");
        (bytes, sealed.sha256_hex())
    }

    #[tokio::test]
    async fn what_does_not_fit_on_the_disk_stays_in_memory() {
        let dir = tempfile::tempdir().unwrap();
        let mut spool = Spool::default();
        spool.out().extend_from_slice(&[1; 5_000]);
        spool.settle(dir.path(), 1_000).unwrap();
        // A device that is always full takes the file's place.
        let real = spool.file.replace(File::options().write(true).open("/dev/full").unwrap());
        spool.out().extend_from_slice(&[2; 5_000]);
        assert!(is_full(&spool.settle(dir.path(), 1_000).unwrap_err()));
        assert!(is_full(&spool.settle(dir.path(), 1_000).unwrap_err()), "nor the next time");
        spool.file = real;
        spool.out().extend_from_slice(&[3; 10]);
        assert_eq!(spool.len(), 10_010);
        let sealed = spool.seal();
        assert_eq!((sealed.body.in_file(), sealed.body.held()), (5_000, 5_010));
        let bytes = sealed.body.stream().collect().await.unwrap().into_bytes();
        let expected = [vec![1; 5_000], vec![2; 5_000], vec![3; 10]].concat();
        assert_eq!(bytes, expected);
        assert_eq!(sealed.sha256_hex(), hex::encode(Sha256::digest(&expected)));
    }

    #[tokio::test]
    async fn a_spooled_file_is_the_same_as_one_in_memory() {
        let (memory, spooled) = (written(1 << 20).await, written(3_000).await);
        assert_eq!(memory, spooled);
        assert_eq!(memory.1, hex::encode(Sha256::digest(&memory.0)));
    }
}
