//! `/schemas`: what the id in front of a record stands for.

use super::{Answer, Answered, Context, SchemaText, query::Query};
use crate::{
    catalog::{Catalog, Registered, SchemaId, Scope, Version},
    refusal::Refusal,
    service::{Format, SchemaView, VersionView},
};
use axum::extract::{Path, State};
use serde::Serialize;
use std::collections::BTreeMap;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Schema {
    #[serde(flatten)]
    view: SchemaView,
    #[serde(flatten)]
    place: Option<SubjectVersion>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_id: Option<SchemaId>,
}

#[derive(Serialize)]
pub(super) struct SubjectVersion {
    subject: String,
    version: Version,
}

/// Ids are counted in each context; the only one here is the default one.
#[derive(Serialize)]
pub(super) struct ContextId {
    context: &'static str,
    id: SchemaId,
}

pub(super) async fn list(State(service): State<Context>, query: Query) -> Answered<Vec<VersionView>> {
    let (scope, page, is_latest_only) = (query.scope_with_deleted()?, query.page()?, query.flag("latestOnly")?);
    let prefix = query.subject_prefix();
    Ok(Answer(service.ask(|catalog| {
        let all: Vec<_> = catalog.all(scope).filter(|version| version.subject.starts_with(prefix)).collect();
        let latest: BTreeMap<_, _> = all.iter().map(|version| (version.subject, version.version)).collect();
        let is_latest = |version: &Registered<'_>| latest.get(version.subject) == Some(&version.version);
        let wanted = all.iter().filter(|version| !is_latest_only || is_latest(version));
        page.of(wanted).into_iter().map(|version| VersionView::new(version, Format::AsRegistered)).collect()
    })))
}

/// A subject that has the schema is shown with its version; one that has not does not matter, as in Confluent's registry,
/// where it only names the context to look in.
pub(super) async fn by_id(State(service): State<Context>, Path(id): Path<String>, query: Query) -> Answered<Schema> {
    let (id, format, fetch_max_id) = (number(&id)?, query.format(), query.flag("fetchMaxId")?);
    service.ask(|catalog| {
        let schema = catalog.schema(id).ok_or(Refusal::SchemaNotFound)?;
        let place =
            catalog.versions(query.subject(), Scope::WithDeleted).into_iter().rev().find(|version| version.id == id);
        Ok(Answer(Schema {
            view: SchemaView::new(schema, format),
            place: place.as_ref().map(SubjectVersion::from),
            max_id: fetch_max_id.then_some(catalog.highest_id()),
        }))
    })
}

pub(super) async fn text_by_id(
    State(service): State<Context>,
    Path(id): Path<String>,
    query: Query,
) -> Result<SchemaText, Refusal> {
    let id = number(&id)?;
    service.ask(|catalog| {
        let schema = catalog.schema(id).ok_or(Refusal::SchemaNotFound)?;
        Ok(SchemaText(SchemaView::new(schema, query.format()).into_text()))
    })
}

pub(super) async fn by_guid(
    State(service): State<Context>,
    Path(guid): Path<String>,
    query: Query,
) -> Answered<Schema> {
    service.ask(|catalog| {
        let (_, schema) = catalog.by_guid(&guid).ok_or(Refusal::SchemaNotFound)?;
        Ok(Answer(Schema { view: SchemaView::new(schema, query.format()), place: None, max_id: None }))
    })
}

pub(super) async fn ids_by_guid(State(service): State<Context>, Path(guid): Path<String>) -> Answer<Vec<ContextId>> {
    let found = service.ask(|catalog| catalog.by_guid(&guid).map(|(id, _)| id));
    Answer(found.into_iter().map(|id| ContextId { context: ".", id }).collect())
}

pub(super) async fn subjects(
    State(service): State<Context>,
    Path(id): Path<String>,
    query: Query,
) -> Answered<Vec<String>> {
    let mut subjects: Vec<_> = users(&service, &id, &query)?.into_iter().map(|user| user.subject).collect();
    subjects.dedup();
    Ok(Answer(query.page()?.of(subjects)))
}

pub(super) async fn versions(
    State(service): State<Context>,
    Path(id): Path<String>,
    query: Query,
) -> Answered<Vec<SubjectVersion>> {
    Ok(Answer(query.page()?.of(users(&service, &id, &query)?)))
}

fn users(service: &Context, id: &str, query: &Query) -> Result<Vec<SubjectVersion>, Refusal> {
    let (id, scope) = (number(id)?, query.scope_with_deleted()?);
    service.ask(|catalog: &Catalog| {
        catalog.schema(id).ok_or(Refusal::SchemaNotFound)?;
        Ok(catalog
            .all(scope)
            .filter(|version| version.id == id)
            .map(|version| SubjectVersion::from(&version))
            .collect())
    })
}

impl From<&Registered<'_>> for SubjectVersion {
    fn from(known: &Registered<'_>) -> Self {
        Self { subject: known.subject.to_owned(), version: known.version }
    }
}

/// What is not a number is not the id of any schema, as in Confluent's registry.
fn number(id: &str) -> Result<SchemaId, Refusal> {
    id.parse().map_err(|_| Refusal::SchemaNotFound)
}
