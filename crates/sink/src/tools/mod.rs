//! What runs beside the service and after it: proofs, forecasts and repairs. Each reads the same store and log; none is part of
//! a running sink.

pub(crate) mod accept_loss;
pub(crate) mod plan;
pub(crate) mod repair;
pub(crate) mod verify;
pub(crate) mod watch;
