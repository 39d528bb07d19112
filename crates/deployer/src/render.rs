//! From templates to statements: minijinja with nothing undefined, the columns of the newest schema, and secrets that only
//! the statement sent to the warehouse contains.

use crate::{
    attributes::{self, AttributeError},
    config::{Access, Compute, Variables},
    object::{Kind, ObjectName},
};
use contract::schemas;
use minijinja::{Environment, UndefinedBehavior, Value, context, value::Serde};
use serde::Serialize;
use std::{collections::BTreeMap, fs, io, path::Path, path::PathBuf};

include!(concat!(env!("OUT_DIR"), "/embedded.rs"));

/// A day in milliseconds: how far an event's time may lie beyond its record's.
const DAY: i64 = 86_400_000;
/// The last millisecond of the year 9999, the end of Snowflake's timestamps.
const END_OF_TIME: i64 = 253_402_300_799_999;

/// One object as it should be.
#[derive(Debug, Clone, Serialize)]
pub struct Rendered {
    /// Where it comes in the order of creation.
    pub number: u32,
    pub kind: Kind,
    pub name: ObjectName,
    /// The template, relative to sql/.
    pub file: String,
    /// The statement that makes it, secrets replaced by `[secret]`.
    pub text: String,
    #[serde(skip)]
    statement: Statement,
}

impl Rendered {
    /// The statement that makes it, secrets and all: for the warehouse, not for anybody's eyes.
    pub fn statement(&self) -> &str {
        &self.statement.0
    }
}

/// A text that does not show.
#[derive(Clone)]
struct Statement(String);

impl std::fmt::Debug for Statement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[statement]")
    }
}

/// The templates of one deployment, by file name.
pub type Templates = BTreeMap<String, String>;

#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    #[error("reading the templates in {}: {source}", folder.display())]
    Folder { folder: PathBuf, source: io::Error },
    #[error(
        "sql/{file}: a template's name is <number>.<schema>.<name>.<kind>.sql, schema `staging` or `core`, or \
         <number>.<staging|core>.schema.sql, <number>.database.sql, <number>.warehouse.sql"
    )]
    FileName { file: String },
    #[error("sql/{file}: {source:#}")]
    Template { file: String, source: minijinja::Error },
    #[error("variable `{variable}`: `{value}` is not {expected}")]
    Variable { variable: &'static str, value: String, expected: &'static str },
    #[error(transparent)]
    Attributes(#[from] AttributeError),
}

/// The templates built in, or those of a folder.
pub fn templates(folder: Option<&Path>) -> Result<Templates, RenderError> {
    let Some(folder) = folder else {
        return Ok(EMBEDDED.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect());
    };
    let read = || {
        let mut templates = Templates::new();
        for (prefix, folder) in [("", folder.to_owned()), ("parts/", folder.join("parts"))] {
            for entry in fs::read_dir(folder)? {
                let path = entry?.path();
                if path.extension().is_some_and(|extension| extension == "sql") {
                    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                    templates.insert(format!("{prefix}{name}"), fs::read_to_string(&path)?);
                }
            }
        }
        Ok(templates)
    };
    read().map_err(|source| RenderError::Folder { folder: folder.to_owned(), source })
}

/// Every object, in the order of creation. A template that renders to nothing makes none.
pub fn render(templates: &Templates, variables: &Variables) -> Result<Vec<Rendered>, RenderError> {
    let (shown, real) = (context(variables, Secrets::Masked)?, context(variables, Secrets::Plain)?);
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.add_filter("literal", |text: String| literal(&text));
    for (file, text) in templates {
        environment.add_template(file, text).map_err(|source| RenderError::Template { file: file.clone(), source })?;
    }
    let mut objects = Vec::new();
    for file in templates.keys().filter(|file| !file.starts_with("parts/")) {
        let (number, kind, name) = identify(file, variables)?;
        let fill = |context: &Value| {
            let with = context! { this => name.to_string(), ..context.clone() };
            let text = environment.get_template(file).and_then(|template| template.render(with));
            text.map_err(|source| RenderError::Template { file: file.clone(), source })
        };
        let (text, statement) = (fill(&shown)?.trim().to_owned(), fill(&real)?.trim().to_owned());
        if !text.is_empty() {
            objects.push(Rendered { number, kind, name, file: file.clone(), text, statement: Statement(statement) });
        }
    }
    objects.sort_by_key(|object| object.number);
    Ok(objects)
}

