//! `/subjects` and `/compatibility`.

use super::{
    Answer, Answered, Context, SchemaText, change,
    extract::{Body, Params, SchemaBody, ScopeParams, Subject, flag, scope},
};
use crate::{
    catalog::{Deletion, SchemaId, Version},
    refusal::Refusal,
    service::{Against, VersionName, VersionView, known},
};
use axum::extract::State;
use serde::{Deserialize, Serialize};

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ListParams {
    #[serde(deserialize_with = "flag")]
    deleted: bool,
    subject_prefix: String,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct DeleteParams {
    #[serde(deserialize_with = "flag")]
    permanent: bool,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct CompatibilityParams {
    #[serde(deserialize_with = "flag")]
    verbose: bool,
    /// As in [`ScopeParams`].
    #[serde(deserialize_with = "flag")]
    normalize: bool,
}

#[derive(Serialize)]
pub(super) struct Id {
    id: SchemaId,
}

#[derive(Serialize)]
pub(super) struct Compatibility {
    is_compatible: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    messages: Option<Vec<String>>,
}

impl DeleteParams {
    fn how(&self) -> Deletion {
        if self.permanent { Deletion::Permanent } else { Deletion::Soft }
    }
}

pub(super) async fn list(State(service): State<Context>, Params(params): Params<ListParams>) -> Answered<Vec<String>> {
    Ok(Answer(service.ask(|catalog| {
        let subjects = catalog.subjects(scope(params.deleted));
        subjects.filter(|subject| subject.starts_with(&params.subject_prefix)).map(str::to_owned).collect()
    })))
}

pub(super) async fn versions(
    State(service): State<Context>,
    Subject(subject): Subject,
    Params(params): Params<ScopeParams>,
) -> Answered<Vec<Version>> {
    let versions = service.ask(|catalog| {
        let versions = known(catalog, &subject, params.scope())?;
        Ok::<_, Refusal>(versions.iter().map(|known| known.version).collect())
    });
    versions.map(Answer)
}

pub(super) async fn version(
    State(service): State<Context>,
    Subject(subject): Subject,
    version: VersionName,
    Params(params): Params<ScopeParams>,
) -> Answered<VersionView> {
    service.version(&subject, version, params.scope()).map(Answer)
}

pub(super) async fn version_schema(
    State(service): State<Context>,
    Subject(subject): Subject,
    version: VersionName,
    Params(params): Params<ScopeParams>,
) -> Result<SchemaText, Refusal> {
    service.version(&subject, version, params.scope()).map(|view| SchemaText(view.schema))
}

pub(super) async fn register(
    State(service): State<Context>,
    Subject(subject): Subject,
    Params(_): Params<ScopeParams>,
    Body(body): Body<SchemaBody>,
) -> Answered<Id> {
    let schema = body.parse()?;
    change(service, move |service| service.register(&subject, &schema)).await.map(|id| Answer(Id { id }))
}

pub(super) async fn look_up(
    State(service): State<Context>,
    Subject(subject): Subject,
    Params(params): Params<ScopeParams>,
    Body(body): Body<SchemaBody>,
) -> Answered<VersionView> {
    service.look_up(&subject, &body.parse()?, params.scope()).map(Answer)
}

pub(super) async fn delete(
    State(service): State<Context>,
    Subject(subject): Subject,
    Params(params): Params<DeleteParams>,
) -> Answered<Vec<Version>> {
    change(service, move |service| service.delete_subject(&subject, params.how())).await.map(Answer)
}

pub(super) async fn delete_version(
    State(service): State<Context>,
    Subject(subject): Subject,
    version: VersionName,
    Params(params): Params<DeleteParams>,
) -> Answered<Version> {
    change(service, move |service| service.delete_version(&subject, version, params.how())).await.map(Answer)
}

pub(super) async fn compatibility(
    state: State<Context>,
    subject: Subject,
    params: Params<CompatibilityParams>,
    body: Body<SchemaBody>,
) -> Answered<Compatibility> {
    compare(state, subject, Against::Subject, params, body)
}

pub(super) async fn compatibility_with_version(
    state: State<Context>,
    subject: Subject,
    version: VersionName,
    params: Params<CompatibilityParams>,
    body: Body<SchemaBody>,
) -> Answered<Compatibility> {
    compare(state, subject, Against::Version(version), params, body)
}

fn compare(
    State(service): State<Context>,
    Subject(subject): Subject,
    against: Against,
    Params(params): Params<CompatibilityParams>,
    Body(body): Body<SchemaBody>,
) -> Answered<Compatibility> {
    let messages = service.incompatibilities(&subject, &body.parse()?, against)?;
    Ok(Answer(Compatibility { is_compatible: messages.is_empty(), messages: params.verbose.then_some(messages) }))
}
