//! One way to stop: a signal (or a caller) asks, every part sees it and finishes or abandons what it holds.

use tokio_util::sync::CancellationToken;

/// A request to stop that any number of parts can wait for.
#[derive(Debug, Clone, Default)]
pub struct Shutdown(CancellationToken);

impl Shutdown {
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks everything that holds this to stop.
    pub fn request(&self) {
        self.0.cancel();
    }

    pub fn is_requested(&self) -> bool {
        self.0.is_cancelled()
    }

    /// Completes once a stop is asked for.
    pub async fn requested(&self) {
        self.0.cancelled().await;
    }

    /// A part of its own that stops with this one but can also be stopped alone.
    #[must_use]
    pub fn child(&self) -> Self {
        Self(self.0.child_token())
    }

    /// Lets SIGTERM and SIGINT ask for the stop; a second signal ends the process at once.
    ///
    /// # Errors
    /// When the signal handlers cannot be installed.
    pub fn on_signals(&self) -> std::io::Result<()> {
        use tokio::signal::unix::{SignalKind, signal};
        let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let shutdown = self.clone();
        tokio::spawn(async move {
            tokio::select! { _ = term.recv() => {} _ = int.recv() => {} }
            tracing::info!("stopping; a second signal ends the process at once");
            shutdown.request();
            tokio::select! { _ = term.recv() => {} _ = int.recv() => {} }
            std::process::exit(130);
        });
        Ok(())
    }
}
