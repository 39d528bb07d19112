//! From what should be and what is there to the statements between them, and to the hazards that forbid them.

use crate::{
    config::{TaskState, Variables},
    desired::{self, FormError},
    object::{Kind, ObjectName},
    observed::{Observed, Properties},
    render::Rendered,
};
use serde::Serialize;
use std::fmt;

/// What an apply would do.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Plan {
    /// In the order of execution.
    pub steps: Vec<Step>,
    /// What forbids the whole plan: nothing is executed while there is one.
    pub refusals: Vec<Refusal>,
    /// Differences that do no harm and are left alone.
    pub notes: Vec<String>,
}

/// One statement.
#[derive(Debug, Clone, Serialize)]
pub struct Step {
    pub action: Action,
    pub kind: Kind,
    pub name: ObjectName,
    /// The template that the object comes from, relative to sql/.
    pub file: String,
    /// The statement, secrets replaced.
    pub text: String,
    #[serde(skip)]
    pub(crate) run: Run,
}

/// What is sent for a step.
#[derive(Debug, Clone)]
pub(crate) enum Run {
    /// The text as it is shown.
    Text,
    /// The object's own statement, which may hold secrets.
    Create(Box<Rendered>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    Create,
    Replace,
    AddColumn,
    Suspend,
    Resume,
}

/// A change that is not made because of what it would lose.
#[derive(Debug, Clone, Serialize)]
pub struct Refusal {
    pub hazard: Hazard,
    pub kind: Kind,
    pub name: ObjectName,
    pub file: String,
    /// What is there, what is wanted, and the way out.
    pub reason: String,
}

/// What a change would lose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Hazard {
    /// A stream's place: rows would be merged never.
    OffsetLoss,
    /// A stream that can no longer be read.
    StreamStale,
    /// A pipe's memory of what it loaded.
    LoadHistoryLoss,
    /// A table's data.
    DataLoss,
}

impl fmt::Display for Hazard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OffsetLoss => "OFFSET_LOSS",
            Self::StreamStale => "STREAM_STALE",
            Self::LoadHistoryLoss => "LOAD_HISTORY_LOSS",
            Self::DataLoss => "DATA_LOSS",
        })
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Create => "create",
            Self::Replace => "replace",
            Self::AddColumn => "add a column to",
            Self::Suspend => "suspend",
            Self::Resume => "resume",
        })
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Step { action, kind, name, .. } in &self.steps {
            writeln!(f, "{action} {kind} {name}")?;
        }
        for Refusal { hazard, kind, name, reason, .. } in &self.refusals {
            writeln!(f, "REFUSED {hazard}: {kind} {name}: {reason}")?;
        }
        for note in &self.notes {
            writeln!(f, "note: {note}")?;
        }
        if self.steps.is_empty() && self.refusals.is_empty() {
            writeln!(f, "no change")?;
        }
        Ok(())
    }
}

/// Compares.
pub(crate) fn plan(desired: &[Rendered], observed: &Observed, variables: &Variables) -> Result<Plan, FormError> {
    let mut plan = Plan::default();
    let mut fresh = Vec::new();
    for object in desired {
        match observed.get(object.kind, &object.name) {
            None => plan.create(object, observed)?,
            Some(properties) => plan.compare(object, properties, observed)?,
        }
        if object.kind == Kind::Task {
            fresh.push(object);
        }
    }
    plan.bracket_with_tasks(&fresh, observed, variables);
    Ok(plan)
}

impl Plan {
    fn step(&mut self, action: Action, object: &Rendered, text: String) {
        let (kind, name, file) = (object.kind, object.name.clone(), object.file.clone());
        self.steps.push(Step { action, kind, name, file, text, run: Run::Text });
    }

    fn whole(&mut self, action: Action, object: &Rendered) {
        self.step(action, object, object.text.clone());
        if let Some(step) = self.steps.last_mut() {
            step.run = Run::Create(Box::new(object.clone()));
        }
    }

    fn refuse(&mut self, hazard: Hazard, object: &Rendered, reason: String) {
        let (kind, name, file) = (object.kind, object.name.clone(), object.file.clone());
        self.refusals.push(Refusal { hazard, kind, name, file, reason });
    }

    fn create(&mut self, object: &Rendered, observed: &Observed) -> Result<(), FormError> {
        if object.kind == Kind::Stream {
            let table = desired::stream_table(object)?;
            if observed.has_rows(&table) {
                let reason = format!(
                    "it is gone while {table} has rows: a new one would show none of them. Create it by hand with \
                     SHOW_INITIAL_ROWS = TRUE, which merges everything again and changes nothing twice"
                );
                self.refuse(Hazard::OffsetLoss, object, reason);
                return Ok(());
            }
        }
        self.whole(Action::Create, object);
        Ok(())
    }

