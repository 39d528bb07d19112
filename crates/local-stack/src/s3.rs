//! An S3 for one machine: the protocol by `s3s`, the objects as files in a folder.
//!
//! The store is the project's own and not `s3s-fs`, because the pipeline stands on two promises that the latter does not
//! keep: of several conditional creates exactly one wins, and an object is never seen without its metadata, whatever is
//! killed when. Here an object and its metadata are one file, finished before it gets its name, and a create gives the
//! name with `link(2)`, which the kernel grants to one only.

mod answers;
mod conditions;
mod copy;
mod file;
mod layout;
mod listing;
mod multipart;
mod protocol;
mod requests;
mod upload;

use hyper_util::rt::TokioIo;
use s3s::{
    auth::SimpleAuth,
    service::{S3Service, S3ServiceBuilder},
};
use std::{pin::pin, time::Duration};
use telemetry::Shutdown;
use tokio::{net::TcpListener, task::JoinSet, time::timeout};

pub(crate) use layout::Layout;

/// How long open connections may hold up a stop.
const STOP_DEADLINE: Duration = Duration::from_secs(5);
/// Pause after a failed accept, which is usually a lack of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The one key pair that the store knows.
pub(crate) struct Access {
    pub(crate) key_id: String,
    pub(crate) secret: String,
}

/// Answers on `listener` until `shutdown`, then lets open requests finish within a deadline.
pub(crate) async fn serve(layout: Layout, access: Access, listener: TcpListener, shutdown: Shutdown) {
    let mut builder = S3ServiceBuilder::new(protocol::Protocol::new(layout));
    builder.set_auth(SimpleAuth::from_single(access.key_id, access.secret));
    let service = builder.build();
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = shutdown.requested() => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    // Small answers should not wait for each other.
                    if let Err(error) = stream.set_nodelay(true) {
                        tracing::debug!(%error, "S3: TCP_NODELAY");
                    }
                    connections.spawn(serve_connection(TokioIo::new(stream), service.clone(), shutdown.clone()));
                }
                Err(error) => {
                    tracing::warn!(%error, "S3: accepting a connection failed");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
    if timeout(STOP_DEADLINE, async { while connections.join_next().await.is_some() {} }).await.is_err() {
        tracing::warn!(open = connections.len(), "S3: requests were still open {STOP_DEADLINE:?} after the stop");
    }
}

async fn serve_connection(stream: TokioIo<tokio::net::TcpStream>, service: S3Service, shutdown: Shutdown) {
    let mut connection = pin!(hyper::server::conn::http1::Builder::new().serve_connection(stream, service));
    let served = tokio::select! {
        served = connection.as_mut() => served,
        () = shutdown.requested() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = served {
        tracing::debug!(%error, "S3: a connection ended early");
    }
}
