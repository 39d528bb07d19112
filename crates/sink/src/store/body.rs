//! Streams or checksums a range of a file's bytes, with no more than one piece of it in memory.

use aws_sdk_s3::primitives::{ByteStream, SdkBody};
use bytes::Bytes;
use http_body::Frame;
use std::{
    io,
    ops::Range,
    os::unix::fs::FileExt,
    pin::Pin,
    task::{Context, Poll},
};

use crate::spool::Body;

/// Bytes read from a spooled file at a time.
const PIECE: u64 = 256 * 1024;

impl Body {
    /// Returns the whole file as a request's body.
    pub(crate) fn stream(&self) -> ByteStream {
        self.stream_of(0..self.len())
    }

    /// Returns a range as a request's body. Several can be read at the same time.
    pub(super) fn stream_of(&self, range: Range<u64>) -> ByteStream {
        if self.file.is_none() {
            return ByteStream::from(self.rest.slice(range.start as usize..range.end as usize));
        }
        ByteStream::new(SdkBody::from_body_1_x(Pieces { body: self.clone(), left: range }))
    }

    /// Returns the CRC-32 (ISO 3309, as in zip) of a range. Blocks while it reads the range.
    ///
    /// # Errors
    /// When the spool file cannot be read.
    pub(super) fn crc32(&self, range: Range<u64>) -> io::Result<u32> {
        let mut pieces = Pieces { body: self.clone(), left: range };
        let mut hasher = crc32fast::Hasher::new();
        while let Some(piece) = pieces.next()? {
            hasher.update(&piece);
        }
        Ok(hasher.finalize())
    }
}

/// Yields a range piece by piece. It reads on the calling thread: reads are short and come from the page cache of a local disk.
struct Pieces {
    body: Body,
    left: Range<u64>,
}

impl Pieces {
    fn next(&mut self) -> io::Result<Option<Bytes>> {
        let (at, in_file) = (self.left.start, self.body.in_file());
        let want = (self.left.end - at).min(PIECE);
        if want == 0 {
            return Ok(None);
        }
        let piece: Bytes = match &self.body.file {
            Some((file, _)) if at < in_file => {
                let mut piece = vec![0; want.min(in_file - at) as usize];
                file.read_exact_at(&mut piece, at)?;
                piece.into()
            }
            _ => self.body.rest.slice((at - in_file) as usize..(at - in_file + want) as usize),
        };
        self.left.start += piece.len() as u64;
        Ok(Some(piece))
    }
}

impl http_body::Body for Pieces {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        Poll::Ready(self.next().transpose().map(|piece| piece.map(Frame::data)))
    }

    fn size_hint(&self) -> http_body::SizeHint {
        http_body::SizeHint::with_exact(self.left.end - self.left.start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{io::Write as _, sync::Arc};

    #[tokio::test]
    async fn a_stretch_of_a_spooled_file_is_that_of_one_in_memory() {
        let bytes: Vec<u8> = (0..1_000_000u32).map(|n| (n % 251) as u8).collect();
        let spooled = |in_file: usize| {
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(&bytes[..in_file]).unwrap();
            // The file may hold trailing bytes of a write that failed.
            file.write_all(b"rubbish").unwrap();
            let file = Some((Arc::new(file), in_file as u64));
            Body { file, rest: Bytes::copy_from_slice(&bytes[in_file..]) }
        };
        let bodies = [spooled(1_000_000), spooled(300_000), Body::of(bytes.clone())];
        for range in [0..1_000_000, 0..0, 5..6, 262_143..800_001, 999_999..1_000_000] {
            let expected = &bytes[range.start as usize..range.end as usize];
            for body in &bodies {
                let streamed = body.stream_of(range.clone()).collect().await.unwrap().into_bytes();
                assert_eq!(streamed, expected);
                assert_eq!(body.crc32(range.clone()).unwrap(), crc32fast::hash(expected));
            }
        }
    }
}
