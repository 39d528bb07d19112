//! `/config` and `/mode`, for all subjects or for one.

use super::{
    Answer, Answered, Context, change,
    extract::{Body, Subject},
    query::Query,
};
use crate::{
    catalog::{Catalog, Mode},
    compatibility::Level,
    metadata::{Metadata, RuleSet},
    refusal::Refusal,
    settings::{Setting, Settings},
};
use axum::extract::State;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

/// Settings in the answer to a question (`compatibilityLevel`) or as the confirmation of a change (`compatibility`).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SettingsView {
    #[serde(skip_serializing_if = "Option::is_none")]
    compatibility_level: Option<Level>,
    #[serde(skip_serializing_if = "Option::is_none")]
    compatibility: Option<Level>,
    #[serde(skip_serializing_if = "Option::is_none")]
    compatibility_group: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    default_metadata: Option<Metadata>,
    #[serde(skip_serializing_if = "Option::is_none")]
    override_metadata: Option<Metadata>,
    #[serde(skip_serializing_if = "Option::is_none")]
    default_rule_set: Option<RuleSet>,
    #[serde(skip_serializing_if = "Option::is_none")]
    override_rule_set: Option<RuleSet>,
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

impl SettingsView {
    fn confirmation(settings: Settings) -> Self {
        let compatibility = settings.level;
        Self { compatibility, compatibility_level: None, ..Self::answer(settings) }
    }

    fn answer(settings: Settings) -> Self {
        let Settings { level, group, default_metadata, override_metadata, default_rule_set, override_rule_set } =
            settings;
        Self {
            compatibility_level: Some(level.unwrap_or_default()),
            compatibility: None,
            compatibility_group: group,
            default_metadata,
            override_metadata,
            default_rule_set,
            override_rule_set,
        }
    }
}

/// Reads a change of settings; `null` takes a setting away.
fn changes(body: Map<String, Value>) -> Result<Vec<Setting>, Refusal> {
    // The one is Confluent's word in changes, the other in answers; clients send either.
    if let (Some(one), Some(other)) = (body.get("compatibility"), body.get("compatibilityLevel"))
        && one != other
    {
        let problem = format!("expected one level, found {one} as compatibility and {other} as compatibilityLevel");
        return Err(Refusal::Malformed(format!("the body: {problem}")));
    }
    let change = |(name, value): (String, Value)| match name.as_str() {
        "compatibility" | "compatibilityLevel" => level(&name, value).map(Setting::Level),
        "compatibilityGroup" => member(&name, value).map(Setting::Group),
        "defaultMetadata" => member(&name, value).map(Setting::DefaultMetadata),
        "overrideMetadata" => member(&name, value).map(Setting::OverrideMetadata),
        "defaultRuleSet" => rules(&name, value).map(Setting::DefaultRuleSet),
        "overrideRuleSet" => rules(&name, value).map(Setting::OverrideRuleSet),
        _ => {
            let known = "compatibility, compatibilityLevel, compatibilityGroup, defaultMetadata, overrideMetadata, \
                         defaultRuleSet or overrideRuleSet";
            Err(Refusal::Malformed(format!("the body: expected {known}, found {name}")))
        }
    };
    body.into_iter().map(change).collect()
}

fn level(name: &str, value: Value) -> Result<Option<Level>, Refusal> {
    let text: Option<String> = member(name, value)?;
    text.map(|text| Level::parse(&text).ok_or(Refusal::InvalidLevel(text))).transpose()
}

fn rules(name: &str, value: Value) -> Result<Option<RuleSet>, Refusal> {
    let rules: Option<RuleSet> = member(name, value)?;
    rules.map(|rules| rules.check().map(|()| rules).map_err(Refusal::InvalidRules)).transpose()
}

fn member<T: DeserializeOwned>(name: &str, value: Value) -> Result<Option<T>, Refusal> {
    serde_json::from_value(value).map_err(|error| Refusal::Malformed(format!("the body: {name}: {error}")))
}

impl ModeBody {
    /// Only all subjects can be made read-only whatever their own mode is.
    fn parse(&self, is_global: bool) -> Result<Mode, Refusal> {
        match self.mode.to_ascii_uppercase().as_str() {
            "READWRITE" => Ok(Mode::ReadWrite),
            "READONLY" => Ok(Mode::ReadOnly),
            "IMPORT" => Ok(Mode::Import),
            "READONLY_OVERRIDE" if is_global => Ok(Mode::ReadOnlyOverride),
            _ if is_global => {
                Err(Refusal::InvalidMode(self.mode.clone(), "READWRITE, READONLY, READONLY_OVERRIDE and IMPORT"))
            }
            _ => Err(Refusal::InvalidMode(self.mode.clone(), "READWRITE, READONLY and IMPORT")),
        }
    }
}

