//! Environment variables as a layer of the configuration. The text of a variable stays text: it becomes a number, a
//! duration or a choice only where the key that it sets has that type. Only lists and tables are taken apart here.
//!
//! ```text
//! PIPELINE__SINK__GROUP_ID=007                            sink.group_id = "007"
//! PIPELINE__SINK__TOPICS=a,b                              sink.topics = ["a", "b"]
//! PIPELINE__SINK__TOPICS=['^a{1,2}$']                     an entry with a comma, as TOML
//! PIPELINE__KAFKA__PROPERTIES__SASL_PASSWORD=x            kafka.properties."sasl.password" = "x"
//! PIPELINE__SINK__OBJECTS__TAGS={ "Cost Center" = "7" }   a whole table, as TOML
//! ```

use super::{
    reference::{Reference, Shape},
    tree::{Content, Layer, Node, Source},
};
use anyhow::{Context, bail};
use std::ffi::OsString;

const PREFIX: &str = "PIPELINE__";
/// How a variable begins in which only one underscore was typed.
const MISTYPED: &str = "PIPELINE_";
/// Where the names of keys have dots, which variables cannot have.
const DOTTED: [&str; 2] = ["kafka", "properties"];

/// Reads the variables that set keys.
///
/// # Errors
/// When a variable sets a key that does not exist, looks like a mistyped name of one, or cannot be taken apart. Values
/// are never shown.
pub(super) fn layer(
    variables: impl IntoIterator<Item = (OsString, OsString)>,
    reference: &Reference,
) -> anyhow::Result<Layer> {
    let mut ours = Vec::new();
    for (name, value) in variables {
        // A name that is not UTF-8 is not ours.
        let Ok(name) = name.into_string() else { continue };
        let upper = name.to_ascii_uppercase();
        if let Some(rest) = upper.strip_prefix(PREFIX) {
            let path = path(rest, &name, reference)?;
            let value = value.into_string().ok().with_context(|| {
                format!("configuration: `{}` ({name}): found bytes that are not UTF-8, expected text", path.join("."))
            })?;
            ours.push((path, name, value));
        } else if let Some(rest) = upper.strip_prefix(MISTYPED) {
            refuse_mistyped(rest, &name, reference)?;
        }
    }
    // A table before its keys, so that both at once are noticed; and always the same error for the same mistakes.
    ours.sort();
    let source = Source::Variable("the environment".to_owned());
    let mut layer = Layer { values: Node::empty(source), removes: Vec::new() };
    let mut set: Vec<(Vec<String>, String)> = Vec::new();
    for (path, name, value) in ours {
        if let Some((_, other)) = set.iter().find(|(earlier, _)| path.starts_with(earlier)) {
            bail!("configuration: `{}`: {other} and {name} both set it; unset one of them", path.join("."));
        }
        match content(&path, &name, &value, reference)? {
            Some((content, whole)) => {
                if whole == Whole::Table {
                    layer.removes.push(path.clone());
                }
                layer.values.put(&path, Node { content, source: Source::Variable(name.clone()) });
            }
            None => layer.removes.push(path.clone()),
        }
        set.push((path, name));
    }
    Ok(layer)
}

/// Whether a value replaces a whole table, with keys that earlier layers have set in it.
#[derive(PartialEq)]
enum Whole {
    Table,
    Value,
}

/// The key that a variable sets; `rest` is its name without the prefix.
fn path(rest: &str, name: &str, reference: &Reference) -> anyhow::Result<Vec<String>> {
    let mut path: Vec<String> = rest.to_ascii_lowercase().split("__").map(str::to_owned).collect();
    if path.len() > DOTTED.len() && path.iter().zip(DOTTED).all(|(own, dotted)| own == dotted) {
        let property = path.split_off(DOTTED.len()).join(".").replace('_', ".");
        let right = format!("{PREFIX}KAFKA__PROPERTIES__{}", property.to_ascii_uppercase().replace('.', "_"));
        if !name.eq_ignore_ascii_case(&right) {
            bail!("configuration: {name}: a dot in a property is written as one underscore; write {right}");
        }
        path.push(property);
    }
    if reference.shape(&path).is_some() {
        return Ok(path);
    }
    let error = reference.unknown(&path, &Source::Variable(name.to_owned()));
    match reference.same_words(rest) {
        Some(right) => bail!("{error}; write {}", variable(right)),
        None => Err(error),
    }
}

