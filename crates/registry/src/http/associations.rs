//! `/associations` of subjects with resources such as topics. This registry keeps none, and says so: a client that looks for
//! the subject of a topic falls back to the topic's name, which is what Python's serializers do by default.

use super::{Answer, Answered};
use crate::refusal::Refusal;
use axum::http::StatusCode;

pub(super) async fn list() -> Answer<[(); 0]> {
    Answer([])
}

pub(super) async fn change() -> Answered<()> {
    let message = "Creating an association: this registry keeps none; name subjects after topics or records instead";
    Err(Refusal::NotSupported(message.to_owned()))
}

/// There is nothing to delete.
pub(super) async fn delete() -> StatusCode {
    StatusCode::NO_CONTENT
}
