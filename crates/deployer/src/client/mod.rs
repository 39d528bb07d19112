//! The one way to the warehouse: a statement goes in, rows of text come out. `snowflake-api` does the login and the
//! requests; what it lacks is in [`protocol`] and [`rows`].

mod protocol;
mod rows;
#[cfg(test)]
mod tests;

pub use rows::Rows;

use crate::config::Connection;
use async_trait::async_trait;
use protocol::Protocol;
use snowflake_api::{
    AuthArgs, AuthType, CertificateArgs, PasswordArgs, QueryResult, SnowflakeApi, SnowflakeApiBuilder,
    SnowflakeApiError,
};
use tokio::sync::RwLock;

/// Something that executes SQL.
#[async_trait]
pub trait Warehouse: Send + Sync {
    /// Executes one statement.
    async fn query(&self, sql: &str) -> Result<Rows, ClientError>;
}

/// A session with the warehouse. It logs in at the first statement, and again when the session has expired.
pub struct Client {
    connection: Connection,
    api: RwLock<SnowflakeApi>,
}

#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The server refused the statement.
    #[error("{message} ({code})")]
    Statement { code: String, message: String },
    #[error("login of {user} at {server} failed: {message}")]
    Login { user: String, server: String, message: String },
    #[error("{server} gave no usable answer: {message}")]
    Transport { server: String, message: String },
    #[error("the warehouse's connection is misconfigured: {0}")]
    Config(String),
}

/// What the server says of a session that is over; no statement has been executed then.
const SESSION_OVER: [&str; 3] = ["390111", "390112", "390114"];

impl ClientError {
    /// The server's code, such as `002003` where an object does not exist.
    pub fn code(&self) -> Option<&str> {
        if let Self::Statement { code, .. } = self { Some(code) } else { None }
    }
}

impl Client {
    /// Prepares a session; nothing is sent before the first statement.
    ///
    /// # Errors
    /// When the connection says neither or both of password and key, or its URL is none.
    pub fn new(connection: &Connection) -> Result<Self, ClientError> {
        Ok(Self { connection: connection.clone(), api: RwLock::new(session(connection)?) })
    }

    fn error(&self, error: &SnowflakeApiError) -> ClientError {
        let server = self.connection.url.clone().unwrap_or_else(|| self.connection.account.clone());
        match error {
            SnowflakeApiError::ApiError(code, message) => {
                ClientError::Statement { code: code.clone(), message: message.clone() }
            }
            SnowflakeApiError::AuthError(error) => {
                ClientError::Login { user: self.connection.user.clone(), server, message: chain(error) }
            }
            other => ClientError::Transport { server, message: chain(other) },
        }
    }
}

#[async_trait]
impl Warehouse for Client {
    async fn query(&self, sql: &str) -> Result<Rows, ClientError> {
        let answer = self.api.read().await.exec_raw(sql).await;
        let answer = match answer {
            Err(SnowflakeApiError::ApiError(code, _)) if SESSION_OVER.contains(&code.as_str()) => {
                let mut api = self.api.write().await;
                *api = session(&self.connection)?;
                api.exec_raw(sql).await
            }
            answer => answer,
        };
        let answer = answer.and_then(|raw| Ok(raw.deserialize_arrow()?)).map_err(|error| self.error(&error))?;
        match answer {
            QueryResult::Json(json) => Ok(Rows::from_json(&json)),
            QueryResult::Empty => Ok(Rows::default()),
            QueryResult::Arrow(_) => Err(ClientError::Transport {
                server: self.connection.url.clone().unwrap_or_else(|| self.connection.account.clone()),
                message: "it sent Arrow although JSON was asked for".to_owned(),
            }),
        }
    }
}

fn session(connection: &Connection) -> Result<SnowflakeApi, ClientError> {
    let auth_type = match (&connection.password, &connection.private_key) {
        (Some(password), None) => AuthType::Password(PasswordArgs { password: password.expose().to_owned() }),
        (None, Some(key)) => AuthType::Certificate(CertificateArgs { private_key_pem: key.expose().to_owned() }),
        _ => return Err(ClientError::Config("exactly one of `password` and `private_key` must be given".to_owned())),
    };
    let auth = AuthArgs {
        account_identifier: connection.account.clone(),
        warehouse: connection.warehouse.clone(),
        database: None,
        schema: None,
        username: connection.user.clone(),
        role: connection.role.clone(),
        auth_type,
    };
    let mut http = reqwest_snowflake::Client::builder().gzip(true);
    // A proxy could not reach this machine's own server.
    if connection.url.as_deref().is_some_and(contract::endpoints::is_loopback) {
        http = http.no_proxy();
    }
    let http = http.build().map_err(|error| ClientError::Config(format!("no HTTP client: {error}")))?;
    let http = reqwest_middleware::ClientBuilder::new(http).with(Protocol::new(connection)?).build();
    let api = SnowflakeApiBuilder::new(auth).with_client(http).build();
    api.map_err(|error| ClientError::Config(error.to_string()))
}

/// An error with all that caused it, since the crate's own text mostly stops at the surface.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}
