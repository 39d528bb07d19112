//! `/schemas`: what the id in front of a record stands for.

use super::{
    Answer, Answered, Context, SchemaText,
    extract::{Params, flag, scope},
};
use crate::{
    catalog::{Catalog, Registered, SchemaId, Scope, Version},
    refusal::Refusal,
};
use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct IdParams {
    /// Only if this subject has it.
    subject: Option<String>,
    #[serde(deserialize_with = "flag")]
    fetch_max_id: bool,
    /// Clients send it; a schema can be asked for by its id as long as any version, deleted or not, has it.
    #[serde(deserialize_with = "flag")]
    deleted: bool,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct UsersParams {
    #[serde(deserialize_with = "flag")]
    deleted: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Schema {
    schema: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_id: Option<SchemaId>,
}

#[derive(Serialize)]
pub(super) struct SubjectVersion {
    subject: String,
    version: Version,
}

pub(super) async fn by_id(
    State(service): State<Context>,
    Path(id): Path<String>,
    Params(params): Params<IdParams>,
) -> Answered<Schema> {
    let (schema, highest) = find(&service, &id, &params)?;
    Ok(Answer(Schema { schema, max_id: params.fetch_max_id.then_some(highest) }))
}

pub(super) async fn text_by_id(
    State(service): State<Context>,
    Path(id): Path<String>,
    Params(params): Params<IdParams>,
) -> Result<SchemaText, Refusal> {
    find(&service, &id, &params).map(|(schema, _)| SchemaText(schema))
}

pub(super) async fn subjects(
    State(service): State<Context>,
    Path(id): Path<String>,
    Params(params): Params<UsersParams>,
) -> Answered<Vec<String>> {
    let mut subjects: Vec<_> = users(&service, &id, scope(params.deleted))?.into_iter().map(|v| v.subject).collect();
    subjects.dedup();
    Ok(Answer(subjects))
}

pub(super) async fn versions(
    State(service): State<Context>,
    Path(id): Path<String>,
    Params(params): Params<UsersParams>,
) -> Answered<Vec<SubjectVersion>> {
    users(&service, &id, scope(params.deleted)).map(Answer)
}

fn find(service: &Context, id: &str, params: &IdParams) -> Result<(String, SchemaId), Refusal> {
    let id = number(id)?;
    service.ask(|catalog| {
        let in_subject =
            |subject: &String| catalog.versions(subject, Scope::WithDeleted).iter().any(|version| version.id == id);
        let schema = catalog.schema(id).filter(|_| params.subject.as_ref().is_none_or(in_subject));
        schema.map(|schema| (schema.text.clone(), catalog.highest_id())).ok_or(Refusal::SchemaNotFound)
    })
}

fn users(service: &Context, id: &str, scope: Scope) -> Result<Vec<SubjectVersion>, Refusal> {
    let id = number(id)?;
    service.ask(|catalog| {
        catalog.schema(id).ok_or(Refusal::SchemaNotFound)?;
        let versions = catalog.subjects(Scope::WithDeleted).flat_map(|subject| with_id(catalog, subject, id, scope));
        Ok(versions.map(|v| SubjectVersion { subject: v.subject.to_owned(), version: v.version }).collect())
    })
}

fn with_id<'a>(
    catalog: &'a Catalog,
    subject: &str,
    id: SchemaId,
    scope: Scope,
) -> impl Iterator<Item = Registered<'a>> {
    catalog.versions(subject, scope).into_iter().filter(move |version| version.id == id)
}

/// An id that is no number is no schema's, as in Confluent's registry.
fn number(id: &str) -> Result<SchemaId, Refusal> {
    id.parse().map_err(|_| Refusal::SchemaNotFound)
}
