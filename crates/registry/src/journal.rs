//! The registry's one file: a line of JSON for each change, appended and synced before anyone hears of it. A change is
//! rare and small, so the whole file is read at the start and never rewritten.

use crate::catalog::Change;
use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
};

/// First line of the file; another one is another program's file, or a later format of this one.
const HEADER: &str = r#"{"format":"schema-registry-journal","version":1}"#;

/// Why the file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    #[error("schema registry file {path}: {action}: {source}")]
    Io { action: &'static str, path: PathBuf, source: std::io::Error },
    #[error("schema registry file {path} is in use by another process")]
    Locked { path: PathBuf },
    #[error("{path} is not a schema registry's file of a known version: its first line should be {HEADER}")]
    Foreign { path: PathBuf },
    #[error("schema registry file {path}, line {line}: {source}; restore the file from a copy")]
    Corrupt { path: PathBuf, line: usize, source: serde_json::Error },
    #[error("schema registry file {path}: an earlier write failed and could not be undone; restart the registry")]
    Broken { path: PathBuf },
    #[error("schema registry file {path}: the registry has stopped")]
    Closed { path: PathBuf },
}

/// The open file, locked against a second process until it is closed.
#[derive(Debug)]
pub(crate) struct Journal {
    file: File,
    path: PathBuf,
    /// Bytes that are known to be whole lines.
    length: u64,
    broken: bool,
    closed: bool,
}

impl Journal {
    /// Opens or creates the file and hands over the changes in it. A last line without its end is a write that nobody was
    /// told about: it is cut off.
    pub(crate) fn open(path: &Path) -> Result<(Self, Vec<Change>), JournalError> {
        let io = |action| move |source| JournalError::Io { action, path: path.to_owned(), source };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(io("cannot open or create it"))?;
        file.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => JournalError::Locked { path: path.to_owned() },
            TryLockError::Error(source) => io("cannot lock it")(source),
        })?;
        let mut text = Vec::new();
        file.read_to_end(&mut text).map_err(io("cannot read it"))?;
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
                journal.write_line(HEADER).map_err(io("cannot write to it"))?;
                sync_folder(path).map_err(io("cannot sync its folder"))?;
            }
            None => return Err(JournalError::Foreign { path: path.to_owned() }),
        }
        if whole < text.len() && whole > 0 {
            tracing::warn!(path = %path.display(), bytes = text.len() - whole, "cut off an unfinished last line");
            journal.undo().map_err(io("cannot cut off its unfinished last line"))?;
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
            JournalError::Io { action: "cannot write to it", path: self.path.clone(), source }
        })
    }

    /// Lets go of the file; nothing is written any more.
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

/// Makes the new file's name last, not only its content.
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
