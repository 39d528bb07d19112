//! The API's paths. What a request means is in `service`; here it is only read and its answer written.

mod associations;
mod extract;
mod query;
mod schemas;
mod settings;
mod subjects;

use crate::{refusal::Refusal, service::Service};
use axum::{
    Router,
    http::{Method, StatusCode, Uri, header::CONTENT_TYPE},
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
        .route("/contexts", get(subjects::contexts))
        .route("/subjects", get(subjects::list))
        .route("/subjects/{subject}", post(subjects::look_up).delete(subjects::delete))
        .route("/subjects/{subject}/metadata", get(subjects::with_metadata))
        .route("/subjects/{subject}/versions", get(subjects::versions).post(subjects::register))
        .route("/subjects/{subject}/versions/{version}", get(subjects::version).delete(subjects::delete_version))
        .route("/subjects/{subject}/versions/{version}/schema", get(subjects::version_schema))
        .route("/subjects/{subject}/versions/{version}/referencedby", get(subjects::referenced_by))
        .route("/compatibility/subjects/{subject}/versions", post(subjects::compatibility))
        .route("/compatibility/subjects/{subject}/versions/{version}", post(subjects::compatibility_with_version))
        .route("/config", get(settings::config).put(settings::set_config).delete(settings::reset_config))
        .route(
            "/config/{subject}",
            get(settings::own_config).put(settings::set_own_config).delete(settings::reset_own_config),
        )
        .route("/mode", get(settings::mode).put(settings::set_mode).delete(settings::reset_mode))
        .route("/mode/{subject}", get(settings::own_mode).put(settings::set_own_mode).delete(settings::reset_own_mode))
        .route("/schemas", get(schemas::list))
        .route("/schemas/types", get(|| async { Answer(["AVRO"]) }))
        .route("/schemas/ids/{id}", get(schemas::by_id))
        .route("/schemas/ids/{id}/schema", get(schemas::text_by_id))
        .route("/schemas/ids/{id}/subjects", get(schemas::subjects))
        .route("/schemas/ids/{id}/versions", get(schemas::versions))
        .route("/schemas/guids/{guid}", get(schemas::by_guid))
        .route("/schemas/guids/{guid}/ids", get(schemas::ids_by_guid))
        .route("/associations", post(associations::change).put(associations::change))
        .route("/associations/resources/{id}", get(associations::list).delete(associations::delete))
        .route("/associations/resources/{namespace}/{name}", get(associations::list))
        .route("/associations/subjects/{subject}", get(associations::list))
        .fallback(|uri: Uri| async move { Refusal::UnknownPath(uri.path().to_owned()) })
        .method_not_allowed_fallback(|method: Method| async move { Refusal::UnknownMethod(method.to_string()) })
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

/// The text of a schema, without anything around it.
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

/// Runs a change on a thread that may wait for the disk, so that other requests are answered meanwhile.
async fn change<T: Send + 'static>(
    service: Context,
    work: impl FnOnce(&Service) -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    let done = tokio::task::spawn_blocking(move || work(&service)).await;
    done.unwrap_or_else(|error| Err(Refusal::Internal(error.to_string())))
}
