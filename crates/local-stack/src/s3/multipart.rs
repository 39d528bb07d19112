//! Uploads in parts: each part is a file of its own until the completion copies them into one object.

use super::{
    file::{Attributes, Draft, Outcome, Put, Stored},
    layout::Layout,
    upload::{self, Claims, Digests, failed, on_disk},
};
use s3s::{
    S3Result,
    crypto::{Checksum as _, Md5},
    dto::CompletedPart,
    s3_error,
};
use serde::{Deserialize, Serialize};
use std::{
    fs, io,
    path::{Path, PathBuf},
    time::SystemTime,
};

/// Smallest part but the last.
const SMALLEST_PART: u64 = 5 * 1024 * 1024;
pub(super) const HIGHEST_PART: i32 = 10_000;

/// What an upload was begun with.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Begun {
    pub(super) bucket: String,
    pub(super) key: String,
    pub(super) attributes: Attributes,
}

/// An upload that is neither completed nor aborted.
#[derive(Debug)]
pub(super) struct Upload {
    pub(super) id: String,
    pub(super) begun: Begun,
    pub(super) since: SystemTime,
    folder: PathBuf,
}

#[derive(Debug)]
pub(super) struct Part {
    pub(super) number: i32,
    pub(super) stored: Stored,
}

pub(super) fn begin(layout: &Layout, begun: &Begun) -> io::Result<String> {
    let id = format!("{:032x}", rand::random::<u128>());
    let folder = layout.uploads().join(&id);
    fs::create_dir(&folder)?;
    fs::write(folder.join("upload.json"), serde_json::to_vec(begun)?)?;
    Ok(id)
}

/// The upload with this id, if it is for this object.
pub(super) fn find(layout: &Layout, id: &str, bucket: &str, key: &str) -> S3Result<Upload> {
    let upload = layout.upload(id).map(|folder| open(folder, id)).transpose().map_err(failed)?.flatten();
    upload
        .filter(|upload| upload.begun.bucket == bucket && upload.begun.key == key)
        .ok_or_else(|| s3_error!(NoSuchUpload))
}

/// A bucket's uploads by key, then by id.
pub(super) fn all(layout: &Layout, bucket: &str) -> io::Result<Vec<Upload>> {
    let mut uploads = Vec::new();
    for entry in fs::read_dir(layout.uploads())? {
        let entry = entry?;
        let id = entry.file_name().to_string_lossy().into_owned();
        uploads.extend(open(entry.path(), &id)?.filter(|upload| upload.begun.bucket == bucket));
    }
    uploads.sort_by(|one, other| (&one.begun.key, &one.id).cmp(&(&other.begun.key, &other.id)));
    Ok(uploads)
}

fn open(folder: PathBuf, id: &str) -> io::Result<Option<Upload>> {
    let file = folder.join("upload.json");
    let text = match fs::read(&file) {
        // Being begun, completed or aborted right now.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        text => text?,
    };
    // A begin that was cut off was never answered.
    let Ok(begun) = serde_json::from_slice(&text) else { return Ok(None) };
    let since = match fs::metadata(&file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        about => about?.modified()?,
    };
    Ok(Some(Upload { id: id.to_owned(), begun, since, folder }))
}

impl Upload {
    pub(super) fn part(&self, number: i32) -> PathBuf {
        self.folder.join(format!("part-{number:05}"))
    }

    /// In order.
    pub(super) fn parts(&self) -> io::Result<Vec<Part>> {
        let mut parts = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            let name = entry.file_name();
            let number = name.to_str().and_then(|name| name.strip_prefix("part-")).and_then(|part| part.parse().ok());
            let Some(number) = number else { continue };
            parts.extend(Stored::open(&entry.path())?.map(|stored| Part { number, stored }));
        }
        parts.sort_by_key(|part| part.number);
        Ok(parts)
    }

    pub(super) fn forget(&self) -> io::Result<()> {
        match fs::remove_dir_all(&self.folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Makes the object of these parts; on [`Outcome::Exists`] the upload stays, as on S3.
    pub(super) async fn complete(
        self,
        layout: &Layout,
        path: PathBuf,
        wanted: Vec<CompletedPart>,
        put: Put,
        claims: Claims,
    ) -> S3Result<(Outcome, Attributes)> {
        let parts = self.choose(&wanted)?;
        let mut attributes = self.begun.attributes.clone();
        attributes.e_tag = combined_tag(&parts)?;
        let mut draft = Draft::new(layout).await.map_err(failed)?;
        let mut digests = Digests::new(&claims)?;
        for part in parts {
            upload::append(&mut draft, &mut digests, part.stored.file, 0..part.stored.length).await?;
        }
        digests.finish(claims, None, &mut attributes)?;
        let sealed = draft.seal(&attributes).await.map_err(failed)?;
        let outcome = on_disk(move || {
            let outcome = sealed.publish(&path, put)?;
            if outcome == Outcome::Stored {
                self.forget()?;
            }
            Ok(outcome)
        });
        Ok((outcome.await?, attributes))
    }

    /// The parts that the completion names, as it names them.
    fn choose(&self, wanted: &[CompletedPart]) -> S3Result<Vec<Part>> {
        if wanted.is_empty() {
            return Err(s3_error!(MalformedXML, "A completion names at least one part"));
        }
        let mut parts = Vec::new();
        let mut before = 0;
        for (at, part) in wanted.iter().enumerate() {
            let number = part.part_number.unwrap_or_default();
            if number <= before {
                return Err(s3_error!(InvalidPartOrder));
            }
            before = number;
            let stored = open_part(&self.part(number))?;
            let is_meant = part.e_tag.as_ref().is_some_and(|tag| tag.value() == stored.attributes.e_tag);
            if !is_meant {
                return Err(s3_error!(InvalidPart, "Part {number} has another ETag than the completion says"));
            }
            if stored.length < SMALLEST_PART && at + 1 < wanted.len() {
                return Err(s3_error!(EntityTooSmall));
            }
            parts.push(Part { number, stored });
        }
        Ok(parts)
    }
}

fn open_part(path: &Path) -> S3Result<Stored> {
    Stored::open(path).map_err(failed)?.ok_or_else(|| s3_error!(InvalidPart))
}

/// S3's tag of an object made of parts: the MD5 of the parts' MD5s, and how many they were.
fn combined_tag(parts: &[Part]) -> S3Result<String> {
    let mut md5 = Md5::new();
    for part in parts {
        let tag = hex::decode(&part.stored.attributes.e_tag);
        md5.update(&tag.map_err(|error| failed(io::Error::other(error)))?);
    }
    Ok(format!("{}-{}", hex::encode(md5.finalize()), parts.len()))
}
