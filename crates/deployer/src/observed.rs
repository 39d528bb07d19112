//! What the warehouse holds, as SHOW and DESCRIBE say it. Only containers that are there are looked into, so that a first
//! deployment asks for nothing that cannot exist.

use crate::{
    client::{ClientError, Rows, Warehouse},
    object::{Kind, ObjectName},
    render::Rendered,
};
use std::collections::{BTreeMap, BTreeSet};

/// An object's row of SHOW, by column in lower case; NULL is left out.
pub(crate) type Properties = BTreeMap<String, String>;

/// The objects that are there, of the kinds and in the places that were asked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Observed {
    objects: BTreeMap<(Kind, ObjectName), Properties>,
    columns: BTreeMap<ObjectName, Vec<ObservedColumn>>,
    filled: BTreeSet<ObjectName>,
}

/// A row of DESCRIBE TABLE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ObservedColumn {
    pub(crate) name: String,
    pub(crate) data_type: String,
    pub(crate) nullable: bool,
}

/// A question that the warehouse did not answer.
#[derive(Debug, thiserror::Error)]
#[error("looking at what is there with `{statement}`: {source}")]
pub struct ObserveError {
    pub statement: String,
    pub source: ClientError,
}

impl Observed {
    /// Looks for every one of `desired`.
    pub(crate) async fn of(warehouse: &dyn Warehouse, desired: &[Rendered]) -> Result<Self, ObserveError> {
        let mut observed = Self::default();
        // Containers first: the kinds sort that way.
        let places: BTreeSet<(Kind, Option<String>, Option<String>)> = desired
            .iter()
            .map(|object| (object.kind, object.name.database.clone(), object.name.schema.clone()))
            .collect();
        for (kind, database, schema) in places {
            let scope = match (&database, &schema) {
                (None, _) => String::new(),
                (Some(database), None) => format!(" IN DATABASE {database}"),
                (Some(database), Some(schema)) => format!(" IN SCHEMA {database}.{schema}"),
            };
            if !observed.holds_container(database.as_deref(), schema.as_deref()) {
                continue;
            }
            let rows = ask(warehouse, format!("SHOW {}S{scope}", kind.as_sql())).await?;
            for properties in properties(&rows) {
                let Some(name) = properties.get("name").cloned() else { continue };
                let name = ObjectName { database: database.clone(), schema: schema.clone(), name };
                observed.objects.insert((kind, name), properties);
            }
        }
        for object in desired.iter().filter(|object| object.kind == Kind::Table) {
            if observed.get(Kind::Table, &object.name).is_some() {
                observed.describe(warehouse, &object.name).await?;
            }
        }
        Ok(observed)
    }

    /// An object's properties, where it is there.
    pub(crate) fn get(&self, kind: Kind, name: &ObjectName) -> Option<&Properties> {
        self.objects.get(&(kind, name.clone()))
    }

    /// The columns of a table that is there.
    pub(crate) fn columns(&self, table: &ObjectName) -> &[ObservedColumn] {
        self.columns.get(table).map(Vec::as_slice).unwrap_or_default()
    }

    /// Whether a table has rows.
    pub(crate) fn has_rows(&self, table: &str) -> bool {
        self.filled.iter().any(|name| name.to_string() == table)
    }

    fn holds_container(&self, database: Option<&str>, schema: Option<&str>) -> bool {
        let name = |database: Option<&str>, name: &str| ObjectName {
            database: database.map(str::to_owned),
            schema: None,
            name: name.to_owned(),
        };
        match (database, schema) {
            (None, _) => true,
            (Some(database), None) => self.get(Kind::Database, &name(None, database)).is_some(),
            (Some(database), Some(schema)) => self.get(Kind::Schema, &name(Some(database), schema)).is_some(),
        }
    }

    async fn describe(&mut self, warehouse: &dyn Warehouse, table: &ObjectName) -> Result<(), ObserveError> {
        let rows = ask(warehouse, format!("DESCRIBE TABLE {table}")).await?;
        let column = |properties: Properties| {
            Some(ObservedColumn {
                name: properties.get("name")?.clone(),
                data_type: properties.get("type")?.clone(),
                nullable: properties.get("null?").is_none_or(|null| null.to_uppercase().starts_with(['Y', 'T'])),
            })
        };
        self.columns.insert(table.clone(), properties(&rows).filter_map(column).collect());
        if !ask(warehouse, format!("SELECT 1 FROM {table} LIMIT 1")).await?.rows.is_empty() {
            self.filled.insert(table.clone());
        }
        Ok(())
    }
}

async fn ask(warehouse: &dyn Warehouse, statement: String) -> Result<Rows, ObserveError> {
    warehouse.query(&statement).await.map_err(|source| ObserveError { statement, source })
}

fn properties(rows: &Rows) -> impl Iterator<Item = Properties> + '_ {
    let columns: Vec<String> = rows.columns.iter().map(|column| column.to_lowercase()).collect();
    rows.rows.iter().map(move |row| {
        let filled = columns.iter().zip(row).filter_map(|(column, value)| Some((column.clone(), value.clone()?)));
        filled.collect()
    })
}
