//! Reading rows.

use crate::SqlError;
use datafusion::arrow::array::RecordBatch;

/// The hidden last column of every scan: a `UInt64` that stays with a row through updates.
pub const ROW_ID: &str = "METADATA$ROW_ID";

/// One group's rows, read when asked for, so that a scan holds few groups in memory.
#[derive(Debug, Clone)]
pub struct GroupScan {}

impl GroupScan {
    /// Rows that [`read`](Self::read) will return.
    pub fn rows(&self) -> usize {
        0
    }

    /// The rows: the table's columns (or those at the positions in `projection`, where the position after the last column
    /// is [`ROW_ID`]). Blocks on the disk.
    pub fn read(&self, projection: Option<&[usize]>) -> Result<Vec<RecordBatch>, SqlError> {
        let _ = projection;
        Err(SqlError::internal("skeleton"))
    }
}
