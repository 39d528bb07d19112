//! COPY INTO, and the stages and file formats it reads from.

use super::Name;
use datafusion::sql::sqlparser::ast as sql;

/// `FILE_FORMAT = (FORMAT_NAME = …)` or `FILE_FORMAT = (TYPE = …)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileFormatRef {
    Named(Name),
    Inline(FileFormat),
}

/// A file format. Avro with Snowflake's defaults is the one kind there is: every other type and option is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileFormat {
    Avro,
}

/// `COPY INTO table [(columns)] FROM @stage/path | (SELECT … FROM @stage/path)`
#[derive(Debug, Clone)]
pub struct CopyInto {
    pub table: Name,
    /// Columns that the transformation's items fill, in order; empty: the table's own order.
    pub columns: Vec<String>,
    pub source: StagePath,
    pub transformation: Option<CopyTransformation>,
    pub file_format: Option<FileFormatRef>,
    /// `FILES = (…)`, relative to the source's path.
    pub files: Vec<String>,
    /// `PATTERN = '…'`: a regular expression that the whole path after the stage's URL must match.
    pub pattern: Option<String>,
    pub on_error: Option<OnError>,
    /// `FORCE = TRUE`: load files again that were loaded before.
    pub force: bool,
}

/// A stage and a path below its URL; the path has no slash in front.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StagePath {
    pub stage: Name,
    pub path: String,
}

/// The SELECT of a COPY: its items see `$1`, `alias.$1`, `METADATA$FILENAME`, `METADATA$FILE_ROW_NUMBER` and
/// `METADATA$START_SCAN_TIME`.
#[derive(Debug, Clone)]
pub struct CopyTransformation {
    pub items: Vec<sql::SelectItem>,
    pub alias: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnError {
    AbortStatement,
    Continue,
    SkipFile,
}
