//! One sink as a process of its own, so that it can be killed. It ends with the soak that started it: nobody holds its
//! standard input open any more.

use prometheus_client::{encoding::text::encode, registry::Registry};
use std::{fs, io::Read, path::Path, path::PathBuf, sync::Arc, time::Duration};
use telemetry::{Health, Shutdown};

/// How often the counters are written down; what is newer is not counted when it is killed.
const PERIOD: Duration = Duration::from_millis(100);

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The sink's configuration, as JSON.
    #[arg(long)]
    config: PathBuf,
    /// Where the sink's metrics are kept up to date, in the `OpenMetrics` text format.
    #[arg(long)]
    counters: PathBuf,
}

pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let config: sink::Config = serde_json::from_slice(&fs::read(&arguments.config)?)?;
    std::thread::Builder::new().name("parent".to_owned()).spawn(|| {
        let ended = std::io::stdin().read(&mut [0]);
        tracing::warn!(?ended, "the soak has ended");
        std::process::exit(3);
    })?;
    let shutdown = Shutdown::new();
    shutdown.on_signals()?;
    let mut registry = Registry::default();
    let metrics = sink::Metrics::register(&mut registry);
    let registry = Arc::new(registry);
    let (counted, path) = (Arc::clone(&registry), arguments.counters.clone());
    tokio::spawn(async move {
        let mut period = tokio::time::interval(PERIOD);
        loop {
            period.tick().await;
            if let Err(error) = write(&counted, &path) {
                tracing::warn!(%error, "writing counters");
            }
        }
    });
    let result = sink::run(config, Health::new(), metrics, shutdown).await;
    write(&registry, &arguments.counters)?;
    println!("{}", serde_json::to_string(&result?)?);
    Ok(())
}

fn write(registry: &Registry, path: &Path) -> anyhow::Result<()> {
    let mut text = String::new();
    encode(&mut text, registry)?;
    let new = path.with_extension("new");
    fs::write(&new, text)?;
    Ok(fs::rename(&new, path)?)
}
