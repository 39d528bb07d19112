//! Deletes versions and subjects. What others refer to stays: a soft deletion is refused while an active version refers to
//! it, a permanent one while any version does.

use super::{Service, VersionName, find, known};
use crate::{
    catalog::{Catalog, Change, Deletion, Mode, Registered, Scope, Version},
    refusal::Refusal,
};

impl Service {
    pub(crate) fn delete_version(&self, subject: &str, name: VersionName, how: Deletion) -> Result<Version, Refusal> {
        let mut state = self.state();
        let all = known(&state.catalog, subject, Scope::WithDeleted)?;
        // "latest" is the latest that can be meant: an active one to delete, a deleted one to forget.
        let meant: Vec<_> = match (name, how) {
            (VersionName::Latest, Deletion::Soft) => all.into_iter().filter(|v| !v.is_deleted).collect(),
            (VersionName::Latest, Deletion::Permanent) => all.into_iter().filter(|v| v.is_deleted).collect(),
            (VersionName::Number(_), _) => all,
        };
        let Registered { version, is_deleted, .. } = *find(&meant, name)?;
        if how == Deletion::Soft && is_deleted {
            return Err(Refusal::VersionSoftDeleted(subject.to_owned(), version));
        }
        check_writable(&state.catalog, subject)?;
        if !state.catalog.referrers(subject, version, referring(how)).is_empty() {
            return Err(Refusal::Referenced(subject.to_owned(), version));
        }
        if how == Deletion::Permanent && !is_deleted {
            return Err(Refusal::VersionNotSoftDeleted(subject.to_owned(), version));
        }
        state.change(Change::VersionDeleted { subject: subject.to_owned(), version, how })?;
        Ok(version)
    }

    /// Returns the versions that were deleted.
    pub(crate) fn delete_subject(&self, subject: &str, how: Deletion) -> Result<Vec<Version>, Refusal> {
        let mut state = self.state();
        let all = known(&state.catalog, subject, Scope::WithDeleted)?;
        check_writable(&state.catalog, subject)?;
        let meant: Vec<_> = all.iter().filter(|v| how == Deletion::Permanent || !v.is_deleted).collect();
        if meant.is_empty() {
            return Err(Refusal::SubjectSoftDeleted(subject.to_owned()));
        }
        for Registered { version, is_deleted, .. } in &meant {
            let referrers = state.catalog.referrers(subject, *version, referring(how));
            // References within the subject go with it.
            if referrers.iter().any(|user| user.subject != subject) {
                return Err(Refusal::Referenced(subject.to_owned(), *version));
            }
            if how == Deletion::Permanent && !is_deleted {
                return Err(Refusal::SubjectNotSoftDeleted(subject.to_owned()));
            }
        }
        let gone = meant.iter().map(|v| v.version).collect();
        state.change(Change::SubjectDeleted { subject: subject.to_owned(), how })?;
        Ok(gone)
    }
}

/// Which versions keep one that they refer to from being deleted.
fn referring(how: Deletion) -> Scope {
    match how {
        Deletion::Soft => Scope::Active,
        Deletion::Permanent => Scope::WithDeleted,
    }
}

pub(super) fn check_writable(catalog: &Catalog, subject: &str) -> Result<(), Refusal> {
    match catalog.effective_mode(subject) {
        Mode::ReadOnly | Mode::ReadOnlyOverride => Err(Refusal::ReadOnly(subject.to_owned())),
        Mode::ReadWrite | Mode::Import => Ok(()),
    }
}
