//! What each service takes from the configuration, and how it is checked: by every command before it starts anything, and
//! by `config check` for all services that are compiled in.

use super::Settings;
use contract::{
    endpoints::{Kafka, ObjectStore, SchemaRegistry},
    settings::{self, Refused},
};
use serde::{Deserialize, de::DeserializeOwned};
use std::collections::BTreeMap;

/// A part of the configuration with a type of its own.
pub(crate) trait Section: DeserializeOwned {
    const NAME: &'static str;
    /// Shared sections that the type has beside its own keys.
    const SHARED: &'static [&'static str] = &[];

    /// Refuses values that cannot work; keys are relative to the section.
    fn check(&self) -> Result<(), Refused>;
}

/// How the process logs.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Log {
    pub format: telemetry::logs::Format,
    pub filter: String,
}

/// A service that tells how it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum HealthOf {
    Producer,
    Registry,
    Sink,
    Warehouse,
}

/// Addresses for /live, /ready and /metrics.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(crate) struct Health(pub BTreeMap<HealthOf, String>);

impl Section for Log {
    const NAME: &'static str = "log";

    fn check(&self) -> Result<(), Refused> {
        Ok(())
    }
}

impl Section for Health {
    const NAME: &'static str = "health";

    fn check(&self) -> Result<(), Refused> {
        for (service, address) in &self.0 {
            let key = format!("{service:?}").to_lowercase();
            // Port 0 takes a free one.
            if address.strip_suffix(":0").is_none_or(str::is_empty) {
                settings::host_and_port(&key, address)?;
            }
        }
        Ok(())
    }
}

impl Section for Kafka {
    const NAME: &'static str = "kafka";

    fn check(&self) -> Result<(), Refused> {
        self.check()
    }
}

impl Section for SchemaRegistry {
    const NAME: &'static str = "registry";

    fn check(&self) -> Result<(), Refused> {
        self.check()
    }
}

impl Section for ObjectStore {
    const NAME: &'static str = "store";

    fn check(&self) -> Result<(), Refused> {
        self.check()
    }
}

#[cfg(feature = "producer")]
impl Section for producer::Config {
    const NAME: &'static str = "producer";
    const SHARED: &'static [&'static str] = &["kafka", "registry"];

    fn check(&self) -> Result<(), Refused> {
        self.check()
    }
}

#[cfg(feature = "sink")]
impl Section for sink::Config {
    const NAME: &'static str = "sink";
    const SHARED: &'static [&'static str] = &super::SHARED;

    fn check(&self) -> Result<(), Refused> {
        self.check()
    }
}

#[cfg(feature = "deployer")]
impl Section for deployer::Config {
    const NAME: &'static str = "deployer";

    fn check(&self) -> Result<(), Refused> {
        self.check()
    }
}

#[cfg(feature = "warehouse")]
impl Section for warehouse::Config {
    const NAME: &'static str = "warehouse";

    fn check(&self) -> Result<(), Refused> {
        self.check()
    }
}

/// What `config check` finds out about a section.
pub(crate) enum Outcome {
    Fine,
    /// Nothing of the section is set but its defaults, and they are not enough to run the service.
    NotSetUp(String),
    Refused(String),
}

impl Settings {
    /// Checks every section that this build can run something with.
    pub(crate) fn check(&self) -> Vec<(&'static str, Outcome)> {
        vec![
            self.outcome::<Kafka>(),
            self.outcome::<SchemaRegistry>(),
            self.outcome::<ObjectStore>(),
            self.outcome::<Log>(),
            self.outcome::<Health>(),
            #[cfg(feature = "producer")]
            self.outcome::<producer::Config>(),
            #[cfg(feature = "sink")]
            self.outcome::<sink::Config>(),
            #[cfg(feature = "deployer")]
            self.outcome::<deployer::Config>(),
            #[cfg(feature = "warehouse")]
            self.outcome::<warehouse::Config>(),
        ]
    }

    fn outcome<T: Section>(&self) -> (&'static str, Outcome) {
        let prefix = format!("{}.", T::NAME);
        let is_untouched = || {
            let mut own = self.all().into_iter().filter(|setting| setting.key.starts_with(&prefix));
            own.all(|setting| setting.source == super::Source::Default)
        };
        let outcome = match self.typed::<T>(T::NAME, T::SHARED) {
            Err(fault) if fault.is_missing() && is_untouched() => Outcome::NotSetUp(fault.to_string()),
            Err(fault) => Outcome::Refused(fault.to_string()),
            Ok(section) => match section.check() {
                Ok(()) => Outcome::Fine,
                Err(refused) => Outcome::Refused(self.refusal::<T>(&refused).to_string()),
            },
        };
        (T::NAME, outcome)
    }
}
