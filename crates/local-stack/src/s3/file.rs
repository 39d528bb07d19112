//! An object's file: its bytes, then its attributes as JSON, then that JSON's length (four bytes, little endian) and a mark of
//! eight bytes. The attributes come last because the checksums are known last.

use super::layout::Layout;
use s3s::dto::Checksum;
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    fs, io,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    time::SystemTime,
};
use tokio::io::AsyncWriteExt as _;

const MARK: &[u8; 8] = b"s3object";
const TAIL: u64 = 12;

/// An object's attributes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Attributes {
    /// Without quotes.
    pub(super) e_tag: String,
    /// `x-amz-meta-*`, keys in small letters.
    pub(super) metadata: BTreeMap<String, String>,
    pub(super) content_type: Option<String>,
    pub(super) content_encoding: Option<String>,
    pub(super) content_disposition: Option<String>,
    pub(super) content_language: Option<String>,
    pub(super) cache_control: Option<String>,
    pub(super) checksums: Checksums,
}

/// The checksums that came with the object and were found right, in base64.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Checksums {
    pub(super) crc32: Option<String>,
    pub(super) crc32c: Option<String>,
    pub(super) crc64nvme: Option<String>,
    pub(super) sha1: Option<String>,
    pub(super) sha256: Option<String>,
}

impl From<Checksum> for Checksums {
    fn from(sums: Checksum) -> Self {
        Self {
            crc32: sums.checksum_crc32,
            crc32c: sums.checksum_crc32c,
            crc64nvme: sums.checksum_crc64nvme,
            sha1: sums.checksum_sha1,
            sha256: sums.checksum_sha256,
        }
    }
}

/// Whether an existing object may be replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Put {
    CreateOnly,
    Replace,
}

/// What became of a finished draft.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Stored,
    /// An object with this key exists, and the request was to create only.
    Exists,
}

/// A file being written. It is removed when dropped.
#[derive(Debug)]
pub(super) struct Draft {
    file: tokio::io::BufWriter<tokio::fs::File>,
    name: DraftName,
}

/// A finished file that has no name in a bucket yet.
#[derive(Debug)]
pub(super) struct Sealed(DraftName);

#[derive(Debug)]
struct DraftName(PathBuf);

impl Drop for DraftName {
    fn drop(&mut self) {
        // After a replacement there is nothing left to remove.
        if let Err(error) = fs::remove_file(&self.0)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(path = %self.0.display(), %error, "S3: a draft could not be removed");
        }
    }
}

impl Draft {
    pub(super) async fn new(layout: &Layout) -> io::Result<Self> {
        let path = layout.new_draft();
        let file = tokio::fs::OpenOptions::new().write(true).create_new(true).open(&path).await?;
        Ok(Self { file: tokio::io::BufWriter::with_capacity(256 * 1024, file), name: DraftName(path) })
    }

    pub(super) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes).await
    }

    /// Writes the rest and waits for the disk: what is answered with success must outlive a loss of power.
    pub(super) async fn seal(mut self, attributes: &Attributes) -> io::Result<Sealed> {
        let known = serde_json::to_vec(attributes)?;
        let length = u32::try_from(known.len()).map_err(io::Error::other)?;
        self.file.write_all(&known).await?;
        self.file.write_all(&length.to_le_bytes()).await?;
        self.file.write_all(MARK).await?;
        self.file.flush().await?;
        self.file.get_ref().sync_data().await?;
        Ok(Sealed(self.name))
    }
}

impl Sealed {
    /// Gives the file its name; at every moment before and after, others see a whole object or none.
    pub(super) fn publish(self, path: &Path, put: Put) -> io::Result<Outcome> {
        let folder = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
        make_folder(folder)?;
        match put {
            Put::Replace => fs::rename(&self.0.0, path)?,
            Put::CreateOnly => match fs::hard_link(&self.0.0, path) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(Outcome::Exists),
                Err(error) => return Err(error),
            },
        }
        fs::File::open(folder)?.sync_all()?;
        Ok(Outcome::Stored)
    }
}

