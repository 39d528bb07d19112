//! `/config` and `/mode`, for all subjects or for one.

use super::{
    Answer, Answered, Context, change,
    extract::{Body, NoParams, Params, Subject, flag},
};
use crate::{catalog::Mode, compatibility::Level, refusal::Refusal};
use axum::extract::State;
use serde::{Deserialize, Serialize};

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct OwnParams {
    #[serde(deserialize_with = "flag")]
    default_to_global: bool,
}

/// What is asked for and what is confirmed; a question is answered by [`LevelView`], as in Confluent's registry.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LevelBody {
    compatibility: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LevelView {
    compatibility_level: Level,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ModeBody {
    mode: String,
}

#[derive(Serialize)]
pub(super) struct ModeView {
    mode: Mode,
}

impl LevelBody {
    fn parse(&self) -> Result<Level, Refusal> {
        Level::parse(&self.compatibility).ok_or_else(|| Refusal::InvalidLevel(self.compatibility.clone()))
    }
}

impl ModeBody {
    fn parse(&self) -> Result<Mode, Refusal> {
        match self.mode.to_ascii_uppercase().as_str() {
            "READWRITE" => Ok(Mode::ReadWrite),
            "READONLY" => Ok(Mode::ReadOnly),
            _ => Err(Refusal::InvalidMode(self.mode.clone())),
        }
    }
}

pub(super) async fn level(State(service): State<Context>, Params(_): Params<OwnParams>) -> Answer<LevelView> {
    Answer(LevelView { compatibility_level: service.ask(crate::catalog::Catalog::level) })
}

pub(super) async fn own_level(
    State(service): State<Context>,
    Subject(subject): Subject,
    Params(params): Params<OwnParams>,
) -> Answered<LevelView> {
    let (own, global) = service.ask(|catalog| (catalog.own_level(&subject), catalog.level()));
    let level = own.or(params.default_to_global.then_some(global));
    level.map(|level| Answer(LevelView { compatibility_level: level })).ok_or(Refusal::NoOwnLevel(subject))
}

pub(super) async fn set_level(
    state: State<Context>,
    params: Params<NoParams>,
    body: Body<LevelBody>,
) -> Answered<LevelBody> {
    put_level(state, None, params, body).await
}

pub(super) async fn set_own_level(
    state: State<Context>,
    Subject(subject): Subject,
    params: Params<NoParams>,
    body: Body<LevelBody>,
) -> Answered<LevelBody> {
    put_level(state, Some(subject), params, body).await
}

async fn put_level(
    State(service): State<Context>,
    subject: Option<String>,
    Params(_): Params<NoParams>,
    Body(body): Body<LevelBody>,
) -> Answered<LevelBody> {
    let level = body.parse()?;
    change(service, move |service| service.set_level(subject, Some(level))).await?;
    Ok(Answer(LevelBody { compatibility: level.to_string() }))
}

pub(super) async fn reset_level(State(service): State<Context>, Params(_): Params<NoParams>) -> Answered<LevelView> {
    drop_level(service, None).await
}

pub(super) async fn reset_own_level(
    State(service): State<Context>,
    Subject(subject): Subject,
    Params(_): Params<NoParams>,
) -> Answered<LevelView> {
    drop_level(service, Some(subject)).await
}

async fn drop_level(service: Context, subject: Option<String>) -> Answered<LevelView> {
    let before = change(service, move |service| service.set_level(subject, None)).await?;
    Ok(Answer(LevelView { compatibility_level: before }))
}

pub(super) async fn mode(State(service): State<Context>, Params(_): Params<OwnParams>) -> Answer<ModeView> {
    Answer(ModeView { mode: service.ask(crate::catalog::Catalog::mode) })
}

pub(super) async fn own_mode(
    State(service): State<Context>,
    Subject(subject): Subject,
    Params(params): Params<OwnParams>,
) -> Answered<ModeView> {
    let (own, global) = service.ask(|catalog| (catalog.own_mode(&subject), catalog.mode()));
    let mode = own.or(params.default_to_global.then_some(global));
    mode.map(|mode| Answer(ModeView { mode })).ok_or(Refusal::NoOwnMode(subject))
}

pub(super) async fn set_mode(
    state: State<Context>,
    params: Params<NoParams>,
    body: Body<ModeBody>,
) -> Answered<ModeView> {
    put_mode(state, None, params, body).await
}

pub(super) async fn set_own_mode(
    state: State<Context>,
    Subject(subject): Subject,
    params: Params<NoParams>,
    body: Body<ModeBody>,
) -> Answered<ModeView> {
    put_mode(state, Some(subject), params, body).await
}

async fn put_mode(
    State(service): State<Context>,
    subject: Option<String>,
    Params(_): Params<NoParams>,
    Body(body): Body<ModeBody>,
) -> Answered<ModeView> {
    let mode = body.parse()?;
    change(service, move |service| service.set_mode(subject, Some(mode))).await?;
    Ok(Answer(ModeView { mode }))
}

pub(super) async fn reset_own_mode(
    State(service): State<Context>,
    Subject(subject): Subject,
    Params(_): Params<NoParams>,
) -> Answered<ModeView> {
    let before = change(service, move |service| service.set_mode(Some(subject), None)).await?;
    Ok(Answer(ModeView { mode: before }))
}
