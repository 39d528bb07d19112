//! Writes a request's body into a draft and compares it with every checksum that came with it.

use super::file::{Attributes, Checksums, Draft, Sealed};
use super::layout::Layout;
use bytes::Bytes;
use futures::StreamExt as _;
use s3s::{
    S3Error, S3Result, TrailingHeaders,
    checksum::ChecksumHasher,
    crypto::{Checksum as _, Md5},
    dto::{ChecksumAlgorithm, StreamingBlob},
    s3_error,
};
use std::io;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};
use tokio_util::io::ReaderStream;

/// What the sender says about the bytes.
#[derive(Debug, Default)]
pub(super) struct Claims {
    pub(super) length: Option<i64>,
    /// In base64.
    pub(super) md5: Option<String>,
    pub(super) checksums: Checksums,
    pub(super) algorithm: Option<ChecksumAlgorithm>,
}

/// Reads the whole body. Its tag and checksums are added to `attributes`.
pub(super) async fn receive(
    layout: &Layout,
    body: StreamingBlob,
    claims: Claims,
    trailer: Option<TrailingHeaders>,
    mut attributes: Attributes,
) -> S3Result<(Sealed, Attributes)> {
    let mut draft = Draft::new(layout).await.map_err(failed)?;
    let mut digests = Digests::new(&claims)?;
    let mut body = body;
    while let Some(bytes) = body.next().await {
        let bytes: Bytes = bytes.map_err(|error| s3_error!(IncompleteBody, "The body ended early: {error}"))?;
        digests.update(&bytes);
        draft.write(&bytes).await.map_err(failed)?;
    }
    digests.finish(claims, trailer, &mut attributes)?;
    let sealed = draft.seal(&attributes).await.map_err(failed)?;
    Ok((sealed, attributes))
}

/// Everything that is computed while bytes pass.
pub(super) struct Digests {
    md5: Md5,
    checksums: ChecksumHasher,
    length: u64,
}

impl Digests {
    pub(super) fn new(claims: &Claims) -> S3Result<Self> {
        let Checksums { crc32, crc32c, crc64nvme, sha1, sha256 } = &claims.checksums;
        let asked = claims.algorithm.as_ref().map(ChecksumAlgorithm::as_str);
        if asked.is_some_and(|name| !["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"].contains(&name)) {
            return Err(s3_error!(NotImplemented, "This store does not know the checksum algorithm {asked:?}"));
        }
        let is_wanted = |claim: &Option<String>, name: &str| claim.is_some() || asked == Some(name);
        let checksums = ChecksumHasher {
            crc32: is_wanted(crc32, "CRC32").then(Default::default),
            crc32c: is_wanted(crc32c, "CRC32C").then(Default::default),
            crc64nvme: is_wanted(crc64nvme, "CRC64NVME").then(Default::default),
            sha1: is_wanted(sha1, "SHA1").then(Default::default),
            sha256: is_wanted(sha256, "SHA256").then(Default::default),
        };
        Ok(Self { md5: Md5::new(), checksums, length: 0 })
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.md5.update(bytes);
        self.checksums.update(bytes);
        self.length += bytes.len() as u64;
    }

    /// Compares the checksums. If they match, sets them and, unless it is set, the tag in `attributes`.
    pub(super) fn finish(
        self,
        claims: Claims,
        trailer: Option<TrailingHeaders>,
        attributes: &mut Attributes,
    ) -> S3Result<()> {
        if claims.length.is_some_and(|claimed| u64::try_from(claimed) != Ok(self.length)) {
            return Err(s3_error!(IncompleteBody, "Expected {:?} bytes, found {}", claims.length, self.length));
        }
        let md5 = self.md5.finalize();
        if let Some(claimed) = claims.md5 {
            let claimed = base64(&claimed).ok_or_else(|| s3_error!(InvalidDigest))?;
            if claimed != md5 {
                return Err(s3_error!(BadDigest, "The Content-MD5 is not the MD5 of the bytes that were received"));
            }
        }
        let found = Checksums::from(self.checksums.finalize());
        let claimed = with_trailer(claims.checksums, trailer);
        for (name, claimed, found) in [
            ("CRC32", &claimed.crc32, &found.crc32),
            ("CRC32C", &claimed.crc32c, &found.crc32c),
            ("CRC64NVME", &claimed.crc64nvme, &found.crc64nvme),
            ("SHA1", &claimed.sha1, &found.sha1),
            ("SHA256", &claimed.sha256, &found.sha256),
        ] {
            // An algorithm alone asks for the checksum; a claim is compared.
            if claimed.is_some() && claimed != found {
                return Err(s3_error!(BadDigest, "The {name} checksum is not the checksum of the bytes"));
            }
        }
        attributes.checksums = found;
        if attributes.e_tag.is_empty() {
            attributes.e_tag = hex::encode(md5);
        }
        Ok(())
    }
}

/// Adds the checksums that the sender computed while sending: they come after the body.
fn with_trailer(mut claimed: Checksums, trailer: Option<TrailingHeaders>) -> Checksums {
    let Some(headers) = trailer.and_then(|trailer| trailer.take()) else { return claimed };
    for (name, value) in [
        ("x-amz-checksum-crc32", &mut claimed.crc32),
        ("x-amz-checksum-crc32c", &mut claimed.crc32c),
        ("x-amz-checksum-crc64nvme", &mut claimed.crc64nvme),
        ("x-amz-checksum-sha1", &mut claimed.sha1),
        ("x-amz-checksum-sha256", &mut claimed.sha256),
    ] {
        if let Some(found) = headers.get(name) {
            *value = Some(String::from_utf8_lossy(found.as_bytes()).into_owned());
        }
    }
    claimed
}

fn base64(text: &str) -> Option<[u8; 16]> {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    STANDARD.decode(text).ok()?.try_into().ok()
}

/// Turns a failure of the disk into an internal error of the server.
pub(super) fn failed(error: io::Error) -> S3Error {
    tracing::warn!(%error, "S3: the state folder failed");
    S3Error::internal_error(error)
}

/// Runs file work on a thread that may block.
pub(super) async fn on_disk<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> S3Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(failed),
        Err(error) => Err(S3Error::internal_error(error)),
    }
}

/// Appends part of a stored object's file to a draft.
pub(super) async fn append(
    draft: &mut Draft,
    digests: &mut Digests,
    file: std::fs::File,
    range: std::ops::Range<u64>,
) -> S3Result<()> {
    let mut file = tokio::fs::File::from_std(file);
    file.seek(io::SeekFrom::Start(range.start)).await.map_err(failed)?;
    let mut part = file.take(range.end - range.start);
    let mut buffer = vec![0; CHUNK];
    loop {
        let read = part.read(&mut buffer).await.map_err(failed)?;
        if read == 0 {
            return Ok(());
        }
        digests.update(&buffer[..read]);
        draft.write(&buffer[..read]).await.map_err(failed)?;
    }
}

/// Bytes that pass at a time.
const CHUNK: usize = 256 * 1024;

/// Returns part of an open file as a body.
pub(super) async fn body(file: std::fs::File, range: std::ops::Range<u64>) -> io::Result<StreamingBlob> {
    let mut file = tokio::fs::File::from_std(file);
    file.seek(io::SeekFrom::Start(range.start)).await?;
    let part = file.take(range.end - range.start);
    Ok(StreamingBlob::wrap(ReaderStream::with_capacity(part, CHUNK)))
}
