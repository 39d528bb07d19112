//! The bytes of an open file: the beginning in memory, the rest in a local file without a name, hashed as they come.
//! Nothing goes to the store before the roll, since an object's metadata is fixed when its upload begins.

use aws_sdk_s3::primitives::{ByteStream, SdkBody};
use base64::Engine as _;
use bytes::Bytes;
use http_body::Frame;
use sha2::{Digest, Sha256};
use std::{
    fs::File,
    io::{self, Write},
    os::unix::fs::FileExt,
    path::Path,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

/// How much is read from a spooled file at a time.
const CHUNK: usize = 256 * 1024;

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

    /// Hashes what was added, and moves it to a file in `dir` once there is more than `in_memory` of it.
    ///
    /// # Errors
    /// When the folder cannot be written: full, read-only, missing.
    pub(crate) fn settle(&mut self, dir: &Path, in_memory: usize) -> io::Result<()> {
        self.digest.update(&self.pending[self.hashed..]);
        self.hashed = self.pending.len();
        if self.pending.len() <= in_memory {
            return Ok(());
        }
        let mut file = match self.file.take() {
            Some(file) => file,
            None => tempfile::tempfile_in(dir)?,
        };
        file.write_all(&self.pending)?;
        self.file = Some(file);
        self.in_file += self.pending.len() as u64;
        self.pending.clear();
        self.hashed = 0;
        Ok(())
    }

    /// Fixes the body.
    ///
    /// # Errors
    /// When the spool file cannot be written.
    pub(crate) fn seal(mut self) -> io::Result<SealedBody> {
        self.digest.update(&self.pending[self.hashed..]);
        let sha256 = self.digest.finalize().into();
        let body = match self.file {
            None => Body::Memory(self.pending.into()),
            Some(mut file) => {
                file.write_all(&self.pending)?;
                Body::File { file: Arc::new(file), len: self.in_file + self.pending.len() as u64 }
            }
        };
        Ok(SealedBody { body, sha256 })
    }
}

/// A file's bytes, as often as they are wanted.
#[derive(Debug)]
pub(crate) enum Body {
    Memory(Bytes),
    File { file: Arc<File>, len: u64 },
}

impl Body {
    pub(crate) fn len(&self) -> u64 {
        match self {
            Self::Memory(bytes) => bytes.len() as u64,
            Self::File { len, .. } => *len,
        }
    }

    /// Memory held.
    pub(crate) fn held(&self) -> usize {
        match self {
            Self::Memory(bytes) => bytes.len(),
            Self::File { .. } => 0,
        }
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

/// Streams a spooled file from its beginning; several can at the same time.
pub(crate) fn file_stream(file: Arc<File>, len: u64) -> ByteStream {
    ByteStream::new(SdkBody::from_body_1_x(Pieces { file, at: 0, len }))
}

/// The reads are from the page cache of a local disk, and short: not worth a thread each.
struct Pieces {
    file: Arc<File>,
    at: u64,
    len: u64,
}

impl http_body::Body for Pieces {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let want = usize::try_from(self.len - self.at).unwrap_or(CHUNK).min(CHUNK);
        if want == 0 {
            return Poll::Ready(None);
        }
        let mut piece = vec![0; want];
        Poll::Ready(Some(self.file.read_exact_at(&mut piece, self.at).map(|()| {
            self.at += want as u64;
            Frame::data(piece.into())
        })))
    }

    fn size_hint(&self) -> http_body::SizeHint {
        http_body::SizeHint::with_exact(self.len - self.at)
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
        let sealed = spool.seal().unwrap();
        assert_eq!(sealed.body.len(), 50_003);
        let bytes = match &sealed.body {
            Body::Memory(bytes) => bytes.to_vec(),
            Body::File { file, len } => {
                file_stream(Arc::clone(file), *len).collect().await.unwrap().into_bytes().to_vec()
            }
        };
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "spool files have no name");
        (bytes, sealed.sha256_hex())
    }

    #[tokio::test]
    async fn a_spooled_file_is_the_same_as_one_in_memory() {
        let (memory, spooled) = (written(1 << 20).await, written(3_000).await);
        assert_eq!(memory, spooled);
        assert_eq!(memory.1, hex::encode(Sha256::digest(&memory.0)));
    }
}