/// `PIPELINE_SINK_GROUP_ID` would be ignored without a word. Other programs may have variables that begin with
/// `PIPELINE_`; it is taken for ours where a section follows.
fn refuse_mistyped(rest: &str, name: &str, reference: &Reference) -> anyhow::Result<()> {
    let Some((section, key)) = rest.split_once('_').filter(|(_, key)| !key.is_empty()) else { return Ok(()) };
    let section = section.to_ascii_lowercase();
    if reference.shape(&[&section]).is_none() || is_service_link(key) {
        return Ok(());
    }
    let right = match reference.same_words(rest) {
        Some(path) => format!("write {}", variable(path)),
        None => format!("no key of [{section}] has this name; keys are set by {PREFIX}{}__KEY", section.to_uppercase()),
    };
    bail!(
        "configuration: {name}: found one underscore after PIPELINE, expected two where a key is set; {right}, or give \
         the variable another name"
    );
}

/// Kubernetes sets these in every container for a service that is called `pipeline-sink`.
fn is_service_link(key: &str) -> bool {
    // No key of ours has the word `port`.
    key.ends_with("SERVICE_HOST") || key.split('_').any(|word| word == "PORT")
}

fn variable(path: &[String]) -> String {
    format!("{PREFIX}{}", path.join("__").to_ascii_uppercase())
}

/// The value of a variable; `None` where it only takes away what earlier layers have set.
fn content(path: &[String], name: &str, text: &str, reference: &Reference) -> anyhow::Result<Option<(Content, Whole)>> {
    let key = path.join(".");
    let source = Source::Variable(name.to_owned());
    let is_table = reference.shape(path) == Some(Shape::Table);
    match reference.shape(path) {
        Some(Shape::List) if text.trim().is_empty() => Ok(Some((Content::List(Vec::new()), Whole::Value))),
        Some(Shape::List) if text.trim_start().starts_with('[') => {
            Ok(Some((toml(&key, name, text, "a list, such as ['a', 'b']")?, Whole::Value)))
        }
        Some(Shape::List) => {
            let item = |item: &str| Node { content: Content::Text(item.trim().to_owned()), source: source.clone() };
            Ok(Some((Content::List(text.split(',').map(item).collect()), Whole::Value)))
        }
        _ if is_table && text.trim().is_empty() => Ok(None),
        _ if reference.takes_table(path) && text.trim_start().starts_with('{') => {
            Ok(Some((toml(&key, name, text, "a table, such as { key = 'value' }")?, Whole::Table)))
        }
        _ if is_table => {
            bail!("configuration: `{key}` ({name}): found text, expected a table in braces, or variables {name}__KEY")
        }
        _ => Ok(Some((Content::Text(text.to_owned()), Whole::Value))),
    }
}

