//! The demo's summary as text: each stage in the order of the flow, a few customers, one customer's history, the verdict.

use super::report::Report;
use crate::table;
use deployer::{Rows, Variables};
use std::fmt::Write as _;
use uuid::Uuid;

/// The customer with this id and a few others.
pub(crate) fn customers(variables: &Variables, id: Uuid) -> String {
    let Variables { database, core, .. } = variables;
    format!(
        "SELECT CUSTOMER_ID, FIRST_NAME, LAST_NAME, CITY, COUNTRY, LOYALTY_TIER, SEQUENCE, IS_DELETED
        FROM {database}.{core}.CUSTOMERS
        ORDER BY IFF(CUSTOMER_ID = '{id}', 0, 1), SEQUENCE DESC, CUSTOMER_ID LIMIT 5"
    )
}

/// Everything that happened to one customer.
pub(crate) fn history(variables: &Variables, id: Uuid) -> String {
    let Variables { database, core, .. } = variables;
    format!(
        "SELECT SEQUENCE, CHANGE, CITY, COUNTRY, LOYALTY_TIER, MARKETING_CONSENT, VALID_FROM, VALID_TO, IS_CURRENT
        FROM {database}.{core}.CUSTOMERS_HISTORY WHERE CUSTOMER_ID = '{id}' ORDER BY SEQUENCE"
    )
}

pub(crate) fn text(report: &Report, customers: &Rows, history: &Rows) -> String {
    let mut text = String::new();
    let mut line = |stage: &str, what: String| {
        let _ = writeln!(text, "{stage:<9} {what}");
    };
    let Report { deployer, producer, kafka, sink, pipe, tasks, tables, .. } = report;
    line(
        "deployer",
        format!(
            "{} objects created from sql/; applied again: {} changes",
            deployer.objects_created, deployer.changes_on_second_apply
        ),
    );
    let versions: Vec<_> =
        producer.by_schema_version.iter().map(|(version, records)| format!("{records} in v{version}")).collect();
    line(
        "producer",
        format!(
            "{} batches: {} creates, {} updates, {} deletes, {} re-creates; {}",
            producer.batches,
            producer.creates,
            producer.updates,
            producer.deletes,
            producer.recreates,
            versions.join(", ")
        ),
    );
    line(
        "",
        format!(
            "besides: a customer with {} late event, {} event sent twice, {} record of garbage",
            producer.late, producer.duplicates, producer.poison
        ),
    );
    line(
        "kafka",
        format!(
            "{} records in {} partitions of {}; {} in the dead letters",
            kafka.records, kafka.partitions, kafka.topic, kafka.dead_letters
        ),
    );
    line("sink", format!("{} files, {} rows, {} bytes; they tile the log", sink.files, sink.rows, sink.bytes));
    line("pipe", format!("{} files loaded, {} rows staged", pipe.files, pipe.rows));
    line(
        "tasks",
        format!(
            "{} merges succeeded, {} failed, {} ticks without new events",
            tasks.succeeded, tasks.failed, tasks.skipped
        ),
    );
    line(
        "tables",
        format!(
            "CUSTOMERS: {} rows, {} live, {} deleted; CUSTOMERS_HISTORY: {} rows, {} versions; {} rejected",
            tables.customers, tables.live, tables.deleted, tables.history_rows, tables.versions, tables.rejected
        ),
    );
    let _ = write!(
        text,
        "\nCUSTOMERS, five of {}\n\n{}",
        tables.customers,
        table::render(&customers.columns, &customers.rows)
    );
    let _ = write!(
        text,
        "\nCUSTOMERS_HISTORY of the customer whose second event came last\n\n{}\n",
        table::render(&history.columns, &history.rows)
    );
    for difference in &report.differences {
        let _ = writeln!(text, "DIFFERS   {difference}");
    }
    let verdict = if report.matches_reference { "match" } else { "DO NOT MATCH" };
    let _ = writeln!(text, "Both tables {verdict} the reference model. {:.1} s.", report.seconds);
    text
}
