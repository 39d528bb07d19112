//! Which listed files are new to a pipe.

use super::PipeFile;
use crate::{
    SqlError,
    catalog::{LoadTarget, ObjectId},
    storage::Snapshot,
    types::Moment,
};
use std::collections::HashSet;

/// How much older than the pipe a file may look and still count as come after it: clocks differ, and stores cut seconds.
const TOLERANCE_MICROS: i64 = 60_000_000;

/// Days for which a bucket's notification waits for the pipe. As long as the pipe remembers files, or a file that it has
/// forgotten would look new.
const NOTIFIED_DAYS: i64 = 14;

/// Days that REFRESH looks back.
const REFRESH_DAYS: i64 = 7;

#[derive(Debug, Default)]
pub(super) struct Arrivals {
    /// Files the pipe has loaded or given up; read from its history once.
    known: Option<HashSet<String>>,
    /// Files older than the pipe that REFRESH asked for.
    refreshed: HashSet<String>,
}

impl Arrivals {
    pub(super) fn remember(&mut self, pipe: ObjectId, snapshot: &Snapshot) -> Result<(), SqlError> {
        if self.known.is_none() {
            let loads = snapshot.file_loads(LoadTarget::Pipe(pipe))?;
            self.known = Some(loads.into_iter().map(|load| load.file).collect());
        }
        Ok(())
    }

    /// Those to load now, oldest first.
    pub(super) fn new_files(&self, files: Vec<PipeFile>, created_on: Moment, now: Moment) -> Vec<PipeFile> {
        let oldest = Moment(created_on.0 - TOLERANCE_MICROS).max(now.minus_days(NOTIFIED_DAYS));
        let mut new = files;
        new.retain(|file| {
            !self.knows(&file.path) && (file.last_modified >= oldest || self.refreshed.contains(&file.path))
        });
        new.sort_by(|one, other| (one.last_modified, &one.path).cmp(&(other.last_modified, &other.path)));
        new
    }

    /// Lets older files count as new; returns their paths.
    pub(super) fn refresh(&mut self, files: Vec<PipeFile>, prefix: Option<&str>, now: Moment) -> Vec<String> {
        let oldest = now.minus_days(REFRESH_DAYS);
        let mut found: Vec<String> = files
            .into_iter()
            .filter(|file| file.last_modified >= oldest && !self.knows(&file.path))
            .map(|file| file.path)
            .filter(|path| prefix.is_none_or(|prefix| path.starts_with(prefix)))
            .collect();
        found.sort();
        self.refreshed.extend(found.iter().cloned());
        found
    }

    pub(super) fn loaded(&mut self, path: &str) {
        self.refreshed.remove(path);
        self.known.get_or_insert_default().insert(path.to_owned());
    }

    fn knows(&self, path: &str) -> bool {
        self.known.as_ref().is_some_and(|known| known.contains(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400_000_000;

    fn file(path: &str, last_modified: i64) -> PipeFile {
        PipeFile {
            path: path.into(),
            key: path.into(),
            size_bytes: 1,
            etag: String::new(),
            last_modified: Moment(last_modified),
        }
    }

    fn paths(files: &[PipeFile]) -> Vec<&str> {
        files.iter().map(|file| file.path.as_str()).collect()
    }

    #[test]
    fn files_that_came_after_the_pipe_are_new_until_loaded() {
        let (mut arrivals, created, now) = (Arrivals::default(), Moment(20 * DAY), Moment(21 * DAY));
        let files = || vec![file("late", 21 * DAY), file("early", 20 * DAY - 1_000_000), file("before", 19 * DAY)];
        assert_eq!(paths(&arrivals.new_files(files(), created, now)), ["early", "late"]);
        arrivals.loaded("early");
        assert_eq!(paths(&arrivals.new_files(files(), created, now)), ["late"]);
    }

    #[test]
    fn refresh_adds_a_week_of_older_files_once() {
        let (mut arrivals, created, now) = (Arrivals::default(), Moment(20 * DAY), Moment(20 * DAY));
        let files = || vec![file("a/1", 14 * DAY), file("b/1", 14 * DAY), file("a/0", 12 * DAY)];
        assert_eq!(arrivals.refresh(files(), Some("a/"), now), ["a/1"]);
        assert_eq!(paths(&arrivals.new_files(files(), created, now)), ["a/1"]);
        arrivals.loaded("a/1");
        assert!(arrivals.new_files(files(), created, now).is_empty());
    }

    #[test]
    fn a_file_the_pipe_has_forgotten_does_not_look_new() {
        let (arrivals, created) = (Arrivals::default(), Moment(0));
        let now = Moment(30 * DAY);
        assert!(arrivals.new_files(vec![file("old", 15 * DAY)], created, now).is_empty());
        assert_eq!(arrivals.new_files(vec![file("young", 17 * DAY)], created, now).len(), 1);
    }
}
