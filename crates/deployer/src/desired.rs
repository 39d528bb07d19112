//! What a rendered statement says of its object, in the terms in which SHOW and DESCRIBE say it. Only as much as the
//! comparison needs is read, by words and brackets; a statement that does not have the form of sql/ is an error.

use crate::{object::Kind, render::Rendered};

/// A table's column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) name: String,
    /// As written, such as `NUMBER(19,0)`.
    pub(crate) data_type: String,
    pub(crate) nullable: bool,
}

/// A task's clauses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Task {
    pub(crate) warehouse: Option<String>,
    pub(crate) schedule: String,
    pub(crate) condition: String,
    pub(crate) definition: String,
}

#[derive(Debug, thiserror::Error)]
#[error("sql/{file}: the {kind} lacks {lacks}, which the comparison with the warehouse needs")]
pub struct FormError {
    pub file: String,
    pub kind: Kind,
    pub lacks: &'static str,
}

fn lacks(object: &Rendered, lacks: &'static str) -> FormError {
    FormError { file: object.file.clone(), kind: object.kind, lacks }
}

/// The columns of a CREATE TABLE.
pub(crate) fn columns(object: &Rendered) -> Result<Vec<Column>, FormError> {
    let missing = || lacks(object, "a list of columns, each of its own name");
    let list = bracketed(&object.text).ok_or_else(missing)?;
    let mut columns: Vec<Column> = Vec::new();
    for item in split_outside(list, ',') {
        let words = fold(item);
        let (definition, nullable) = match words.strip_suffix(" NOT NULL") {
            Some(definition) => (definition, false),
            None => (words.as_str(), true),
        };
        let (name, data_type) = definition.split_once(' ').ok_or_else(missing)?;
        if columns.iter().any(|column| column.name == name) {
            return Err(missing());
        }
        columns.push(Column { name: name.to_owned(), data_type: data_type.to_owned(), nullable });
    }
    Ok(columns)
}

/// The clauses of a CREATE TASK, which has WHEN and AS on lines of their own.
pub(crate) fn task(object: &Rendered) -> Result<Task, FormError> {
    let (head, rest) = object.text.split_once("\nWHEN\n").ok_or_else(|| lacks(object, "a line `WHEN`"))?;
    let (condition, definition) = rest.split_once("\nAS\n").ok_or_else(|| lacks(object, "a line `AS`"))?;
    let schedule = setting(head, "SCHEDULE").ok_or_else(|| lacks(object, "a SCHEDULE"))?;
    Ok(Task {
        warehouse: setting(head, "WAREHOUSE"),
        schedule,
        condition: fold(condition),
        definition: fold(definition),
    })
}

/// The COPY statement of a CREATE PIPE, which has AS on a line of its own.
pub(crate) fn pipe(object: &Rendered) -> Result<String, FormError> {
    let (_, definition) = object.text.split_once("\nAS\n").ok_or_else(|| lacks(object, "a line `AS`"))?;
    Ok(fold(definition))
}

/// The value of `NAME = value` on a line of its own, out of its quotes.
pub(crate) fn setting(text: &str, name: &str) -> Option<String> {
    let value = text.lines().find_map(|line| line.trim().strip_prefix(name)?.trim_start().strip_prefix('='))?.trim();
    let quoted = value.strip_prefix('\'').and_then(|value| value.strip_suffix('\''));
    Some(quoted.map_or_else(|| value.to_owned(), |value| value.replace("''", "'").replace("\\\\", "\\")))
}

/// The name behind `ON TABLE`.
pub(crate) fn stream_table(object: &Rendered) -> Result<String, FormError> {
    let text = fold(&object.text);
    let table = text.split_once(" ON TABLE ").and_then(|(_, rest)| rest.split(' ').next());
    table.map(str::to_owned).ok_or_else(|| lacks(object, "ON TABLE"))
}

/// A view's query, folded: what follows the first AS outside quotes. Servers differ in what they keep of the clauses before.
pub(crate) fn view_query(text: &str) -> String {
    let folded = fold(text);
    let (mut quoted, mut start) = (false, None);
    for (at, c) in folded.char_indices() {
        quoted ^= c == '\'';
        let word = folded.get(at..at + 4).is_some_and(|word| word.eq_ignore_ascii_case(" AS "));
        if word && !quoted {
            start = Some(at + 4);
            break;
        }
    }
    start.map_or_else(String::new, |start| folded[start..].to_owned())
}

