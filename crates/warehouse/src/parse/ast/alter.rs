//! ALTER, DROP and COMMENT.

use super::{Column, Name, Nullability, ObjectKind, StageOptions, TaskCondition, TaskOptions, WarehouseOptions};
use datafusion::sql::sqlparser::ast as sql;

#[derive(Debug, Clone)]
pub struct Alter {
    pub if_exists: bool,
    pub name: Name,
    pub action: AlterAction,
}

#[derive(Debug, Clone)]
pub enum AlterAction {
    Table(AlterTable),
    Stage(StageOptions),
    Task(AlterTask),
    Pipe(AlterPipe),
    Warehouse(AlterWarehouse),
    /// `ALTER kind name SET COMMENT = '…'` or `UNSET COMMENT`
    Comment {
        kind: ObjectKind,
        comment: Option<String>,
    },
    /// `ALTER kind name RENAME TO …`
    Rename {
        kind: ObjectKind,
        to: Name,
    },
}

#[derive(Debug, Clone)]
pub enum AlterTable {
    AddColumns { if_not_exists: bool, columns: Vec<Column> },
    DropColumns { if_exists: bool, columns: Vec<String> },
    RenameColumn { from: String, to: String },
    SetNullability { column: String, nullability: Nullability },
    SetDataType { column: String, data_type: sql::DataType },
    SetColumnComment { column: String, comment: Option<String> },
    SetChangeTracking(bool),
    SetRetentionDays(u32),
    ClusterBy(Option<String>),
}

#[derive(Debug, Clone)]
pub enum AlterTask {
    Resume,
    Suspend,
    Set(TaskOptions),
    ModifyDefinition(String),
    ModifyCondition(Box<TaskCondition>),
    RemoveCondition,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AlterPipe {
    SetPaused(bool),
    /// `REFRESH [PREFIX = '…']`
    Refresh {
        prefix: Option<String>,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AlterWarehouse {
    Resume { if_suspended: bool },
    Suspend,
    Set(WarehouseOptions),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drop {
    pub kind: ObjectKind,
    pub if_exists: bool,
    pub name: Name,
    /// `RESTRICT` refuses to drop a container that is not empty; CASCADE is Snowflake's default.
    pub restrict: bool,
}

/// `COMMENT [IF EXISTS] ON kind name IS '…'`; a column's name is its table's plus `column`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    pub if_exists: bool,
    pub kind: ObjectKind,
    pub name: Name,
    pub column: Option<String>,
    pub comment: String,
}
