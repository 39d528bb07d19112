//! Many cases through one warehouse: each case's customers and offsets are moved aside, so that all of them travel in the
//! same loads and merges and are told apart afterwards.

use super::server::Server;
use crate::support::eventually;
use anyhow::Context as _;
use deployer::{Client, Kind, Rendered, TaskState, Templates, Variables, Warehouse as _};
use serde_json::Value;
use std::time::Duration;
use testkit::{Case, LogPosition, Record, Tables, loose::LooseWriter, read};

/// How far apart the offsets of two cases are.
const APART: i64 = 1_000_000;

/// The name under which a run fails whose merges leave something in the streams.
pub(crate) const MERGED_ONCE: &str = "every-load-is-merged-once";

/// How long the pipe may take with one load.
const PIPE_DEADLINE: Duration = Duration::from_mins(3);

/// Which of the two tables a run fills and looks at; the other costs time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    Both,
    Customers,
    History,
}

/// One deployment of sql/ in a database of its own.
pub(crate) struct Lab<'a> {
    server: &'a Server,
    client: Client,
    variables: Variables,
    merges: Vec<(Scope, String)>,
    writer: LooseWriter,
    loaded: usize,
}

impl<'a> Lab<'a> {
    /// Deploys `templates`; the tasks stay suspended, since [`run`](Self::run) runs their statements itself.
    pub(crate) async fn deploy(
        server: &'a Server,
        database: &str,
        templates: &Templates,
    ) -> Result<Self, deployer::Error> {
        let mut variables = Server::variables(database);
        variables.tasks = TaskState::Suspended;
        Self::deploy_with(server, variables, templates).await
    }

    pub(crate) async fn deploy_with(
        server: &'a Server,
        variables: Variables,
        templates: &Templates,
    ) -> Result<Self, deployer::Error> {
        let client = server.client();
        let objects = deployer::render(templates, &variables)?;
        deployer::apply_on(&client, &objects, &variables).await?;
        let merge = |object: &Rendered| {
            let statement = object.text.split_once("\nAS\n").expect("a task's statement").1.to_owned();
            let history = object.name.name == "MERGE_CUSTOMERS_HISTORY";
            (if history { Scope::History } else { Scope::Customers }, statement)
        };
        let merges = objects.iter().filter(|object| object.kind == Kind::Task).map(merge).collect();
        let writer = LooseWriter::new(&variables.topic);
        Ok(Self { server, client, variables, merges, writer, loaded: 0 })
    }

    /// Every case, load by load; what differs then.
    pub(crate) async fn run(&mut self, cases: &[Case], scope: Scope) -> anyhow::Result<Vec<String>> {
        let loads = cases.iter().map(|case| case.batches.len()).max().unwrap_or_default();
        for load in 0..loads {
            let mut records = Vec::new();
            for (index, case) in cases.iter().enumerate() {
                records.extend(case.batches.get(load).into_iter().flatten().map(|record| aside(record, index)));
            }
            self.load(&records).await?;
            self.merge(scope).await?;
        }
        self.failures(cases, scope).await
    }

    /// What differs from the cases, a text for each case that does, its name first.
    pub(crate) async fn failures(&self, cases: &[Case], scope: Scope) -> anyhow::Result<Vec<String>> {
        failures(&self.client, &self.variables, cases, scope).await
    }

    /// Puts the records into files and waits until the pipe has loaded them.
    pub(crate) async fn load(&mut self, records: &[Record]) -> anyhow::Result<()> {
        for file in self.writer.files(records)? {
            self.server.put(&self.variables, &file.key, file.bytes);
        }
        self.loaded += records.len();
        let Variables { database, staging, .. } = &self.variables;
        let (asked, wanted) =
            (format!("SELECT COUNT(*) FROM {database}.{staging}.CUSTOMER_EVENTS"), self.loaded.to_string());
        eventually("the pipe", PIPE_DEADLINE, || async {
            let rows = self.client.query(&asked).await.map_err(|error| error.to_string())?;
            let count = rows.first().unwrap_or_default();
            if count == wanted { Ok(()) } else { Err(format!("{count} of {wanted} rows")) }
        })
        .await;
        Ok(())
    }

    /// What the tasks would do.
    async fn merge(&self, scope: Scope) -> anyhow::Result<()> {
        for (_, merge) in self.merges.iter().filter(|(of, _)| scope.covers(*of)) {
            self.client.query(merge).await?;
        }
        Ok(())
    }
}

