//! The query string. Parameters that a path does not have are ignored, as in Confluent's registry: clients send theirs to
//! every version of a registry. A parameter that it has must have a value that means something.

use crate::{
    catalog::{Deletion, Scope},
    refusal::Refusal,
    service::Format,
};
use axum::{extract::FromRequestParts, http::request::Parts};

pub(super) struct Query(Vec<(String, String)>);

/// A part of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Page {
    offset: usize,
    limit: usize,
}

impl<S: Send + Sync> FromRequestParts<S> for Query {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let query = axum::extract::Query::from_request_parts(parts, state).await;
        query.map(|axum::extract::Query(pairs)| Self(pairs)).map_err(|error| Refusal::Malformed(error.body_text()))
    }
}

impl Query {
    /// Returns the last value of a parameter.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.all(name).next_back()
    }

    /// Returns every value of a parameter that may be repeated.
    pub(super) fn all(&self, name: &str) -> impl DoubleEndedIterator<Item = &str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// `true` or `false` in any case of letters: Python's clients write `False`.
    pub(super) fn flag(&self, name: &str) -> Result<bool, Refusal> {
        match self.text(name).map(str::to_ascii_lowercase).as_deref() {
            None | Some("" | "false") => Ok(false),
            Some("true") => Ok(true),
            Some(other) => {
                Err(Refusal::Malformed(format!("Query parameter {name}: expected true or false, found `{other}`")))
            }
        }
    }

    /// Active versions, with `deleted` the deleted ones too, with `deletedOnly` these alone. Python's client writes
    /// `deleted_only`.
    pub(super) fn scope(&self) -> Result<Scope, Refusal> {
        let only = self.flag("deletedOnly")? || self.flag("deleted_only")?;
        let with = self.flag("deleted")?;
        Ok(match (only, with) {
            (true, _) => Scope::DeletedOnly,
            (false, true) => Scope::WithDeleted,
            (false, false) => Scope::Active,
        })
    }

    /// Active versions, or with `deleted` all, where there is no question about the deleted ones alone.
    pub(super) fn scope_with_deleted(&self) -> Result<Scope, Refusal> {
        Ok(if self.flag("deleted")? { Scope::WithDeleted } else { Scope::Active })
    }

    pub(super) fn deletion(&self) -> Result<Deletion, Refusal> {
        Ok(if self.flag("permanent")? { Deletion::Permanent } else { Deletion::Soft })
    }

    /// `format`. One that is not known is the default, as in Confluent's registry.
    pub(super) fn format(&self) -> Format {
        match self.text("format") {
            Some("resolved") => Format::Resolved,
            _ => Format::AsRegistered,
        }
    }

    /// `offset` and `limit`; a limit below 1 is none.
    pub(super) fn page(&self) -> Result<Page, Refusal> {
        let number = |name: &str, default: i64| match self.text(name) {
            None | Some("") => Ok(default),
            Some(text) => text.parse().map_err(|_| {
                Refusal::Malformed(format!("Query parameter {name}: expected a whole number, found `{text}`"))
            }),
        };
        let offset = number("offset", 0)?;
        let offset = usize::try_from(offset).map_err(|_| {
            Refusal::Malformed(format!("Query parameter offset: expected a number from 0, found `{offset}`"))
        })?;
        let limit = number("limit", -1)?;
        let limit = usize::try_from(limit).ok().filter(|limit| *limit > 0).unwrap_or(usize::MAX);
        Ok(Page { offset, limit })
    }

    /// `subject` without the default context in front of it.
    pub(super) fn subject(&self) -> &str {
        let subject = self.text("subject").unwrap_or_default();
        subject.strip_prefix(":.:").unwrap_or(subject)
    }

    /// `subjectPrefix` without the context in front of it: the default one, or `:*:` for any.
    pub(super) fn subject_prefix(&self) -> &str {
        let prefix = self.text("subjectPrefix").unwrap_or_default();
        prefix.strip_prefix(":*:").or_else(|| prefix.strip_prefix(":.:")).unwrap_or(prefix)
    }
}

impl Page {
    pub(super) fn of<T>(self, all: impl IntoIterator<Item = T>) -> Vec<T> {
        all.into_iter().skip(self.offset).take(self.limit).collect()
    }
}
