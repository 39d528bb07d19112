//! `/subjects`, `/contexts` and `/compatibility`.

use super::{
    Answer, Answered, Context, SchemaText, change,
    extract::{Body, SchemaBody, Subject},
    query::Query,
};
use crate::{
    catalog::{SchemaId, Scope, Version},
    refusal::Refusal,
    service::{Against, VersionName, VersionView, known},
};
use axum::extract::State;
use serde::Serialize;

#[derive(Serialize)]
pub(super) struct Compatibility {
    is_compatible: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    messages: Option<Vec<String>>,
}

/// The default context is the only one.
pub(super) async fn contexts(query: Query) -> Answered<Vec<&'static str>> {
    let prefix = query.text("contextPrefix").unwrap_or_default();
    Ok(Answer(query.page()?.of(Some(".").filter(|context| context.starts_with(prefix)))))
}

pub(super) async fn list(State(service): State<Context>, query: Query) -> Answered<Vec<String>> {
    let (scope, page, prefix) = (query.scope()?, query.page()?, query.subject_prefix());
    Ok(Answer(service.ask(|catalog| {
        let subjects = catalog.subjects(scope).filter(|subject| subject.starts_with(prefix));
        page.of(subjects.map(str::to_owned))
    })))
}

/// `deletedAsNegative` shows the deleted versions too, as negative numbers.
pub(super) async fn versions(
    State(service): State<Context>,
    Subject(subject): Subject,
    query: Query,
) -> Answered<Vec<Version>> {
    let (shows_negative, page) = (query.flag("deletedAsNegative")?, query.page()?);
    let scope = query.scope()?;
    service.ask(|catalog| {
        let mut versions = known(catalog, &subject, scope)?;
        if shows_negative {
            versions = catalog.versions(&subject, Scope::WithDeleted);
        }
        let number = |version: i32, is_deleted: bool| if is_deleted && shows_negative { -version } else { version };
        Ok(Answer(page.of(versions.iter().map(|known| number(known.version, known.is_deleted)))))
    })
}

pub(super) async fn version(
    State(service): State<Context>,
    Subject(subject): Subject,
    version: VersionName,
    query: Query,
) -> Answered<VersionView> {
    service.version(&subject, version, scope_of(version, &query)?, query.format()).map(Answer)
}

pub(super) async fn version_schema(
    State(service): State<Context>,
    Subject(subject): Subject,
    version: VersionName,
    query: Query,
) -> Result<SchemaText, Refusal> {
    let view = service.version(&subject, version, scope_of(version, &query)?, query.format())?;
    Ok(SchemaText(view.into_text()))
}

/// The latest version is an active one, whatever is asked of deleted ones, as in Confluent's registry.
fn scope_of(version: VersionName, query: &Query) -> Result<Scope, Refusal> {
    let scope = query.scope_with_deleted()?;
    Ok(if version == VersionName::Latest { Scope::Active } else { scope })
}

pub(super) async fn with_metadata(
    State(service): State<Context>,
    Subject(subject): Subject,
    query: Query,
) -> Answered<VersionView> {
    let properties: Vec<_> = query.all("key").map(str::to_owned).zip(query.all("value").map(str::to_owned)).collect();
    service.with_properties(&subject, &properties, query.scope_with_deleted()?, query.format()).map(Answer)
}

pub(super) async fn referenced_by(
    State(service): State<Context>,
    Subject(subject): Subject,
    version: VersionName,
    query: Query,
) -> Answered<Vec<SchemaId>> {
    let ids = service.referenced_by(&subject, version, query.scope_with_deleted()?)?;
    Ok(Answer(query.page()?.of(ids)))
}

/// `normalize` changes nothing: two texts that mean the same schema are one here in any case.
pub(super) async fn register(
    State(service): State<Context>,
    Subject(subject): Subject,
    query: Query,
    Body(body): Body<SchemaBody>,
) -> Answered<VersionView> {
    let (request, format) = (body.registration()?, query.format());
    change(service, move |service| service.register(&subject, request, format)).await.map(Answer)
}

pub(super) async fn look_up(
    State(service): State<Context>,
    Subject(subject): Subject,
    query: Query,
    Body(body): Body<SchemaBody>,
) -> Answered<VersionView> {
    service.look_up(&subject, body.content()?, query.scope_with_deleted()?, query.format()).map(Answer)
}

pub(super) async fn delete(
    State(service): State<Context>,
    Subject(subject): Subject,
    query: Query,
) -> Answered<Vec<Version>> {
    let how = query.deletion()?;
    change(service, move |service| service.delete_subject(&subject, how)).await.map(Answer)
}

pub(super) async fn delete_version(
    State(service): State<Context>,
    Subject(subject): Subject,
    version: VersionName,
    query: Query,
) -> Answered<Version> {
    let how = query.deletion()?;
    change(service, move |service| service.delete_version(&subject, version, how)).await.map(Answer)
}

pub(super) async fn compatibility(
    state: State<Context>,
    subject: Subject,
    query: Query,
    body: Body<SchemaBody>,
) -> Answered<Compatibility> {
    compare(state, subject, Against::Subject, &query, body)
}

pub(super) async fn compatibility_with_version(
    state: State<Context>,
    subject: Subject,
    version: VersionName,
    query: Query,
    body: Body<SchemaBody>,
) -> Answered<Compatibility> {
    compare(state, subject, Against::Version(version), &query, body)
}

fn compare(
    State(service): State<Context>,
    Subject(subject): Subject,
    against: Against,
    query: &Query,
    Body(body): Body<SchemaBody>,
) -> Answered<Compatibility> {
    let is_verbose = query.flag("verbose")?;
    let messages = match service.incompatibilities(&subject, body.content()?, against) {
        // An invalid schema is not compatible; with `verbose`, why not is asked for.
        Err(Refusal::InvalidSchema(reason)) if is_verbose => vec![Refusal::InvalidSchema(reason).to_string()],
        other => other?,
    };
    Ok(Answer(Compatibility { is_compatible: messages.is_empty(), messages: is_verbose.then_some(messages) }))
}
