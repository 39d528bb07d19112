//! Carries a plan out, one statement after the other, and stops at the first failure with exactly what was done.

use crate::{
    client::Warehouse,
    error::Error,
    object::{Kind, ObjectName},
    plan::{Action, Plan, Run},
};
use serde::Serialize;
use std::{fmt, time::Duration, time::Instant};

/// What an apply did.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    pub done: Vec<Done>,
    /// Differences that do no harm and were left alone.
    pub notes: Vec<String>,
}

/// One statement that was executed.
#[derive(Debug, Clone, Serialize)]
pub struct Done {
    pub action: Action,
    pub kind: Kind,
    pub name: ObjectName,
    pub file: String,
    pub took: Duration,
}

impl Report {
    /// How many statements changed something; 0 where everything was as it should be.
    pub fn changes(&self) -> usize {
        self.done.len()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Done { action, kind, name, took, .. } in &self.done {
            writeln!(f, "{action} {kind} {name} ({} ms)", took.as_millis())?;
        }
        for note in &self.notes {
            writeln!(f, "note: {note}")?;
        }
        writeln!(f, "{} changes", self.changes())
    }
}

/// Executes a plan that nothing forbids.
pub(crate) async fn execute(warehouse: &dyn Warehouse, plan: Plan) -> Result<Report, Error> {
    if !plan.refusals.is_empty() {
        return Err(Error::Refused(plan.refusals));
    }
    let mut report = Report { done: Vec::new(), notes: plan.notes };
    for step in plan.steps {
        let statement = match &step.run {
            Run::Text => &step.text,
            Run::Create(object) => object.statement(),
        };
        let begun = Instant::now();
        tracing::debug!(file = step.file, name = %step.name, "{} {}", step.action, step.kind);
        if let Err(source) = warehouse.query(statement).await {
            let (file, statement) = (step.file, step.text);
            return Err(Error::Statement { file, statement, done: Box::new(report), source });
        }
        let (action, kind, name, file) = (step.action, step.kind, step.name, step.file);
        report.done.push(Done { action, kind, name, file, took: begun.elapsed() });
    }
    Ok(report)
}
