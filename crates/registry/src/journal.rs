//! The registry's one file: a line of JSON for each change, written and synced before the change is answered. Changes are
//! rare and small, so the whole file is read at the start and never rewritten. Lines that later versions write have members
//! and changes that earlier ones refuse; the other way round, every line that was ever written can be read.

use crate::catalog::Change;
use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
};

/// First line of the file. A file with another one belongs to another program, or has a later format.
const HEADER: &str = r#"{"format":"schema-registry-journal","version":1}"#;

/// Why the file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    #[error("{action} the schema registry's file {path}: {source}; check its rights and the space on its disk")]
    Io { action: &'static str, path: PathBuf, source: std::io::Error },
    #[error("opening the schema registry's file {path}: another process uses it; stop that one, or name another file")]
    Locked { path: PathBuf },
    #[error(
        "reading the schema registry's file {path}: expected the first line {HEADER}, found another; it is not a registry's file, \
         or one of a later version"
    )]
    Foreign { path: PathBuf },
    #[error("reading the schema registry's file {path}, line {line}: {source}; restore the file from a copy")]
    Corrupt { path: PathBuf, line: usize, source: serde_json::Error },
    #[error(
        "writing to the schema registry's file {path}: an earlier write failed and could not be undone; restart the registry"
    )]
    Broken { path: PathBuf },
    #[error("writing to the schema registry's file {path}: the registry has stopped; start it again")]
    Closed { path: PathBuf },
}

/// The open file, locked against a second process until it is closed.
#[derive(Debug)]
pub(crate) struct Journal {
    file: File,
    path: PathBuf,
    /// Length of the whole lines, in bytes.
    length: u64,
    broken: bool,
    closed: bool,
}

impl Journal {
    /// Opens or creates the file and returns the changes in it. A last line without its end is a write that was never
    /// answered; it is cut off.
    pub(crate) fn open(path: &Path) -> Result<(Self, Vec<Change>), JournalError> {
        let io = |action| move |source| JournalError::Io { action, path: path.to_owned(), source };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(io("opening or creating"))?;
        file.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => JournalError::Locked { path: path.to_owned() },
            TryLockError::Error(source) => io("locking")(source),
        })?;
        let mut text = Vec::new();
        file.read_to_end(&mut text).map_err(io("reading"))?;
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let mut lines = text[..whole].split(|byte| *byte == b'\n').filter(|line| !line.is_empty());

        let mut journal = Self { file, path: path.to_owned(), length: whole as u64, broken: false, closed: false };
        let mut changes = Vec::new();
        match lines.next() {
            Some(header) if header != HEADER.as_bytes() => return Err(JournalError::Foreign { path: path.to_owned() }),
            Some(_) => {
                for (line, number) in lines.zip(2..) {
                    let change = serde_json::from_slice(line);
                    changes.push(change.map_err(|source| JournalError::Corrupt {
                        path: path.to_owned(),
                        line: number,
                        source,
                    })?);
                }
            }
            None if text.is_empty() || HEADER.as_bytes().starts_with(&text) => {
                journal.write_line(HEADER).map_err(io("writing to"))?;
                sync_folder(path).map_err(io("syncing the folder of"))?;
            }
            None => return Err(JournalError::Foreign { path: path.to_owned() }),
        }
        if whole < text.len() && whole > 0 {
            tracing::warn!(path = %path.display(), bytes = text.len() - whole, "cut off an unfinished last line");
            journal.undo().map_err(io("cutting an unfinished last line off"))?;
        }
        Ok((journal, changes))
    }

    /// Returns once the change is on disk. After an error the file is as it was before.
    pub(crate) fn append(&mut self, change: &Change) -> Result<(), JournalError> {
        if self.closed {
            return Err(JournalError::Closed { path: self.path.clone() });
        }
        if self.broken {
            return Err(JournalError::Broken { path: self.path.clone() });
        }
        let written =
            serde_json::to_string(change).map_err(std::io::Error::other).and_then(|line| self.write_line(&line));
        written.map_err(|source| {
            self.broken = self.undo().is_err();
            JournalError::Io { action: "writing to", path: self.path.clone(), source }
        })
    }

    /// Unlocks the file; later changes are refused.
    pub(crate) fn close(&mut self) {
        self.closed = true;
        if let Err(error) = self.file.unlock() {
            tracing::warn!(path = %self.path.display(), %error, "could not unlock the file");
        }
    }

    fn write_line(&mut self, line: &str) -> std::io::Result<()> {
        self.file.seek(SeekFrom::Start(self.length))?;
        let line = format!("{line}\n");
        self.file.write_all(line.as_bytes())?;
        self.file.sync_data()?;
        self.length += line.len() as u64;
        Ok(())
    }

    fn undo(&mut self) -> std::io::Result<()> {
        self.file.set_len(self.length)?;
        self.file.sync_data()
    }
}

/// Makes the new file's name durable, not only its content.
fn sync_folder(path: &Path) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compatibility::Level;

    fn change(level: Level) -> Change {
        Change::LevelSet { subject: Some("s".to_owned()), level: Some(level) }
    }

    #[test]
    fn what_was_appended_is_read_back_after_any_torn_tail() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("registry.jsonl");
        let (mut journal, changes) = Journal::open(&path).unwrap();
        assert_eq!(changes, []);
        journal.append(&change(Level::Full)).unwrap();
        drop(journal);
        let whole = std::fs::read(&path).unwrap();
        let (mut journal, _) = Journal::open(&path).unwrap();
        journal.append(&change(Level::Forward)).unwrap();
        drop(journal);
        let longer = std::fs::read(&path).unwrap();

        for cut in whole.len()..longer.len() {
            std::fs::write(&path, &longer[..cut]).unwrap();
            let (mut journal, changes) = Journal::open(&path).unwrap();
            assert_eq!(changes, [change(Level::Full)], "cut at {cut}");
            journal.append(&change(Level::None)).unwrap();
            drop(journal);
            let (_, changes) = Journal::open(&path).unwrap();
            assert_eq!(changes, [change(Level::Full), change(Level::None)], "cut at {cut}");
        }
        for cut in 0..HEADER.len() {
            std::fs::write(&path, &longer[..cut]).unwrap();
            assert_eq!(Journal::open(&path).unwrap().1, [], "cut at {cut}");
        }
    }

    #[test]
    fn a_damaged_line_a_foreign_file_and_a_second_process_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("registry.jsonl");
        std::fs::write(&path, format!("{HEADER}\n{{\"change\":\"levelset\"}}\n")).unwrap();
        assert!(matches!(Journal::open(&path), Err(JournalError::Corrupt { line: 2, .. })));
        for foreign in ["hello\n", "hello"] {
            std::fs::write(&path, foreign).unwrap();
            assert!(matches!(Journal::open(&path), Err(JournalError::Foreign { .. })));
            assert_eq!(std::fs::read_to_string(&path).unwrap(), foreign);
        }
        std::fs::remove_file(&path).unwrap();
        let _open = Journal::open(&path).unwrap();
        assert!(matches!(Journal::open(&path), Err(JournalError::Locked { .. })));
    }
}
