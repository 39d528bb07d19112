//! The writer's schema in the registry.

use crate::Error;
use contract::{
    endpoints::{SchemaRegistry, Secret},
    names,
    schemas::{self, Released},
};
use schema_registry_converter::{
    async_impl::schema_registry::{SrSettings, post_schema},
    error::SRCError,
    schema_registry_common::{SchemaType, SuppliedSchema},
};
use std::time::Duration;

const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// A client for the registry. TLS is the process's default `rustls` provider, which the binary installs.
pub(crate) fn client(registry: &SchemaRegistry) -> Result<SrSettings, Error> {
    let mut builder = SrSettings::new_builder(registry.url.trim_end_matches('/').to_owned());
    builder.set_timeout(REQUEST_TIMEOUT);
    if let Some(user) = &registry.user {
        builder.set_basic_authorization(user, registry.password.as_ref().map(Secret::expose));
    }
    // A proxy between two ports of this machine helps nobody and is often configured all the same.
    let loopback = ["://localhost", "://127.", "://[::1]"].iter().any(|host| registry.url.contains(host));
    if loopback {
        builder.no_proxy();
    }
    builder.build().map_err(|source| failed(registry, "accept a client".to_owned(), source))
}

/// Registers `released` and every version before it under the topic's subject, oldest first, and returns the id to
/// frame its data with. The order matters on an empty registry: whoever takes a subject's latest version for the newest
/// schema must not find an old one there. Versions that are registered stay as they are, and so does the subject's
/// compatibility: an incompatible schema is refused by the registry.
pub(crate) async fn register(registry: &SchemaRegistry, topic: &str, released: &Released) -> Result<u32, Error> {
    let client = client(registry)?;
    let subject = names::value_subject(topic);
    let mut id = 0;
    for older in schemas::released().iter().filter(|older| older.version <= released.version) {
        let schema = SuppliedSchema::new(None, SchemaType::Avro, older.compact()?);
        let doing = || format!("register v{} under `{subject}`", older.version);
        let registered = post_schema(&client, subject.clone(), schema).await;
        id = registered.map_err(|source| failed(registry, doing(), source))?.id;
    }
    Ok(id)
}

fn failed(registry: &SchemaRegistry, doing: String, source: SRCError) -> Error {
    Error::Registry { url: registry.url.clone(), doing, source: Box::new(source) }
}
