//! Where objects, uploads and drafts are in the store's folder:
//!
//! ```text
//! buckets/BUCKET/SEGMENT%/.../SEGMENT   an object; folders end in a percent sign, so that `a` and `a/b` can both exist
//! uploads/ID/upload.json, part-00001    a multipart upload and its parts
//! drafts/NUMBER                         what is being written; removed at the next start
//! ```

use s3s::{S3Result, s3_error};
use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

/// Longest file name on the file systems in use.
const LONGEST_NAME: usize = 255;
/// Longest key in S3, in bytes.
const LONGEST_KEY: usize = 1024;
/// Marks a folder; never the end of an encoded segment.
const FOLDER: char = '%';
/// The name of an empty segment, as in `a//b`.
const EMPTY: &str = "%_";

#[derive(Debug)]
pub(crate) struct Layout {
    root: PathBuf,
    next_draft: AtomicU64,
}

impl Layout {
    /// Makes the folders and clears away what was being written when the store last stopped.
    pub(crate) fn open(root: &Path) -> io::Result<Self> {
        let drafts = root.join("drafts");
        if drafts.exists() {
            fs::remove_dir_all(&drafts)?;
        }
        for folder in [&drafts, &root.join("buckets"), &root.join("uploads")] {
            fs::create_dir_all(folder)?;
        }
        // A part that arrived while its upload was aborted.
        for upload in fs::read_dir(root.join("uploads"))? {
            let upload = upload?.path();
            if !upload.join("upload.json").exists() {
                fs::remove_dir_all(&upload)?;
            }
        }
        Ok(Self { root: root.to_owned(), next_draft: AtomicU64::new(0) })
    }

    pub(super) fn new_draft(&self) -> PathBuf {
        self.root.join("drafts").join(self.next_draft.fetch_add(1, Ordering::Relaxed).to_string())
    }

    pub(super) fn buckets(&self) -> PathBuf {
        self.root.join("buckets")
    }

    /// `None` for a name that is not a bucket's: it could lead out of the folder.
    pub(crate) fn bucket(&self, name: &str) -> Option<PathBuf> {
        s3s::path::check_bucket_name(name).then(|| self.buckets().join(name))
    }

    /// The folder of a bucket that exists.
    pub(super) fn existing_bucket(&self, name: &str) -> S3Result<PathBuf> {
        self.bucket(name).filter(|path| path.is_dir()).ok_or_else(|| s3_error!(NoSuchBucket))
    }

    pub(super) fn object(&self, bucket: &str, key: &str) -> S3Result<PathBuf> {
        let mut path = self.existing_bucket(bucket)?;
        if key.len() > LONGEST_KEY {
            return Err(s3_error!(KeyTooLongError));
        }
        let (folders, file) = key.rsplit_once('/').map_or((None, key), |(folders, file)| (Some(folders), file));
        for folder in folders.into_iter().flat_map(|folders| folders.split('/')) {
            path.push(folder_name(folder));
        }
        path.push(encode(file));
        let is_too_long = |name: &std::ffi::OsStr| name.len() > LONGEST_NAME;
        if path.iter().any(is_too_long) {
            let message = "A part of the key between slashes is longer than this store can name";
            return Err(s3_error!(KeyTooLongError, "{message}"));
        }
        Ok(path)
    }

    pub(super) fn uploads(&self) -> PathBuf {
        self.root.join("uploads")
    }

    /// `None` for an id that is none of the store's.
    pub(super) fn upload(&self, id: &str) -> Option<PathBuf> {
        (id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit())).then(|| self.uploads().join(id))
    }
}

pub(super) fn folder_name(segment: &str) -> String {
    format!("{}{FOLDER}", encode(segment))
}

/// A file's name in a bucket: the segment of a key and whether more follows it.
pub(super) enum Name {
    Folder(String),
    Object(String),
}

impl Name {
    /// `None` for a name that this store did not give.
    pub(super) fn read(name: &str) -> Option<Self> {
        match name.strip_suffix(FOLDER) {
            Some(segment) => decode(segment).map(Self::Folder),
            None => decode(name).map(Self::Object),
        }
    }
}

fn encode(segment: &str) -> String {
    if segment.is_empty() {
        return EMPTY.to_owned();
    }
    let dots = segment == "." || segment == "..";
    let mut name = String::with_capacity(segment.len());
    for byte in segment.bytes() {
        let is_plain = byte.is_ascii_alphanumeric() || b"-_=,@+".contains(&byte) || (byte == b'.' && !dots);
        if is_plain {
            name.push(char::from(byte));
        } else {
            name.push('%');
            name.push_str(&hex::encode_upper([byte]));
        }
    }
    name
}

fn decode(name: &str) -> Option<String> {
    if name == EMPTY {
        return Some(String::new());
    }
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        if *first == b'%' {
            let digits = tail.get(..2)?;
            bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
            rest = &tail[2..];
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_has_a_path_of_its_own_inside_its_bucket() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::open(folder.path()).unwrap();
        fs::create_dir(layout.bucket("bucket").unwrap()).unwrap();
        let keys = ["a", "a/b", "a/", "a//b", "/a", "..", "../a", "a/../b", ".", "%", "a%", "ü/é", "a b", "%_", "A"];
        let mut paths: Vec<_> = keys.iter().map(|key| layout.object("bucket", key).unwrap()).collect();
        assert_eq!(
            paths[1],
            folder.path().join("buckets/bucket/a%/b"),
            "an ordinary key should be easy to find in the folder"
        );
        assert!(paths.iter().all(|path| !path.iter().any(|part| part == "..")));
        paths.sort();
        paths.dedup();
        assert_eq!(paths.len(), keys.len());
        assert_eq!(layout.object("bucket", &"x".repeat(300)).unwrap_err().code(), &s3s::S3ErrorCode::KeyTooLongError);
        assert!(layout.bucket("../buckets").is_none() && layout.upload("../../etc").is_none());
    }

    #[test]
    fn names_are_read_back() {
        for segment in ["", "a", ".", "..", "%", "x%", "ü", "customers.events", "partition=00003"] {
            assert!(matches!(Name::read(&folder_name(segment)), Some(Name::Folder(read)) if read == segment));
            assert!(matches!(Name::read(&encode(segment)), Some(Name::Object(read)) if read == segment));
        }
    }
}