impl Scope {
    fn covers(self, other: Self) -> bool {
        self == Self::Both || self == other
    }
}

/// What a deployment's tables and streams have that the cases do not say, a text for each case that differs, its name
/// first.
pub(crate) async fn failures(
    client: &Client,
    variables: &Variables,
    cases: &[Case],
    scope: Scope,
) -> anyhow::Result<Vec<String>> {
    let Variables { database, staging, core, .. } = variables;
    let ask = async |sql: String| {
        let deployer::Rows { columns, rows } = client.query(&sql).await.context(sql)?;
        Ok(read::Answer { columns, rows })
    };
    let tables = read::tables(&format!("{database}.{core}"), ask).await?;
    let got = apart(tables, cases.len());
    let mut failures: Vec<String> =
        cases.iter().zip(got).filter_map(|(case, got)| difference(case, got, scope)).collect();
    let streams = [(Scope::Customers, "CUSTOMERS_STREAM"), (Scope::History, "CUSTOMERS_HISTORY_STREAM")];
    for (_, stream) in streams.into_iter().filter(|(of, _)| scope.covers(*of)) {
        let asked = format!("SELECT SYSTEM$STREAM_HAS_DATA('{database}.{staging}.{stream}')");
        if client.query(&asked).await?.first() != Some("false") {
            failures.push(format!("{MERGED_ONCE}: {stream} still has data after its merge"));
        }
    }
    Ok(failures)
}

/// The record as the case with this number has it, out of the others' way.
pub(crate) fn aside(record: &Record, index: usize) -> Record {
    let mut record = record.clone();
    record.position.offset += APART * index as i64;
    if let Some(Value::String(id)) = record.value.as_mut().and_then(|value| value.get_mut("customer_id"))
        && !id.is_empty()
    {
        *id = format!("{index:04}/{id}");
    }
    record
}

/// What the tables hold of each case, as it would be alone.
fn apart(tables: Tables, cases: usize) -> Vec<Tables> {
    let mut apart = vec![Tables { conflicts: Some(Vec::new()), ..Tables::default() }; cases];
    let of = |id: &mut String| {
        let (index, own) = id.split_once('/').expect("every customer was moved aside");
        let index: usize = index.parse().expect("a case's number");
        *id = own.to_owned();
        index
    };
    let of_position = |position: &mut LogPosition| {
        let index = position.offset / APART;
        position.offset %= APART;
        index as usize
    };
    for mut row in tables.customers {
        apart[of(&mut row.customer_id)].customers.push(row);
    }
    for mut row in tables.history {
        apart[of(&mut row.customer_id)].history.push(row);
    }
    for mut row in tables.rejected {
        apart[of_position(&mut row.position)].rejected.push(row);
    }
    for mut row in tables.conflicts.unwrap_or_default() {
        of_position(&mut row.applied);
        apart[of_position(&mut row.position)].conflicts.get_or_insert_default().push(row);
    }
    apart
}

/// `None` where the case holds; otherwise its name and the first row that differs in each table.
fn difference(case: &Case, mut got: Tables, scope: Scope) -> Option<String> {
    let mut expected = case.expected.clone();
    if expected.conflicts.is_none() {
        got.conflicts = None;
    }
    for tables in [&mut got, &mut expected] {
        if !scope.covers(Scope::Customers) {
            tables.customers.clear();
        }
        if !scope.covers(Scope::History) {
            tables.history.clear();
        }
    }
    if got == expected {
        return None;
    }
    let value = |tables: &Tables| serde_json::to_value(tables).expect("JSON");
    let (got, expected) = (value(&got), value(&expected));
    let rows = |tables: &Value, name: &str| tables[name].as_array().cloned().unwrap_or_default();
    let mut texts = vec![format!("{}: {}", case.name, case.why)];
    for table in ["customers", "history", "rejected", "conflicts"] {
        let (got, expected) = (rows(&got, table), rows(&expected, table));
        let first = (0..got.len().max(expected.len())).find(|row| got.get(*row) != expected.get(*row));
        if let Some(row) = first {
            let show = |rows: &[Value]| rows.get(row).map_or("no such row".to_owned(), Value::to_string);
            texts.push(format!("  {table} row {row}:\n    is       {}\n    expected {}", show(&got), show(&expected)));
        }
    }
    Some(texts.join("\n"))
}