/// Makes a folder and those above it, each lasting before the next.
fn make_folder(folder: &Path) -> io::Result<()> {
    let Some(above) = folder.parent().filter(|_| !folder.is_dir()) else { return Ok(()) };
    make_folder(above)?;
    match fs::create_dir(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => fs::File::open(above)?.sync_all(),
    }
}

/// An object opened for reading: it stays as it is, whatever happens to its name.
#[derive(Debug)]
pub(super) struct Stored {
    /// At its start.
    pub(super) file: fs::File,
    /// Bytes of the object, at the start of the file.
    pub(super) length: u64,
    pub(super) modified: SystemTime,
    pub(super) attributes: Attributes,
}

impl Stored {
    /// `None` when there is no such object.
    pub(super) fn open(path: &Path) -> io::Result<Option<Self>> {
        let file = match fs::File::open(path) {
            Ok(file) => file,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let about = file.metadata()?;
        let damaged =
            || io::Error::new(io::ErrorKind::InvalidData, format!("{} is not the file of an object", path.display()));
        let tail_at = about.len().checked_sub(TAIL).ok_or_else(damaged)?;
        let mut tail = [0; TAIL as usize];
        file.read_exact_at(&mut tail, tail_at)?;
        let (length, mark) = tail.split_first_chunk::<4>().ok_or_else(damaged)?;
        let known_length = u64::from(u32::from_le_bytes(*length));
        let length = tail_at.checked_sub(known_length).filter(|_| mark == MARK).ok_or_else(damaged)?;
        let mut known = vec![0; known_length as usize];
        file.read_exact_at(&mut known, length)?;
        let attributes = serde_json::from_slice(&known).map_err(|_| damaged())?;
        Ok(Some(Self { file, length, modified: about.modified()?, attributes }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;

    async fn sealed(layout: &Layout, text: &str) -> Sealed {
        let mut draft = Draft::new(layout).await.unwrap();
        draft.write(text.as_bytes()).await.unwrap();
        let metadata = BTreeMap::from([("text".to_owned(), text.to_owned())]);
        draft.seal(&Attributes { e_tag: text.to_owned(), metadata, ..Attributes::default() }).await.unwrap()
    }

    fn read(path: &Path) -> Option<(String, Attributes)> {
        let mut stored = Stored::open(path).unwrap()?;
        let mut text = String::new();
        (&mut stored.file).take(stored.length).read_to_string(&mut text).unwrap();
        Some((text, stored.attributes))
    }

    #[tokio::test]
    async fn an_object_is_read_back_with_what_is_known_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::open(folder.path()).unwrap();
        let path = folder.path().join("buckets/b%/o");
        assert!(read(&path).is_none());
        for text in ["first", "", "third"] {
            assert_eq!(sealed(&layout, text).await.publish(&path, Put::Replace).unwrap(), Outcome::Stored);
            let (found, attributes) = read(&path).unwrap();
            assert_eq!((found.as_str(), attributes.metadata["text"].as_str()), (text, text));
        }
        let refused = sealed(&layout, "fourth").await.publish(&path, Put::CreateOnly).unwrap();
        assert_eq!((refused, read(&path).unwrap().0.as_str()), (Outcome::Exists, "third"));
    }

    #[tokio::test]
    async fn an_abandoned_draft_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::open(folder.path()).unwrap();
        let drafts = || fs::read_dir(folder.path().join("drafts")).unwrap().count();
        let mut draft = Draft::new(&layout).await.unwrap();
        draft.write(b"half").await.unwrap();
        assert_eq!(drafts(), 1);
        drop(draft);
        drop(sealed(&layout, "whole").await);
        sealed(&layout, "stored").await.publish(&folder.path().join("buckets/o"), Put::CreateOnly).unwrap();
        assert_eq!(drafts(), 0);
        // What a killed process leaves behind goes at the next start.
        fs::write(layout.new_draft(), "left over").unwrap();
        Layout::open(folder.path()).unwrap();
        assert_eq!(drafts(), 0);
    }
}