/// Whether templates can be filled with these variables, whatever the templates are.
pub(crate) fn check(variables: &Variables) -> Result<(), RenderError> {
    context(variables, Secrets::Masked).map(|_| ())
}

/// Number, kind and full name, from a template's file name.
fn identify(file: &str, variables: &Variables) -> Result<(u32, Kind, ObjectName), RenderError> {
    let wrong = || RenderError::FileName { file: file.to_owned() };
    let parts: Vec<&str> = file.strip_suffix(".sql").ok_or_else(wrong)?.split('.').collect();
    let schema = |text: &str| match text {
        "staging" => Ok(variables.staging.to_uppercase()),
        "core" => Ok(variables.core.to_uppercase()),
        _ => Err(wrong()),
    };
    let database = || Some(variables.database.to_uppercase());
    let top = |name: &str| ObjectName { database: None, schema: None, name: name.to_uppercase() };
    let (kind, name) = match parts[1..] {
        ["database"] => (Kind::Database, top(&variables.database)),
        ["warehouse"] => (
            Kind::Warehouse,
            top(match &variables.compute {
                Compute::Warehouse { name, .. } => name,
                Compute::Serverless { .. } => "",
            }),
        ),
        [name, "schema"] => (Kind::Schema, ObjectName { database: database(), schema: None, name: schema(name)? }),
        [schema_name, name, kind] => (
            Kind::from_file_name(kind).ok_or_else(wrong)?,
            ObjectName { database: database(), schema: Some(schema(schema_name)?), name: name.to_uppercase() },
        ),
        _ => return Err(wrong()),
    };
    Ok((parts[0].parse().map_err(|_| wrong())?, kind, name))
}

#[derive(Clone, Copy, PartialEq)]
enum Secrets {
    Masked,
    Plain,
}

fn context(variables: &Variables, secrets: Secrets) -> Result<Value, RenderError> {
    let database = identifier("database", &variables.database)?;
    let staging = identifier("staging", &variables.staging)?;
    let core = identifier("core", &variables.core)?;
    let url = &variables.bucket_url;
    if !(url.starts_with("s3://") && url.ends_with('/')) {
        let expected = "s3://bucket/prefix/ with a slash at its end";
        return Err(RenderError::Variable { variable: "bucket_url", value: url.clone(), expected });
    }
    let access = match &variables.access {
        Access::Keys { access_key_id, secret_access_key } => context! {
            kind => "keys",
            access_key_id => access_key_id,
            secret_access_key => if secrets == Secrets::Plain { secret_access_key.expose() } else { "[secret]" },
        },
        Access::Integration { name } => context! {
            kind => "integration",
            name => identifier("access.integration.name", name)?,
        },
    };
    let compute = match &variables.compute {
        Compute::Warehouse { name, size } => context! {
            kind => "warehouse",
            name => identifier("compute.warehouse.name", name)?,
            size => size,
        },
        Compute::Serverless { size } => context! { kind => "serverless", size => size },
    };
    Ok(context! {
        database => database.as_str(),
        staging => format!("{database}.{staging}"),
        core => format!("{database}.{core}"),
        topic => variables.topic.as_str(),
        bucket_url => url,
        access => access,
        compute => compute,
        schedule => schedule(variables)?,
        attributes => Value::from(Serde(attributes::attributes(schemas::newest())?)),
        day => DAY,
        end_of_time => END_OF_TIME,
    })
}

/// An unquoted identifier, folded. Anything else would need quotes wherever it is named.
fn identifier(variable: &'static str, text: &str) -> Result<String, RenderError> {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '$';
    if text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && text.chars().all(word) {
        return Ok(text.to_uppercase());
    }
    Err(RenderError::Variable {
        variable,
        value: text.to_owned(),
        expected: "a name of letters, digits, `_` and `$` that begins with a letter or `_`",
    })
}

