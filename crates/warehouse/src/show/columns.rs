//! SHOW COLUMNS.

use super::{Columns, PlanView, TEXT, comment, filter};
use crate::{
    Cell, QueryResult, Rows, SessionContext, SqlError, StatementKind,
    catalog::{QualifiedName, Relation, Table, View},
    parse::{ObjectKind, Show, ShowScope},
    storage::Snapshot,
    types::SqlType,
};

const COLUMNS: Columns = &[
    ("table_name", TEXT),
    ("schema_name", TEXT),
    ("column_name", TEXT),
    ("data_type", TEXT),
    ("null?", TEXT),
    ("default", TEXT),
    ("kind", TEXT),
    ("expression", TEXT),
    ("comment", TEXT),
    ("database_name", TEXT),
    ("autoincrement", TEXT),
    ("schema_evolution_record", TEXT),
];

pub(super) fn show(
    snapshot: &Snapshot,
    show: &Show,
    session: &SessionContext,
    plan_view: PlanView,
) -> Result<QueryResult, SqlError> {
    if show.terse || show.starts_with.is_some() {
        return Err(SqlError::unsupported("SHOW COLUMNS with TERSE or STARTS WITH", ""));
    }
    let catalog = snapshot.catalog();
    let mut listing = Listing { show, rows: Rows::new(COLUMNS) };
    if let Some(ShowScope::Table(name)) = &show.scope {
        match catalog.relation(&session.resolve(ObjectKind::Table, name)?)? {
            Relation::Table(table) => listing.table(table),
            Relation::View(view) => listing.view(view, plan_view)?,
            Relation::Stream(stream) => {
                return Err(SqlError::does_not_exist(ObjectKind::Table, &stream.header.name));
            }
        }
    } else {
        let (database, schema) = filter::scope(catalog, show, session)?;
        let inside = |name: &QualifiedName| {
            database.as_ref().is_none_or(|database| name.database == *database)
                && schema.as_ref().is_none_or(|schema| name.schema == *schema)
        };
        for table in catalog.list::<Table>().filter(|table| inside(&table.header.name)) {
            listing.table(table);
        }
        for view in catalog.list::<View>().filter(|view| inside(&view.header.name)) {
            listing.view(view, plan_view)?;
        }
    }
    listing.rows.finish(StatementKind::Show)
}

struct Listing<'a> {
    show: &'a Show,
    rows: Rows,
}

impl Listing<'_> {
    fn table(&mut self, table: &Table) {
        for column in &table.columns {
            self.push(
                &table.header.name,
                &column.name,
                column.data_type,
                column.nullable,
                [Cell::text(column.default.as_deref().unwrap_or_default()), comment(column.comment.as_ref())],
            );
        }
    }

    fn view(&mut self, view: &View, plan_view: PlanView) -> Result<(), SqlError> {
        let comments = |at: usize| view.columns.get(at).and_then(|column| column.comment.as_ref());
        for (at, column) in plan_view(view)?.into_iter().enumerate() {
            self.push(
                &view.header.name,
                &column.name,
                column.data_type,
                column.nullable,
                [Cell::text(""), comment(comments(at))],
            );
        }
        Ok(())
    }

    fn push(
        &mut self,
        relation: &QualifiedName,
        name: &str,
        data_type: SqlType,
        nullable: bool,
        [default, comment]: [Cell; 2],
    ) {
        let wanted = self.show.like.as_ref().is_none_or(|pattern| filter::like(pattern, name));
        if !wanted || self.rows.len() >= self.show.limit.unwrap_or(usize::MAX) {
            return;
        }
        self.rows.push(vec![
            Cell::text(&relation.name),
            Cell::text(&relation.schema),
            Cell::text(name),
            Cell::text(type_json(data_type, nullable)),
            Cell::text(if nullable { "true" } else { "NOT_NULL" }),
            default,
            Cell::text("COLUMN"),
            Cell::text(""),
            comment,
            Cell::text(&relation.database),
            Cell::text(""),
            Cell::Null,
        ]);
    }
}

/// The column's type as SHOW COLUMNS spells it, such as `{"type":"FIXED","precision":38,"scale":0,"nullable":true}`.
fn type_json(data_type: SqlType, nullable: bool) -> String {
    let body = match data_type {
        SqlType::Number { precision, scale } => format!(r#""type":"FIXED","precision":{precision},"scale":{scale}"#),
        SqlType::Float => r#""type":"REAL""#.to_owned(),
        SqlType::Varchar { length } => {
            // A character takes up to four bytes; no value is longer than 16 MiB.
            let bytes = (u64::from(length) * 4).min(16_777_216);
            format!(r#""type":"TEXT","length":{length},"byteLength":{bytes}"#)
        }
        SqlType::TimestampNtz { precision } => format!(r#""type":"TIMESTAMP_NTZ","precision":0,"scale":{precision}"#),
        SqlType::TimestampLtz { precision } => format!(r#""type":"TIMESTAMP_LTZ","precision":0,"scale":{precision}"#),
        SqlType::Binary { length } => format!(r#""type":"BINARY","length":{length},"byteLength":{length}"#),
        SqlType::Boolean | SqlType::Date | SqlType::Variant | SqlType::Object | SqlType::Array => {
            format!(r#""type":"{data_type}""#)
        }
    };
    format!("{{{body},\"nullable\":{nullable}}}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_spelled_as_json() {
        assert_eq!(
            type_json(SqlType::VARCHAR, true),
            r#"{"type":"TEXT","length":16777216,"byteLength":16777216,"nullable":true}"#
        );
        assert_eq!(type_json(SqlType::Variant, false), r#"{"type":"VARIANT","nullable":false}"#);
    }
}