/// A list or table in TOML. What is wrong with it is said without its text, which may hold secrets.
fn toml(key: &str, name: &str, text: &str, expected: &str) -> anyhow::Result<Content> {
    let parsed = super::parse(&format!("value = {}", text.trim()), &Source::Variable(name.to_owned()));
    let value = parsed.ok().and_then(|node| match node.content {
        Content::Table(mut table) if table.len() == 1 => table.remove("value"),
        _ => None,
    });
    let value = value.with_context(|| {
        format!("configuration: `{key}` ({name}): found text that is not TOML, expected {expected}")
    })?;
    Ok(value.content)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> anyhow::Result<Layer> {
        let variables = variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
        layer(variables, &Reference::new())
    }

    fn refused(name: &str, value: &str) -> String {
        read(&[(name, value)]).err().unwrap_or_else(|| panic!("{name} is taken")).to_string()
    }

    #[test]
    fn one_underscore_after_the_prefix_is_refused_with_the_right_spelling() {
        let refusal = refused("PIPELINE_SINK_GROUP_ID", "a");
        assert!(refusal.contains("write PIPELINE__SINK__GROUP_ID"), "{refusal}");
        let refusal = refused("PIPELINE_SINK_ROLL_WINDOW", "1m");
        assert!(refusal.contains("write PIPELINE__SINK__ROLL__WINDOW"), "{refusal}");
        let refusal = refused("PIPELINE_SINK__NONSENSE", "a");
        assert!(refusal.contains("PIPELINE__SINK__KEY"), "{refusal}");
        // Later separators are as easily mistyped.
        let refusal = refused("PIPELINE__SINK_GROUP_ID", "a");
        assert!(refusal.contains("write PIPELINE__SINK__GROUP_ID"), "{refusal}");
        let refusal = refused("PIPELINE__SINK__ROLL_WINDOW", "1m");
        assert!(refusal.contains("write PIPELINE__SINK__ROLL__WINDOW"), "{refusal}");
    }

    #[test]
    fn variables_of_others_are_left_alone() {
        for name in [
            "PIPELINE_ID",
            "PIPELINE_URL",
            "PIPELINE",
            "MY_PIPELINE_SINK_GROUP_ID",
            "PIPELINE_REGISTRY",
            "PIPELINE_SINK_SERVICE_HOST",
            "PIPELINE_SINK_SERVICE_PORT_HEALTH",
            "PIPELINE_SINK_PORT",
            "PIPELINE_SINK_PORT_9102_TCP_ADDR",
            "PIPELINE_SINK_HEALTH_PORT",
        ] {
            assert!(read(&[(name, "a")]).is_ok(), "{name}");
        }
    }

    #[test]
    fn unknown_keys_are_refused_by_name_and_values_never_show() {
        for name in ["PIPELINE__SNIK__GROUP_ID", "PIPELINE__SINK__TPOICS", "PIPELINE__", "PIPELINE__SINK__TOPICS__0"] {
            let refusal = refused(name, "hunter2");
            assert!(refusal.contains(name) && !refusal.contains("hunter2"), "{refusal}");
        }
        for name in ["PIPELINE__WAREHOUSE__USERS", "PIPELINE__KAFKA__PROPERTIES", "PIPELINE__SINK__ROLL"] {
            for value in ["[{ password = 'hunter2' ", "{ 'a' = 'hunter2' ", "{}\nx = 'hunter2'"] {
                let refusal = read(&[(name, value)]).err().map(|error| format!("{error:#}")).unwrap_or_default();
                assert!(!refusal.contains("hunter2"), "{refusal}");
            }
        }
        let refusal = refused("PIPELINE__KAFKA__PROPERTIES__SASL__PASSWORD", "hunter2");
        assert!(refusal.ends_with("write PIPELINE__KAFKA__PROPERTIES__SASL_PASSWORD"), "{refusal}");
    }

    #[test]
    fn a_table_and_its_keys_at_once_are_refused() {
        let both = [("PIPELINE__SINK__ROLL", "{ window = '1m' }"), ("PIPELINE__SINK__ROLL__WINDOW", "2m")];
        let refusal = read(&both).err().unwrap().to_string();
        assert!(refusal.contains("PIPELINE__SINK__ROLL and PIPELINE__SINK__ROLL__WINDOW"), "{refusal}");
        let twice = [("PIPELINE__SINK__GROUP_ID", "a"), ("pipeline__sink__group_id", "b")];
        assert!(read(&twice).is_err());
    }
}
