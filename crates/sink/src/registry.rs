//! What a schema that records name means for files.

use clients::registry::{Answer, Registry as Client};
use contract::endpoints::SchemaRegistry;
use sink_core::{families::Home, value_schema::ValueSchema};

use crate::error::SinkError;

/// What was found under an id.
#[derive(Debug)]
pub(crate) enum Lookup {
    /// With where the registry has it, which orders it against other schemas.
    Schema(Option<Home>, Box<ValueSchema>),
    /// There is no such id (yet).
    Missing,
    /// A schema of another language.
    NotAvro(String),
    /// A registered Avro schema that files cannot hold.
    Unusable(String),
    /// The registry did not answer: nothing is known.
    Down(String),
}

/// A client of one registry.
#[derive(Debug)]
pub(crate) struct Registry(Client);

impl Registry {
    pub(crate) fn new(config: &SchemaRegistry) -> Result<Self, SinkError> {
        let failed = |error: clients::registry::RegistryError| SinkError::Registry {
            url: config.url.clone(),
            reason: error.to_string(),
        };
        Client::new(config).map(Self).map_err(failed)
    }

    /// Looks up a schema that a record of `topic` names.
    pub(crate) async fn look_up(&self, topic: &str, id: u32) -> Lookup {
        let found = match self.0.look_up(topic, id).await {
            Answer::Found(found) => found,
            Answer::Missing => return Lookup::Missing,
            Answer::Down(reason) => return Lookup::Down(reason),
        };
        if found.kind != "AVRO" {
            return Lookup::NotAvro(found.kind.clone());
        }
        let references = match &found.references {
            Ok(references) => references.clone(),
            Err(reason) => return Lookup::Unusable(reason.clone()),
        };
        match ValueSchema::parse_with(&found.schema, references) {
            Ok(schema) => {
                let home = found.home.clone().map(|(subject, version)| Home { subject, version });
                Lookup::Schema(home, Box::new(schema))
            }
            Err(error) => Lookup::Unusable(error.to_string()),
        }
    }
}
