//! The API's paths. What a request means is in `service`; here it is only read and its answer written.

mod extract;
mod schemas;
mod settings;
mod subjects;

use crate::{refusal::Refusal, service::Service};
use axum::{
    Router,
    http::{StatusCode, Uri, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::Serialize;
use std::sync::Arc;

const MEDIA_TYPE: &str = "application/vnd.schemaregistry.v1+json";

pub(crate) type Context = Arc<Service>;

pub(crate) fn router(service: Context) -> Router {
    Router::new()
        .route("/", get(|| async { Answer(serde_json::Map::new()) }))
        .route("/subjects", get(subjects::list))
        .route("/subjects/{subject}", post(subjects::look_up).delete(subjects::delete))
        .route("/subjects/{subject}/versions", get(subjects::versions).post(subjects::register))
        .route("/subjects/{subject}/versions/{version}", get(subjects::version).delete(subjects::delete_version))
        .route("/subjects/{subject}/versions/{version}/schema", get(subjects::version_schema))
        .route("/compatibility/subjects/{subject}/versions", post(subjects::compatibility))
        .route("/compatibility/subjects/{subject}/versions/{version}", post(subjects::compatibility_with_version))
        .route("/config", get(settings::level).put(settings::set_level).delete(settings::reset_level))
        .route(
            "/config/{subject}",
            get(settings::own_level).put(settings::set_own_level).delete(settings::reset_own_level),
        )
        .route("/mode", get(settings::mode).put(settings::set_mode))
        .route("/mode/{subject}", get(settings::own_mode).put(settings::set_own_mode).delete(settings::reset_own_mode))
        .route("/schemas/types", get(|| async { Answer(["AVRO"]) }))
        .route("/schemas/ids/{id}", get(schemas::by_id))
        .route("/schemas/ids/{id}/schema", get(schemas::text_by_id))
        .route("/schemas/ids/{id}/subjects", get(schemas::subjects))
        .route("/schemas/ids/{id}/versions", get(schemas::versions))
        .fallback(|uri: Uri| async move { Refusal::UnknownPath(uri.path().to_owned()) })
        .method_not_allowed_fallback(|| async { Refusal::UnknownMethod })
        .with_state(service)
}

/// A body in the registry's media type.
struct Answer<T>(T);

type Answered<T> = Result<Answer<T>, Refusal>;

impl<T: Serialize> IntoResponse for Answer<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(body) => ([(CONTENT_TYPE, MEDIA_TYPE)], body).into_response(),
            Err(error) => Refusal::Internal(error.to_string()).into_response(),
        }
    }
}

/// A schema's text as it is.
struct SchemaText(String);

impl IntoResponse for SchemaText {
    fn into_response(self) -> Response {
        ([(CONTENT_TYPE, MEDIA_TYPE)], self.0).into_response()
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, code) = self.codes();
        let body = serde_json::json!({ "error_code": code, "message": self.to_string() }).to_string();
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, [(CONTENT_TYPE, MEDIA_TYPE)], body).into_response()
    }
}

/// Runs a change where waiting for the disk holds up no other request.
async fn change<T: Send + 'static>(
    service: Context,
    work: impl FnOnce(&Service) -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    let done = tokio::task::spawn_blocking(move || work(&service)).await;
    done.unwrap_or_else(|error| Err(Refusal::Internal(error.to_string())))
}