    fn compare(&mut self, object: &Rendered, seen: &Properties, observed: &Observed) -> Result<(), FormError> {
        let value = |name: &str| seen.get(name).map(String::as_str).unwrap_or_default();
        match object.kind {
            Kind::Database | Kind::Schema | Kind::Warehouse | Kind::FileFormat => {}
            Kind::View => {
                if desired::view_query(value("text")) != desired::view_query(&object.text) {
                    self.whole(Action::Replace, object);
                }
            }
            Kind::Table => self.columns(object, observed)?,
            Kind::Stage => {
                let url = desired::setting(&object.text, "URL").unwrap_or_default();
                if value("url") != url {
                    let reason = format!(
                        "it points to {}, wanted is {url}. Replacing it breaks the pipe's memory of what it loaded; \
                         deploy into another database, or move the stage by hand",
                        value("url")
                    );
                    self.refuse(Hazard::LoadHistoryLoss, object, reason);
                }
            }
            Kind::Pipe => {
                if desired::fold(value("definition")) != desired::pipe(object)? {
                    let reason = "its COPY statement differs. A new pipe would load every file of the last days again; \
                                  pause it, wait until nothing is pending, replace it by hand and refresh what is missing";
                    self.refuse(Hazard::LoadHistoryLoss, object, reason.to_owned());
                }
            }
            Kind::Stream => {
                let table = desired::stream_table(object)?;
                if value("table_name").to_uppercase() != table || value("mode") != "APPEND_ONLY" {
                    let reason = format!(
                        "it is on {} in mode {}, wanted is {table} in mode APPEND_ONLY. Replacing it loses its place; \
                         let its task empty it, then drop it",
                        value("table_name"),
                        value("mode"),
                    );
                    self.refuse(Hazard::OffsetLoss, object, reason);
                } else if value("stale").eq_ignore_ascii_case("true") {
                    let reason = "it is stale: rows that it has not shown are lost to it. Replace it by hand with \
                                  SHOW_INITIAL_ROWS = TRUE, which merges everything again and changes nothing twice";
                    self.refuse(Hazard::StreamStale, object, reason.to_owned());
                }
            }
            Kind::Task => {
                let task = desired::task(object)?;
                let same = desired::fold(value("definition")) == task.definition
                    && desired::fold(value("condition")) == task.condition
                    && value("schedule").eq_ignore_ascii_case(&task.schedule)
                    && value("warehouse").eq_ignore_ascii_case(task.warehouse.as_deref().unwrap_or_default());
                if !same {
                    self.whole(Action::Replace, object);
                }
            }
        }
        Ok(())
    }

    fn columns(&mut self, object: &Rendered, observed: &Observed) -> Result<(), FormError> {
        let wanted = desired::columns(object)?;
        let seen = observed.columns(&object.name);
        for column in &wanted {
            match seen.iter().find(|seen| seen.name == column.name) {
                None if column.nullable => {
                    let text = format!("ALTER TABLE {} ADD COLUMN {} {}", object.name, column.name, column.data_type);
                    self.step(Action::AddColumn, object, text);
                }
                None => {
                    let reason = format!("column {} is missing and must not be NULL; no row has a value", column.name);
                    self.refuse(Hazard::DataLoss, object, reason);
                }
                Some(seen) if !desired::same_type(&column.data_type, &seen.data_type) => {
                    let reason = format!(
                        "column {} is {}, wanted is {}; change it by hand, or deploy into another database",
                        column.name, seen.data_type, column.data_type
                    );
                    self.refuse(Hazard::DataLoss, object, reason);
                }
                Some(_) => {}
            }
        }
        for extra in seen.iter().filter(|seen| wanted.iter().all(|column| column.name != seen.name)) {
            self.notes.push(format!("column {} of {} is in no template; it stays", extra.name, object.name));
        }
        Ok(())
    }

    /// Running tasks stand still while anything changes, since a merge of yesterday's columns would take today's events
    /// off the stream; afterwards every task is brought into the state that is wanted.
    fn bracket_with_tasks(&mut self, tasks: &[&Rendered], observed: &Observed, variables: &Variables) {
        let changes = std::mem::take(&mut self.steps);
        let state = |task: &Rendered| {
            observed.get(Kind::Task, &task.name).and_then(|seen| seen.get("state")).map(|state| state.to_lowercase())
        };
        let started = |task: &Rendered| state(task).is_some_and(|state| state == TaskState::Started.as_str());
        let alter = |task: &Rendered, verb: &str| format!("ALTER TASK {} {verb}", task.name);
        let stand_still = !changes.is_empty() || variables.tasks == TaskState::Suspended;
        for task in tasks.iter().filter(|task| stand_still && started(task)) {
            self.step(Action::Suspend, task, alter(task, "SUSPEND"));
        }
        let resume_all = !changes.is_empty();
        self.steps.extend(changes);
        if variables.tasks == TaskState::Started {
            for task in tasks.iter().filter(|task| resume_all || !started(task)) {
                self.step(Action::Resume, task, alter(task, "RESUME"));
            }
        }
    }
}
