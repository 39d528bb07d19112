//! Changes the settings and modes of all subjects or of one.

use super::{Service, State, deletions::check_writable};
use crate::{
    catalog::{Catalog, Change, Deletion, Mode, Scope},
    refusal::Refusal,
    settings::{Setting, Settings},
};

impl Service {
    /// Returns the settings after the change.
    pub(crate) fn configure(&self, subject: Option<String>, changes: Vec<Setting>) -> Result<Settings, Refusal> {
        let mut state = self.state();
        check_changeable(&state.catalog, subject.as_deref())?;
        let mut settings = match &subject {
            None => state.catalog.settings().clone(),
            Some(name) => state.catalog.own_settings(name).cloned().unwrap_or_default(),
        };
        for change in changes {
            settings.set(change);
        }
        state.change(Change::Configured { subject, settings: Some(Box::new(settings.clone())) })?;
        Ok(settings)
    }

    /// Goes back to the defaults, or for a subject to what holds for all; returns the settings before.
    pub(crate) fn forget_settings(&self, subject: Option<String>) -> Result<Settings, Refusal> {
        let mut state = self.state();
        check_changeable(&state.catalog, subject.as_deref())?;
        let before = match &subject {
            None => state.catalog.settings().clone(),
            Some(name) => {
                let own = state.catalog.own_settings(name).cloned();
                own.ok_or_else(|| Refusal::SubjectNotFound(name.clone()))?.within(state.catalog.settings())
            }
        };
        state.change(Change::Configured { subject, settings: None })?;
        Ok(before)
    }

    /// Without `force`, import mode needs subjects without active versions, and forgets their deleted ones.
    pub(crate) fn set_mode(&self, subject: Option<String>, mode: Mode, force: bool) -> Result<(), Refusal> {
        let mut state = self.state();
        let before = subject.as_ref().map_or(state.catalog.mode(), |name| state.catalog.effective_mode(name));
        if mode == Mode::Import && before != Mode::Import && !force {
            state.clear(subject.as_deref())?;
        }
        state.change(Change::ModeSet { subject, mode: Some(mode) })
    }

    /// Returns the mode before; `recursive` ends the modes of all subjects too.
    pub(crate) fn forget_mode(&self, recursive: bool) -> Result<Mode, Refusal> {
        let mut state = self.state();
        let before = state.catalog.mode();
        let own: Vec<_> = state.catalog.subjects_with_mode().filter(|_| recursive).map(str::to_owned).collect();
        for subject in own.into_iter().map(Some).chain([None]) {
            state.change(Change::ModeSet { subject, mode: None })?;
        }
        Ok(before)
    }

    /// Returns the mode before.
    pub(crate) fn forget_own_mode(&self, subject: String) -> Result<Mode, Refusal> {
        let mut state = self.state();
        let before = state.catalog.own_mode(&subject).ok_or_else(|| Refusal::SubjectNotFound(subject.clone()))?;
        state.change(Change::ModeSet { subject: Some(subject), mode: None })?;
        Ok(before)
    }
}

impl State {
    /// Forgets the deleted versions of a subject, or of all; refused while there are active ones.
    fn clear(&mut self, subject: Option<&str>) -> Result<(), Refusal> {
        let is_meant = |name: &&str| subject.is_none_or(|subject| subject == *name);
        if self.catalog.subjects(Scope::Active).any(|name| is_meant(&name)) {
            return Err(Refusal::NotPermitted("Cannot import since found existing subjects".to_owned()));
        }
        let deleted: Vec<_> = self.catalog.subjects(Scope::DeletedOnly).filter(is_meant).map(str::to_owned).collect();
        for name in &deleted {
            for version in self.catalog.versions(name, Scope::WithDeleted) {
                let referrers = self.catalog.referrers(name, version.version, Scope::WithDeleted);
                if referrers.iter().any(|user| !deleted.iter().any(|name| name == user.subject)) {
                    return Err(Refusal::Referenced(name.clone(), version.version));
                }
            }
        }
        for subject in deleted {
            self.change(Change::SubjectDeleted { subject, how: Deletion::Permanent })?;
        }
        Ok(())
    }
}

fn check_changeable(catalog: &Catalog, subject: Option<&str>) -> Result<(), Refusal> {
    match subject {
        Some(name) => check_writable(catalog, name),
        None if matches!(catalog.mode(), Mode::ReadOnly | Mode::ReadOnlyOverride) => {
            Err(Refusal::NotPermitted("All subjects are in read-only mode".to_owned()))
        }
        None => Ok(()),
    }
}
