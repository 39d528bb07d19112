//! Kafka, registry and S3 for a test: the embedded stack, or the servers that the environment names (`TEST_KAFKA`,
//! `TEST_REGISTRY`, `TEST_S3` with the AWS_* variables), so that the same suites run on both.

use contract::endpoints::{Kafka, ObjectStore, SchemaRegistry, Secret};
use local_stack::{Options, Ports, Stack};
use std::{
    collections::BTreeMap,
    env,
    path::{Path, PathBuf},
};
use tempfile::TempDir;
use uuid::Uuid;

/// Servers with a folder for the test's own files; embedded ones end with it.
pub(crate) struct Servers {
    pub kafka: Kafka,
    pub registry: SchemaRegistry,
    pub store: ObjectStore,
    /// Unique to the test, so that external servers can be shared.
    pub topic: String,
    pub folder: TempDir,
    _stack: Option<Stack>,
}

impl Servers {
    /// `test` makes the names readable.
    pub(crate) async fn start(test: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let topic = format!("{test}-{}", Uuid::new_v4().simple());
        if let Ok(bootstrap_servers) = env::var("TEST_KAFKA") {
            let of = |name: &str| env::var(name).unwrap_or_else(|_| panic!("TEST_KAFKA is set, so {name} must be"));
            let kafka = Kafka { bootstrap_servers, properties: BTreeMap::new() };
            let registry = SchemaRegistry { url: of("TEST_REGISTRY"), user: None, password: None };
            let store = ObjectStore {
                bucket: env::var("TEST_BUCKET").unwrap_or_else(|_| "customer-events".to_owned()),
                prefix: format!("{topic}/"),
                region: of("AWS_REGION"),
                endpoint: Some(of("TEST_S3")),
                path_style: true,
                access_key_id: Some(of("AWS_ACCESS_KEY_ID")),
                secret_access_key: Some(Secret::new(of("AWS_SECRET_ACCESS_KEY"))),
            };
            return Self { kafka, registry, store, topic, folder, _stack: None };
        }
        let options = Options {
            state: folder.path().join("stack"),
            ports: Ports::default(),
            bucket: "customer-events".to_owned(),
        };
        let stack = Stack::start(options).await.expect("the local stack");
        let endpoints = stack.endpoints().clone();
        let (kafka, registry, store) = (endpoints.kafka, endpoints.registry, endpoints.store);
        Self { kafka, registry, store, topic, folder, _stack: Some(stack) }
    }

    /// A configuration file for the command, with `more` in TOML behind the endpoints.
    pub(crate) fn configuration(&self, more: &str) -> PathBuf {
        let Self { kafka, registry, store, .. } = self;
        let endpoints = serde_json::json!({
            "kafka": {"bootstrap_servers": kafka.bootstrap_servers, "properties": kafka.properties},
            "registry": {"url": registry.url},
            "store": {
                "bucket": store.bucket,
                "prefix": store.prefix,
                "region": store.region,
                "endpoint": store.endpoint,
                "path_style": store.path_style,
                "access_key_id": store.access_key_id,
                "secret_access_key": store.secret_access_key.as_ref().map(Secret::expose),
            },
        });
        let text = format!("{}\n{more}", toml::to_string(&endpoints).expect("TOML"));
        let file = self.folder.path().join("pipeline.toml");
        std::fs::write(&file, text).expect("configuration file");
        file
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }
}
