//! What the services of `up` run with, and the same as a configuration file, so that every other command sees this stack
//! exactly as `up` does: `deployer plan` finds nothing to change, `sink verify` looks at the sink's own files.

use crate::cli::UpArgs;
use anyhow::Context;
use contract::endpoints::Secret;
use deployer::{Access, Compute};
use local_stack::Endpoints;
use serde_json::{Value, json};
use std::time::Duration;

/// How long the parts wait for something new: what comes every two minutes need not be asked for ten times a second. The embedded
/// broker looks into its database many times while a client waits for records, and the less often the longer it may wait.
pub(super) fn idle_wait(every: Duration) -> Duration {
    (every / 12).clamp(Duration::from_millis(250), Duration::from_secs(10))
}

/// A configuration for each service.
pub(super) struct Services {
    pub producer: producer::Config,
    pub sink: sink::Config,
    pub deployer: deployer::Config,
}

impl Services {
    pub(super) fn new(endpoints: &Endpoints, deployer: deployer::Config, args: &UpArgs) -> anyhow::Result<Self> {
        let Endpoints { mut kafka, registry, store } = endpoints.clone();
        let wait = ("fetch.wait.max.ms".to_owned(), idle_wait(args.every).as_millis().to_string());
        kafka.properties.extend([wait]);
        // The file may be used from another folder.
        let state = std::path::absolute(args.state.join("producer")).context("the producer's folder")?;
        let mut producer = producer::Config::new(kafka.clone(), registry.clone(), state);
        producer.topic.clone_from(&deployer.variables.topic);
        producer.every = args.every;
        let mut sink = sink::Config::new(kafka, registry, store);
        sink.topics = vec![deployer.variables.topic.clone()];
        sink.roll.window = args.every;
        // Nobody else is in the group: after a kill, only the dead process's own membership is waited for.
        sink.session_timeout = Duration::from_secs(6);
        Ok(Self { producer, sink, deployer })
    }

    /// Everything that differs from config/default.toml, or might once its defaults change.
    pub(super) fn configuration(&self) -> anyhow::Result<String> {
        let Self { producer, sink, deployer } = self;
        let (kafka, registry, store) = (&sink.kafka, &sink.registry, &sink.store);
        let (connection, variables) = (&deployer.connection, &deployer.variables);
        let duration = |duration: Duration| humantime::format_duration(duration).to_string();
        let mut file = json!({
            "kafka": {"bootstrap_servers": kafka.bootstrap_servers, "properties": kafka.properties},
            "registry": {
                "url": registry.url,
                "user": registry.user,
                "password": registry.password.as_ref().map(Secret::expose),
            },
            "store": {
                "bucket": store.bucket,
                "prefix": store.prefix,
                "region": store.region,
                "endpoint": store.endpoint,
                "path_style": store.path_style,
                "access_key_id": store.access_key_id,
                "secret_access_key": store.secret_access_key.as_ref().map(Secret::expose),
            },
            "producer": {
                "state_dir": producer.state_dir,
                "topic": producer.topic,
                "partitions": producer.partitions,
                "every": duration(producer.every),
            },
            "sink": {
                "topics": sink.topics,
                "group_id": sink.group_id,
                "session_timeout": duration(sink.session_timeout),
                "roll": {"window": duration(sink.roll.window)},
            },
            "deployer": {
                "sql": deployer.sql,
                "connection": {
                    "account": connection.account,
                    "user": connection.user,
                    "password": connection.password.as_ref().map(Secret::expose),
                    "private_key": connection.private_key.as_ref().map(Secret::expose),
                    "role": connection.role,
                    "warehouse": connection.warehouse,
                    "url": connection.url,
                    "connect_deadline": duration(connection.connect_deadline),
                    "statement_deadline": duration(connection.statement_deadline),
                },
                "variables": {
                    "database": variables.database,
                    "staging": variables.staging,
                    "core": variables.core,
                    "topic": variables.topic,
                    "bucket_url": variables.bucket_url,
                    "schedule": duration(variables.schedule),
                    "tasks": variables.tasks.as_str(),
                    "access": access(&variables.access),
                    "compute": compute(&variables.compute),
                },
            },
        });
        without_nulls(&mut file);
        let head = "# Written by `pipeline up` each time it starts: the stack that it runs, with its keys, for the other commands.\n";
        Ok(format!("{head}{}", toml::to_string(&file)?))
    }
}

fn access(access: &Access) -> Value {
    match access {
        Access::Keys { access_key_id, secret_access_key } => {
            json!({"keys": {"access_key_id": access_key_id, "secret_access_key": secret_access_key.expose()}})
        }
        Access::Integration { name } => json!({"integration": {"name": name}}),
    }
}

fn compute(compute: &Compute) -> Value {
    match compute {
        Compute::Warehouse { name, size } => json!({"warehouse": {"name": name, "size": size}}),
        Compute::Serverless { size } => json!({"serverless": {"size": size}}),
    }
}

/// TOML has no null: a key without a value is left out.
fn without_nulls(value: &mut Value) {
    if let Value::Object(object) = value {
        object.retain(|_, value| !value.is_null());
        object.values_mut().for_each(without_nulls);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config::Settings, demo::deployment};
    use local_stack::WarehouseEndpoint;

    #[test]
    fn the_file_says_everything_that_the_services_run_with() {
        let folder = tempfile::tempdir().unwrap();
        let endpoints = Endpoints {
            kafka: serde_json::from_value(json!({"bootstrap_servers": "127.0.0.1:9", "properties": {"a.b": "1"}}))
                .unwrap(),
            registry: serde_json::from_value(json!({"url": "http://127.0.0.1:8"})).unwrap(),
            store: serde_json::from_value(json!({
                "bucket": "b", "prefix": "p/", "region": "r", "endpoint": "http://127.0.0.1:7", "path_style": true,
                "access_key_id": "id", "secret_access_key": "secret",
            }))
            .unwrap(),
        };
        let warehouse = WarehouseEndpoint {
            url: "http://127.0.0.1:6".into(),
            account: "a".into(),
            user: "u".into(),
            password: Secret::new("007"),
        };
        let deployer = deployment(&endpoints, &warehouse, "topic", Duration::from_secs(13));
        let args = UpArgs { state: folder.path().to_owned(), every: Duration::from_millis(12_500) };
        let services = Services::new(&endpoints, deployer, &args).unwrap();
        let file = folder.path().join("pipeline.toml");
        std::fs::write(&file, services.configuration().unwrap()).unwrap();
        let settings = Settings::load(&[file]).unwrap();
        let Services { producer, sink, deployer } = services;
        assert_eq!(format!("{:?}", settings.read::<producer::Config>().unwrap()), format!("{producer:?}"));
        assert_eq!(format!("{:?}", settings.read::<sink::Config>().unwrap()), format!("{sink:?}"));
        let read: deployer::Config = settings.read().unwrap();
        assert_eq!(format!("{read:?}"), format!("{deployer:?}"));
        assert_eq!(read.connection.password.unwrap().expose(), "007");
    }
}
