//! The writer's schema in the registry.

use crate::Error;
use clients::registry::Registry;
use contract::{
    endpoints::SchemaRegistry,
    names,
    schemas::{self, Released},
};

/// Registers `released` and every version before it under the topic's subject, oldest first, and returns the id to
/// frame its data with. The order matters on an empty registry: whoever takes a subject's latest version for the newest
/// schema must not find an old one there. Versions that are registered stay as they are, and so does the subject's
/// compatibility: an incompatible schema is refused by the registry.
pub(crate) async fn register(registry: &SchemaRegistry, topic: &str, released: &Released) -> Result<u32, Error> {
    let client = Registry::new(registry)?;
    let subject = names::value_subject(topic);
    let mut id = 0;
    for older in schemas::released().iter().filter(|older| older.version <= released.version) {
        id = client.register(&subject, &older.compact()?).await?;
    }
    Ok(id)
}
