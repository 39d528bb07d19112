//! Golden cases: the loads of a small log and the tables they must give, as JSON files.

use crate::{log::Record, model::Tables};
use anyhow::{Context as _, ensure};
use serde::{Deserialize, Serialize};
use std::{fs, path::Path};

/// One case. Its expected tables depend neither on the order nor on the batching of its records.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    pub name: String,
    /// The rule it holds the tables to.
    #[serde(default)]
    pub why: String,
    /// What each load brings.
    pub batches: Vec<Vec<Record>>,
    pub expected: Tables,
}

impl Case {
    pub fn records(&self) -> impl Iterator<Item = &Record> {
        self.batches.iter().flatten()
    }
}

/// Every case of a folder, by file name.
///
/// # Errors
/// When the folder has none, or a file is not a case.
pub fn read_folder(folder: &Path) -> anyhow::Result<Vec<Case>> {
    let entries = fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))?;
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    ensure!(!paths.is_empty(), "{} holds no cases", folder.display());
    let read = |path: &std::path::PathBuf| {
        let text = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
        serde_json::from_str(&text).with_context(|| format!("{} is not a case", path.display()))
    };
    paths.iter().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn folders() -> Vec<PathBuf> {
        let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/cases");
        std::env::var_os("EXTRA_CASES").map(PathBuf::from).into_iter().chain([own]).collect()
    }

    #[test]
    fn the_model_gives_what_every_golden_case_expects() {
        for folder in folders() {
            for case in read_folder(&folder).unwrap() {
                let mut tables = Tables::of(case.records()).unwrap();
                if case.expected.conflicts.is_none() {
                    tables.conflicts = None;
                }
                assert_eq!(tables, case.expected, "{}: {}", case.name, case.why);
            }
        }
    }

    #[test]
    fn the_golden_cases_cover_every_kind_of_row_and_every_reason() {
        let cases = read_folder(&folders().pop().unwrap()).unwrap();
        let text = serde_json::to_string(&cases).unwrap();
        for kind in [
            r#""change":"CREATE""#,
            r#""change":"UPDATE""#,
            r#""change":"DELETE""#,
            r#""change":"UNCHANGED""#,
            r#""tombstone":true"#,
            "missing customer_id",
            "missing sequence",
            "sequence below 1",
            "missing event_time",
            "event_time out of range",
            "unknown operation",
            "missing customer\"",
            "is not BOOLEAN",
        ] {
            assert!(text.contains(kind), "no case has {kind}");
        }
        assert!(cases.iter().any(|case| case.expected.conflicts.as_ref().is_some_and(|all| !all.is_empty())));
    }
}