/// `2 MINUTES` or `30 SECONDS`.
fn schedule(variables: &Variables) -> Result<String, RenderError> {
    let every = variables.schedule;
    match (every.as_secs(), every.subsec_nanos()) {
        (seconds @ 1.., 0) if seconds % 60 == 0 => Ok(format!("{} MINUTES", seconds / 60)),
        (seconds @ 1.., 0) => Ok(format!("{seconds} SECONDS")),
        _ => Err(RenderError::Variable {
            variable: "schedule",
            value: format!("{every:?}"),
            expected: "a number of whole seconds, at least one",
        }),
    }
}

/// Text as a string literal; Snowflake takes the backslash for an escape.
fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use contract::endpoints::Secret;
    use std::time::Duration;

    fn variables() -> Variables {
        let secret_access_key = Secret::new("hunt/er'2");
        Variables::new("s3://bucket/prefix/", Access::Keys { access_key_id: "key".into(), secret_access_key })
    }

    fn rendered(variables: &Variables) -> Vec<Rendered> {
        render(&templates(None).unwrap(), variables).unwrap()
    }

    #[test]
    fn every_statement_names_its_object_and_comes_after_what_it_names() {
        let objects = rendered(&variables());
        assert_eq!(objects.len(), 20);
        for (index, object) in objects.iter().enumerate() {
            let head: Vec<&str> = object.text.split_whitespace().take(8).collect();
            assert!(head.contains(&object.name.to_string().as_str()), "{}: {head:?}", object.file);
            for later in &objects[index + 1..] {
                let name = later.name.to_string();
                let named = object.text.match_indices(&name).any(|(at, _)| {
                    !object.text[at + name.len()..].starts_with(|c: char| c == '.' || c == '_' || c.is_alphanumeric())
                });
                assert!(!named || !name.contains('.'), "{} names {name}, which comes later", object.file);
            }
        }
    }

    #[test]
    fn secrets_are_in_the_statement_and_nowhere_else() {
        for object in rendered(&variables()) {
            assert_eq!(object.statement().contains("'hunt/er''2'"), object.kind == Kind::Stage);
            assert!(!object.text.contains("hunt") && !format!("{object:?}").contains("hunt"));
        }
    }

    #[test]
    fn every_attribute_of_the_newest_schema_is_in_tables_views_and_merges() {
        let columns = attributes::attributes(schemas::newest()).unwrap();
        for object in rendered(&variables()) {
            let holds = match object.kind {
                Kind::Table => !object.name.name.contains("EVENTS"),
                Kind::View | Kind::Task => true,
                _ => false,
            };
            for attribute in &columns {
                assert_eq!(object.text.contains(&attribute.column), holds, "{} {}", object.file, attribute.column);
            }
        }
    }

    #[test]
    fn an_integration_and_serverless_tasks_are_by_choice() {
        let mut variables = variables();
        variables.access = Access::Integration { name: "lake".into() };
        variables.compute = Compute::Serverless { size: "XSMALL".into() };
        variables.schedule = Duration::from_secs(30);
        let objects = rendered(&variables);
        assert!(objects.iter().all(|object| object.kind != Kind::Warehouse));
        let text = objects.iter().map(|object| object.text.as_str()).collect::<String>();
        assert!(text.contains("STORAGE_INTEGRATION = LAKE") && !text.contains("CREDENTIALS"));
        assert!(text.contains("USER_TASK_MANAGED_INITIAL_WAREHOUSE_SIZE = 'XSMALL'"));
        assert!(text.contains("SCHEDULE = '30 SECONDS'"));
    }

    #[test]
    fn what_is_undefined_or_misnamed_is_refused_with_its_file() {
        for (file, text, says) in [
            ("900.core.x.view.sql", "{{ nonsense }}", "900.core.x.view.sql"),
            ("900.mart.x.view.sql", "", "<schema>"),
            ("900.core.x.procedure.sql", "", "<kind>"),
        ] {
            let error = render(&Templates::from([(file.into(), text.into())]), &variables()).unwrap_err();
            assert!(error.to_string().contains(says), "{error}");
        }
        let mut variables = variables();
        variables.database = "a b; DROP".into();
        assert!(render(&templates(None).unwrap(), &variables).unwrap_err().to_string().contains("`database`"));
    }
}
