//! Kill -9 of the local warehouse while pipe and tasks work: nothing is loaded twice, merged twice or left out.

use crate::{
    support::{bucket::Bucket, eventually, process, servers::Servers},
    tables::lab::{self, Scope, aside},
};
use contract::endpoints::Secret;
use deployer::{Access, Client, Connection, Variables};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::{net::TcpListener, time::Duration};
use testkit::{loose::LooseWriter, random};

const PATIENCE: Duration = Duration::from_mins(3);
const PASSWORD: &str = "a password";

/// An address that nobody else is given while the warehouse is down.
fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("its address").to_string()
}

/// The warehouse's section, with the test's own store behind `s3://`.
fn section(servers: &Servers, address: &str) -> String {
    let (state, store) = (servers.path().join("warehouse"), &servers.store);
    let endpoint = store.endpoint.as_deref().expect("the tests' store has an endpoint");
    format!(
        "[warehouse]\nlisten = \"{address}\"\nstate = \"{}\"\npipe_poll_interval = \"50ms\"\n\
        min_task_interval = \"1s\"\n[[warehouse.users]]\nname = \"pipeline\"\npassword = \"{PASSWORD}\"\n\
        [warehouse.s3]\nregion = \"{}\"\nendpoint = \"{endpoint}\"\npath_style = true\n",
        state.display(),
        store.region
    )
}

fn variables(servers: &Servers) -> Variables {
    let store = &servers.store;
    let access = Access::Keys {
        access_key_id: store.access_key_id.clone().expect("keys"),
        secret_access_key: store.secret_access_key.clone().expect("keys"),
    };
    let mut variables = Variables::new(format!("s3://{}/{}", store.bucket, store.prefix), access);
    variables.topic.clone_from(&servers.topic);
    variables.schedule = Duration::from_secs(1);
    variables
}

#[tokio::test(flavor = "multi_thread")]
async fn a_warehouse_killed_at_any_moment_loads_and_merges_everything_once() {
    let servers = Servers::start("warehouse-kill").await;
    let address = free_address();
    let config = servers.configuration(&section(&servers, &address));
    let mut connection = Connection::with_password("local", "pipeline", Secret::new(PASSWORD));
    connection.url = Some(format!("http://{address}"));
    let (client, variables) = (Client::new(&connection).expect("a client"), variables(&servers));
    let seed = std::env::var("SUITE_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(rand::random::<u64>);
    println!("SUITE_SEED={seed}");
    let mut random = ChaCha8Rng::seed_from_u64(seed);

    let mut running = process::start(&config, &["warehouse"]);
    let objects = deployer::render(&deployer::templates(None).expect("templates"), &variables).expect("rendered");
    deployer::apply_on(&client, &objects, &variables).await.expect("a deployment");

    let case = random::case(seed, 120).expect("case");
    let (bucket, mut writer) = (Bucket::new(&servers.store), LooseWriter::new(&variables.topic));
    for batch in &case.batches {
        let batch: Vec<_> = batch.iter().map(|record| aside(record, 0)).collect();
        for file in writer.files(&batch).expect("files") {
            bucket.put(&file.key, file.bytes).await;
        }
        // The moment is what is random; nothing is waited for but the process itself.
        let moment = Duration::from_millis(random.random_range(100..1_500));
        let ended = tokio::time::timeout(moment, running.wait()).await;
        assert!(ended.is_err(), "the warehouse ended by itself: {ended:?}");
        process::kill(running).await;
        running = process::start(&config, &["warehouse"]);
    }
    let cases = [case];
    eventually("pipe and tasks", PATIENCE, || async {
        let failures =
            lab::failures(&client, &variables, &cases, Scope::Both).await.map_err(|error| format!("{error:#}"))?;
        if failures.is_empty() { Ok(()) } else { Err(failures.join("\n")) }
    })
    .await;
    let report = deployer::apply_on(&client, &objects, &variables).await.expect("a second deployment");
    assert_eq!(report.changes(), 0, "a restart changes no object");
    assert_eq!(process::stop(running, PATIENCE).await, Some(0));
}