/// Text with every run of white space outside quotes as one space, and without the final semicolon: two texts that fold
/// to the same mean the same.
pub(crate) fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    let mut quote = None;
    for c in text.trim().trim_end_matches(';').trim_end().chars() {
        match quote {
            Some(open) => {
                folded.push(c);
                if c == open {
                    quote = None;
                }
            }
            None if c.is_whitespace() => {
                if !folded.ends_with(' ') {
                    folded.push(' ');
                }
            }
            None => {
                folded.push(c);
                if c == '\'' || c == '"' {
                    quote = Some(c);
                }
            }
        }
    }
    folded
}

/// A type as DESCRIBE has it, as far as it can be compared: VARCHAR and BINARY without a length have the greatest, which
/// differs between servers and times.
pub(crate) fn same_type(desired: &str, observed: &str) -> bool {
    let plain = |text: &str| text.to_uppercase().replace(' ', "");
    let (desired, observed) = (plain(desired), plain(observed));
    let observed = match (desired.as_str(), observed.split_once('(')) {
        ("VARCHAR" | "BINARY", Some((name, _))) => name.to_owned(),
        _ => observed,
    };
    desired == observed
}

/// What is inside the first pair of brackets.
fn bracketed(text: &str) -> Option<&str> {
    let start = text.find('(')? + 1;
    let mut depth = 1;
    for (at, c) in text[start..].char_indices() {
        depth += i32::from(c == '(') - i32::from(c == ')');
        if depth == 0 {
            return Some(&text[start..start + at]);
        }
    }
    None
}

/// The parts between separators that are not inside brackets.
fn split_outside(text: &str, separator: char) -> Vec<&str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0, 0);
    for (at, c) in text.char_indices() {
        depth += i32::from(c == '(') - i32::from(c == ')');
        if c == separator && depth == 0 {
            parts.push(&text[start..at]);
            start = at + c.len_utf8();
        }
    }
    parts.push(&text[start..]);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::{Access, Variables},
        render,
    };
    use contract::endpoints::Secret;

    fn objects() -> Vec<Rendered> {
        let access = Access::Keys { access_key_id: "key".into(), secret_access_key: Secret::new("secret") };
        render::render(&render::templates(None).unwrap(), &Variables::new("s3://bucket/", access)).unwrap()
    }

    #[test]
    fn every_template_has_the_form_that_the_comparison_needs() {
        for object in objects() {
            match object.kind {
                Kind::Table => assert!(columns(&object).unwrap().len() > 10),
                Kind::Stream => assert_eq!(stream_table(&object).unwrap(), "CUSTOMER_DATA.STAGING.CUSTOMER_EVENTS"),
                Kind::Pipe => assert!(pipe(&object).unwrap().starts_with("COPY INTO CUSTOMER_DATA.STAGING")),
                Kind::Stage => {
                    assert_eq!(setting(&object.text, "URL").unwrap(), "s3://bucket/topics/customers.events/");
                }
                Kind::Task => {
                    let task = task(&object).unwrap();
                    assert_eq!(
                        (task.schedule.as_str(), task.warehouse.as_deref()),
                        ("2 MINUTES", Some("CUSTOMER_PIPELINE"))
                    );
                    assert!(task.condition.starts_with("SYSTEM$STREAM_HAS_DATA('"));
                    assert!(task.definition.starts_with("MERGE INTO "));
                }
                _ => {}
            }
        }
    }

    #[test]
    fn columns_are_read_with_types_and_nullability() {
        let history = objects().into_iter().find(|object| object.name.name == "CUSTOMERS_HISTORY").unwrap();
        let columns = columns(&history).unwrap();
        let column = |name: &str| columns.iter().find(|column| column.name == name).unwrap().clone();
        assert_eq!((column("SEQUENCE").data_type.as_str(), column("SEQUENCE").nullable), ("NUMBER(19,0)", false));
        assert_eq!((column("VALID_TO").data_type.as_str(), column("VALID_TO").nullable), ("TIMESTAMP_NTZ(3)", true));
    }

    #[test]
    fn texts_that_differ_in_white_space_alone_are_the_same() {
        assert_eq!(fold("SELECT  1,\n\t'a  b'\n;"), fold("SELECT 1, 'a  b'"));
        assert_ne!(fold("SELECT 'a  b'"), fold("SELECT 'a b'"));
        assert_eq!(view_query("create view V comment = 'such AS x' as\n  SELECT 1  AS ONE;"), "SELECT 1 AS ONE");
        assert!(same_type("VARCHAR", "VARCHAR(16777216)") && same_type("NUMBER(19,0)", "NUMBER(19, 0)"));
        assert!(!same_type("VARCHAR(10)", "VARCHAR(16777216)") && !same_type("TIMESTAMP_NTZ(3)", "TIMESTAMP_NTZ(9)"));
    }
}