pub(super) async fn config(State(service): State<Context>) -> Answer<SettingsView> {
    Answer(SettingsView::answer(service.ask(|catalog| catalog.settings().clone())))
}

pub(super) async fn own_config(
    State(service): State<Context>,
    Subject(subject): Subject,
    query: Query,
) -> Answered<SettingsView> {
    let default_to_global = query.flag("defaultToGlobal")?;
    service.ask(|catalog| {
        let is_answered = default_to_global || catalog.own_settings(&subject).is_some();
        let settings = is_answered.then(|| catalog.effective_settings(&subject));
        settings.map(|found| Answer(SettingsView::answer(found))).ok_or_else(|| Refusal::NoOwnLevel(subject.clone()))
    })
}

pub(super) async fn set_config(state: State<Context>, body: Body<Map<String, Value>>) -> Answered<SettingsView> {
    put_config(state, None, body).await
}

pub(super) async fn set_own_config(
    state: State<Context>,
    Subject(subject): Subject,
    body: Body<Map<String, Value>>,
) -> Answered<SettingsView> {
    put_config(state, Some(subject), body).await
}

async fn put_config(
    State(service): State<Context>,
    subject: Option<String>,
    Body(body): Body<Map<String, Value>>,
) -> Answered<SettingsView> {
    let changes = changes(body)?;
    let settings = change(service, move |service| service.configure(subject, changes)).await?;
    Ok(Answer(SettingsView::confirmation(settings)))
}

pub(super) async fn reset_config(State(service): State<Context>) -> Answered<SettingsView> {
    drop_config(service, None).await
}

pub(super) async fn reset_own_config(
    State(service): State<Context>,
    Subject(subject): Subject,
) -> Answered<SettingsView> {
    drop_config(service, Some(subject)).await
}

async fn drop_config(service: Context, subject: Option<String>) -> Answered<SettingsView> {
    let before = change(service, move |service| service.forget_settings(subject)).await?;
    Ok(Answer(SettingsView::answer(before)))
}

pub(super) async fn mode(State(service): State<Context>) -> Answer<ModeView> {
    Answer(ModeView { mode: service.ask(Catalog::mode) })
}

pub(super) async fn own_mode(
    State(service): State<Context>,
    Subject(subject): Subject,
    query: Query,
) -> Answered<ModeView> {
    let default_to_global = query.flag("defaultToGlobal")?;
    let (own, effective) = service.ask(|catalog| (catalog.own_mode(&subject), catalog.effective_mode(&subject)));
    let mode = if default_to_global { Some(effective) } else { own };
    mode.map(|mode| Answer(ModeView { mode })).ok_or(Refusal::NoOwnMode(subject))
}

pub(super) async fn set_mode(state: State<Context>, query: Query, body: Body<ModeBody>) -> Answered<ModeView> {
    put_mode(state, None, query, body).await
}

pub(super) async fn set_own_mode(
    state: State<Context>,
    Subject(subject): Subject,
    query: Query,
    body: Body<ModeBody>,
) -> Answered<ModeView> {
    put_mode(state, Some(subject), query, body).await
}

async fn put_mode(
    State(service): State<Context>,
    subject: Option<String>,
    query: Query,
    Body(body): Body<ModeBody>,
) -> Answered<ModeView> {
    let (mode, force) = (body.parse(subject.is_none())?, query.flag("force")?);
    change(service, move |service| service.set_mode(subject, mode, force)).await?;
    Ok(Answer(ModeView { mode }))
}

/// `recursive` ends the modes of all subjects too.
pub(super) async fn reset_mode(State(service): State<Context>, query: Query) -> Answered<ModeView> {
    let is_recursive = query.flag("recursive")?;
    let before = change(service, move |service| service.forget_mode(is_recursive)).await?;
    Ok(Answer(ModeView { mode: before }))
}

pub(super) async fn reset_own_mode(State(service): State<Context>, Subject(subject): Subject) -> Answered<ModeView> {
    let before = change(service, move |service| service.forget_own_mode(subject)).await?;
    Ok(Answer(ModeView { mode: before }))
}
