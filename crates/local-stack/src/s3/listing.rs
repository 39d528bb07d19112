//! Keys in the order of S3 (their bytes), page by page.

use super::{
    file::Stored,
    layout::{Name, folder_name},
};
use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
    time::SystemTime,
};

/// Most entries of a page.
pub(super) const LONGEST_PAGE: usize = 1000;

/// What is asked for.
#[derive(Debug, Default)]
pub(super) struct Query {
    pub(super) prefix: String,
    /// Keys that go on after the prefix with this in them are shown up to it only; empty for all in full.
    pub(super) delimiter: String,
    /// Only keys after this one.
    pub(super) start_after: String,
    /// The last entry of the page before; empty at the start.
    pub(super) token: String,
    pub(super) limit: usize,
}

#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) objects: Vec<Entry>,
    pub(super) common_prefixes: Vec<String>,
    /// Where the next page goes on, if there is one.
    pub(super) next: Option<String>,
}

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) size: u64,
    pub(super) e_tag: String,
    pub(super) modified: SystemTime,
}

impl Page {
    fn ends_with(&self, common: &str) -> bool {
        self.common_prefixes.last().is_some_and(|last| last == common)
    }
}

pub(super) fn page(bucket: &Path, query: &Query) -> io::Result<Page> {
    let mut page = Page::default();
    let limit = query.limit.min(LONGEST_PAGE);
    let mut last = String::new();
    for (key, path) in keys(bucket, query)? {
        let common = common_prefix(&key, query);
        if common.is_some_and(|common| common <= query.token.as_str() || page.ends_with(common)) {
            continue;
        }
        if page.objects.len() + page.common_prefixes.len() == limit {
            page.next = (limit > 0).then_some(last);
            break;
        }
        common.unwrap_or(&key).clone_into(&mut last);
        if let Some(common) = common {
            page.common_prefixes.push(common.to_owned());
        } else if let Some(stored) = Stored::open(&path)? {
            let Stored { length: size, modified, attributes, .. } = stored;
            page.objects.push(Entry { key, size, e_tag: attributes.e_tag, modified });
        }
        // Else it was deleted since its folder was read.
    }
    Ok(page)
}

pub(super) fn is_empty(bucket: &Path) -> io::Result<bool> {
    keys(bucket, &Query::default()).map(|keys| keys.is_empty())
}

fn common_prefix<'a>(key: &'a str, query: &Query) -> Option<&'a str> {
    let rest = key.strip_prefix(query.prefix.as_str()).filter(|_| !query.delimiter.is_empty())?;
    let end = rest.find(query.delimiter.as_str())? + query.delimiter.len();
    Some(&key[..query.prefix.len() + end])
}

/// All keys with the prefix after the starting points, in order.
fn keys(bucket: &Path, query: &Query) -> io::Result<BTreeSet<(String, PathBuf)>> {
    let folders = query.prefix.rsplit_once('/').map_or("", |(folders, _)| folders);
    let mut path = bucket.to_owned();
    let mut key = String::new();
    if query.prefix.contains('/') {
        for folder in folders.split('/') {
            path.push(folder_name(folder));
        }
        key = format!("{folders}/");
    }
    let mut found = BTreeSet::new();
    collect(&path, &key, query, &mut found)?;
    Ok(found)
}

fn collect(folder: &Path, above: &str, query: &Query, found: &mut BTreeSet<(String, PathBuf)>) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        match entry.file_name().to_str().and_then(Name::read) {
            Some(Name::Object(segment)) => {
                let key = format!("{above}{segment}");
                if key.starts_with(&query.prefix) && key > query.start_after && key > query.token {
                    found.insert((key, entry.path()));
                }
            }
            Some(Name::Folder(segment)) => {
                let inside = format!("{above}{segment}/");
                let may_match = inside.starts_with(&query.prefix) || query.prefix.starts_with(&inside);
                let may_follow = |after: &str| inside.as_str() >= after || after.starts_with(&inside);
                if may_match && may_follow(&query.start_after) && may_follow(&query.token) {
                    collect(&entry.path(), &inside, query, found)?;
                }
            }
            None => {}
        }
    }
    Ok(())
}
