//! Which objects a SHOW lists: IN, LIKE, STARTS WITH and LIMIT. Without IN it is the session's database, or the account
//! when the session has none.

use crate::{
    SessionContext, SqlError,
    catalog::{Catalog, Database, Entity, QualifiedName, Schema},
    parse::{Name, ObjectKind, Show, ShowScope},
};

pub(super) fn in_account<'a, T: Entity>(catalog: &'a Catalog, show: &Show) -> Result<Vec<&'a T>, SqlError> {
    match show.scope {
        None | Some(ShowScope::Account) => Ok(named(catalog, show, |_| true)),
        Some(_) => Err(SqlError::unsupported(format_args!("SHOW {}S IN", T::KIND.keyword()), "")),
    }
}

pub(super) fn in_database<'a, T: Entity>(
    catalog: &'a Catalog,
    show: &Show,
    session: &SessionContext,
) -> Result<Vec<&'a T>, SqlError> {
    match &show.scope {
        Some(ShowScope::Schema(_) | ShowScope::Table(_)) => {
            Err(SqlError::unsupported(format_args!("SHOW {}S IN SCHEMA", T::KIND.keyword()), ""))
        }
        scope => {
            let database = database_of(catalog, scope.as_ref(), session)?;
            Ok(named(catalog, show, |name| database.as_ref().is_none_or(|database| name.database == *database)))
        }
    }
}

pub(super) fn in_schema<'a, T: Entity>(
    catalog: &'a Catalog,
    show: &Show,
    session: &SessionContext,
) -> Result<Vec<&'a T>, SqlError> {
    let (database, schema) = scope(catalog, show, session)?;
    Ok(named(catalog, show, |name| {
        database.as_ref().is_none_or(|database| name.database == *database)
            && schema.as_ref().is_none_or(|schema| name.schema == *schema)
    }))
}

/// The database and schema that a SHOW is limited to.
pub(super) fn scope(
    catalog: &Catalog,
    show: &Show,
    session: &SessionContext,
) -> Result<(Option<String>, Option<String>), SqlError> {
    match &show.scope {
        Some(ShowScope::Schema(schema)) => {
            let name = match (schema, &session.schema) {
                (Some(name), _) => name.clone(),
                (None, Some(schema)) => Name { database: None, schema: None, name: schema.clone() },
                (None, None) => return Err(SqlError::no_current_schema("SHOW")),
            };
            let full = session.resolve(ObjectKind::Schema, &name)?;
            catalog.get::<Schema>(&full)?;
            Ok((Some(full.database), Some(full.name)))
        }
        scope => Ok((database_of(catalog, scope.as_ref(), session)?, None)),
    }
}

fn database_of(
    catalog: &Catalog,
    scope: Option<&ShowScope>,
    session: &SessionContext,
) -> Result<Option<String>, SqlError> {
    let name = match scope {
        Some(ShowScope::Account) => return Ok(None),
        Some(ShowScope::Database(Some(name))) => Some(name.clone()),
        Some(ShowScope::Database(None)) if session.database.is_none() => {
            return Err(SqlError::no_current_database("SHOW"));
        }
        _ => session.database.clone(),
    };
    if let Some(name) = &name {
        catalog.get::<Database>(&QualifiedName::account(name))?;
    }
    Ok(name)
}

fn named<'a, T: Entity>(catalog: &'a Catalog, show: &Show, inside: impl Fn(&QualifiedName) -> bool) -> Vec<&'a T> {
    catalog
        .list::<T>()
        .filter(|object| {
            let name = &object.header().name;
            inside(name)
                && show.like.as_ref().is_none_or(|pattern| like(pattern, &name.name))
                && show.starts_with.as_ref().is_none_or(|start| name.name.starts_with(start))
        })
        .take(show.limit.unwrap_or(usize::MAX))
        .collect()
}

/// SQL's LIKE without regard to case: `%` any text, `_` any one character, `\` takes the next one as it is.
pub(super) fn like(pattern: &str, text: &str) -> bool {
    enum Part {
        Any,
        One,
        Exactly(char),
    }
    let mut parts = Vec::new();
    let mut characters = pattern.chars().flat_map(char::to_lowercase);
    while let Some(character) = characters.next() {
        parts.push(match character {
            '%' => Part::Any,
            '_' => Part::One,
            '\\' => Part::Exactly(characters.next().unwrap_or('\\')),
            other => Part::Exactly(other),
        });
    }
    let text: Vec<char> = text.chars().flat_map(char::to_lowercase).collect();
    // `matched[i]`: the parts so far match the first i characters.
    let mut matched = vec![false; text.len() + 1];
    matched[0] = true;
    for part in &parts {
        let mut next = vec![false; text.len() + 1];
        match part {
            Part::Any => {
                let first = matched.iter().position(|matched| *matched).unwrap_or(next.len());
                next[first..].fill(true);
            }
            Part::One => next[1..].copy_from_slice(&matched[..text.len()]),
            Part::Exactly(wanted) => {
                for (at, character) in text.iter().enumerate() {
                    next[at + 1] = matched[at] && character == wanted;
                }
            }
        }
        matched = next;
    }
    matched[text.len()]
}

#[cfg(test)]
mod tests {
    use super::like;

    #[test]
    fn patterns_match_as_like_without_case() {
        for (pattern, text, matches) in [
            ("cust%", "CUSTOMERS", true),
            ("%STOM%", "CUSTOMERS", true),
            ("CUSTOMERS", "CUSTOMERS", true),
            ("C_STOMERS", "CUSTOMERS", true),
            ("CUST", "CUSTOMERS", false),
            ("%X%", "CUSTOMERS", false),
            ("A\\_B", "A_B", true),
            ("A\\_B", "AXB", false),
            ("%", "", true),
            ("_", "", false),
            ("%%a%", "BA", true),
        ] {
            assert_eq!(like(pattern, text), matches, "{text} LIKE {pattern}");
        }
    }
}
