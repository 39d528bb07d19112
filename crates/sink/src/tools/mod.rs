//! The tools beside the service: proofs, forecasts and repairs. Each reads the same store and log as the service. None of them is
//! part of a running sink.

pub(crate) mod accept_loss;
pub(crate) mod plan;
pub(crate) mod repair;
pub(crate) mod verify;
pub(crate) mod watch;
