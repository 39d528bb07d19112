//! The one place that reads configuration: the documented defaults, then files, then the environment. Services get typed
//! values and never look for themselves.

use anyhow::{Context, bail};
use config::{Config, Environment, File, FileFormat, Map, Value, ValueKind};
use serde::de::DeserializeOwned;
use std::path::PathBuf;

/// The reference: every key with its meaning and default.
pub(crate) const DEFAULTS: &str = include_str!("../../../config/default.toml");

/// Environment variables that start like this set a key: `PIPELINE__SINK__GROUP_ID` sets `sink.group_id`.
const ENVIRONMENT_PREFIX: &str = "PIPELINE";

/// Sections that several services share; each service names those it takes.
const SHARED: [&str; 3] = ["kafka", "registry", "store"];
const SECTIONS: [&str; 9] =
    ["kafka", "registry", "store", "log", "health", "producer", "sink", "deployer", "warehouse"];

/// The layered configuration, not yet typed.
pub(crate) struct Settings(Config);

impl Settings {
    /// Reads the defaults, `files` in their order, and the environment, the later over the earlier.
    ///
    /// # Errors
    /// When a file is missing or not TOML, or a top-level section is unknown.
    pub(crate) fn load(files: &[PathBuf]) -> anyhow::Result<Self> {
        let mut layers = Config::builder().add_source(File::from_str(DEFAULTS, FileFormat::Toml));
        for file in files {
            layers = layers.add_source(File::from(file.clone()).format(FileFormat::Toml));
        }
        let environment =
            Environment::with_prefix(ENVIRONMENT_PREFIX).prefix_separator("__").separator("__").try_parsing(true);
        let merged = layers.add_source(environment).build().context("reading the configuration")?;
        let sections: Map<String, Value> = merged.clone().try_deserialize().context("reading the configuration")?;
        if let Some(unknown) = sections.keys().find(|name| !SECTIONS.contains(&name.as_str())) {
            bail!("configuration: unknown section `{unknown}`; there are {}", SECTIONS.join(", "));
        }
        Ok(Self(merged))
    }

    /// A service's own section, with the shared sections in `shared` put beside its keys.
    ///
    /// # Errors
    /// When a key is unknown, missing or of another type; the error names it.
    pub(crate) fn section<T: DeserializeOwned>(&self, name: &str, shared: &[&str]) -> anyhow::Result<T> {
        debug_assert!(shared.iter().all(|section| SHARED.contains(section)));
        let of = || format!("configuration, section [{name}]");
        let mut own = self.0.get_table(name).with_context(of)?;
        for section in shared {
            if !own.contains_key(*section) {
                own.insert((*section).to_owned(), self.0.get(section).with_context(of)?);
            }
        }
        Value::new(None, ValueKind::Table(own)).try_deserialize().with_context(of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_defaults_are_what_every_service_takes() {
        let settings = Settings::load(&[]).unwrap();
        let producer: producer::Config = settings.section("producer", &["kafka", "registry"]).unwrap();
        producer.check().unwrap();
        let sink: sink::Config = settings.section("sink", &["kafka", "registry", "store"]).unwrap();
        sink.check().unwrap();
        // How the warehouse gets at the bucket is nobody's to guess.
        let refused = settings.section::<deployer::Config>("deployer", &[]).unwrap_err();
        assert!(format!("{refused:#}").contains("access"), "{refused:#}");
        settings.section::<warehouse::Config>("warehouse", &[]).unwrap().check().unwrap();
    }

    #[test]
    fn the_documented_defaults_are_those_that_hold_without_the_file() {
        let settings = Settings::load(&[]).unwrap();
        let documented: sink::Config = settings.section("sink", &["kafka", "registry", "store"]).unwrap();
        let built_in =
            sink::Config::new(documented.kafka.clone(), documented.registry.clone(), documented.store.clone());
        assert_eq!(format!("{documented:?}"), format!("{built_in:?}"));
        let documented: producer::Config = settings.section("producer", &["kafka", "registry"]).unwrap();
        let (kafka, registry) = (documented.kafka.clone(), documented.registry.clone());
        let built_in = producer::Config::new(kafka, registry, documented.state_dir.clone());
        assert_eq!(format!("{documented:?}"), format!("{built_in:?}"));
    }

    #[test]
    fn an_unknown_section_or_key_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let load = |text: &str| {
            let file = folder.path().join("test.toml");
            std::fs::write(&file, text).unwrap();
            Settings::load(&[file])
        };
        assert!(load("[snik]\n").err().unwrap().to_string().contains("snik"));
        let settings = load("[sink]\ntpoics = []\n").unwrap();
        let refused = settings.section::<sink::Config>("sink", &["kafka", "registry", "store"]).unwrap_err();
        assert!(format!("{refused:#}").contains("tpoics"), "{refused:#}");
    }
}
