//! What `snowflake-api` lacks of Snowflake's protocol, as a middleware of its HTTP client: another server than Snowflake's,
//! JSON instead of Arrow, waiting for long statements, errors that look like results, a second try where the server was
//! not reached. The crate parses strictly and takes whatever looks like a result for one; so every refusal is brought
//! into the one shape that it takes for an error.

use super::ClientError;
use crate::config::Connection;
use async_trait::async_trait;
use http::{Extensions, HeaderValue, Method, StatusCode, header};
use reqwest_middleware::{Error, Middleware, Next, Result};
use reqwest_snowflake::{Body, Request, Response, Url};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Codes of an answer that says: still running, ask again at `getResultUrl`.
const IN_PROGRESS: [&str; 2] = ["333333", "333334"];
/// The first wait before asking again; doubled each time.
const FIRST_WAIT: Duration = Duration::from_millis(20);
const LONGEST_WAIT: Duration = Duration::from_secs(2);

pub(super) struct Protocol {
    base: Option<Url>,
    connect_deadline: Duration,
    statement_deadline: Duration,
}

impl Protocol {
    pub(super) fn new(connection: &Connection) -> std::result::Result<Self, ClientError> {
        let parse = |url: &String| {
            let parsed = Url::parse(url).map_err(|error| ClientError::Config(format!("url `{url}`: {error}")))?;
            if matches!(parsed.scheme(), "http" | "https") && parsed.host_str().is_some() {
                return Ok(parsed);
            }
            Err(ClientError::Config(format!("url `{url}` is not of the form http(s)://host:port")))
        };
        Ok(Self {
            base: connection.url.as_ref().map(parse).transpose()?,
            connect_deadline: connection.connect_deadline,
            statement_deadline: connection.statement_deadline,
        })
    }

    /// Points the crate's fixed address at the configured server, and drops the double slash of its token request.
    fn redirect(&self, url: &mut Url) -> Result<()> {
        let path = url.path().replace("//", "/");
        url.set_path(&path);
        let Some(base) = &self.base else { return Ok(()) };
        let refused = || Error::middleware(std::io::Error::other(format!("{base} is no base for requests")));
        url.set_scheme(base.scheme()).map_err(|()| refused())?;
        url.set_host(base.host_str()).map_err(|_| refused())?;
        url.set_port(base.port()).map_err(|()| refused())
    }

    /// Sends a request, again where it did not reach the server or the server had no time for it.
    async fn send(&self, request: &Request, extensions: &mut Extensions, next: &Next<'_>) -> Result<Response> {
        let (begun, mut wait) = (Instant::now(), FIRST_WAIT);
        loop {
            let attempt = request.try_clone().ok_or_else(|| {
                Error::middleware(std::io::Error::other("a request whose body is a stream cannot be sent again"))
            })?;
            let answer = next.clone().run(attempt, extensions).await;
            let again = match &answer {
                Ok(response) => {
                    matches!(response.status(), StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE)
                }
                Err(Error::Reqwest(error)) => error.is_connect(),
                Err(Error::Middleware(_)) => false,
            };
            if !again || begun.elapsed() + wait > self.connect_deadline {
                return answer;
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    /// The answer to a statement, once it has ended.
    async fn finish(
        &self,
        mut answer: Value,
        request: &Request,
        extensions: &mut Extensions,
        next: &Next<'_>,
    ) -> Result<Value> {
        let (begun, mut wait) = (Instant::now(), FIRST_WAIT);
        while answer["code"].as_str().is_some_and(|code| IN_PROGRESS.contains(&code)) {
            if begun.elapsed() > self.statement_deadline {
                let waited = format!("the statement still runs after {:?}", self.statement_deadline);
                return Ok(refusal("000630", &waited, &answer));
            }
            let path = answer["data"]["getResultUrl"].as_str().unwrap_or_default();
            let url = request.url().join(path).map_err(Error::middleware)?;
            let mut poll = Request::new(Method::GET, url);
            *poll.headers_mut() = request.headers().clone();
            poll.headers_mut().remove(header::CONTENT_TYPE);
            poll.headers_mut().remove(header::CONTENT_LENGTH);
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(LONGEST_WAIT);
            answer = self.send(&poll, extensions, next).await?.error_for_status()?.json().await?;
        }
        Ok(answer)
    }
}

#[async_trait]
impl Middleware for Protocol {
    async fn handle(&self, mut request: Request, extensions: &mut Extensions, next: Next<'_>) -> Result<Response> {
        self.redirect(request.url_mut())?;
        let is_query = request.url().path().ends_with("/queries/v1/query-request");
        if is_query {
            request.headers_mut().insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        }
        let response = self.send(&request, extensions, &next).await?.error_for_status()?;
        if !is_query {
            return Ok(response);
        }
        let answer = self.finish(response.json().await?, &request, extensions, &next).await?;
        let body = serde_json::to_vec(&checked(answer)).map_err(Error::middleware)?;
        Ok(Response::from(http::Response::new(Body::from(body))))
    }
}

/// The answer as it is, or as a refusal where it is one, or is a result that this client would cut short.
fn checked(answer: Value) -> Value {
    if answer["success"] != Value::Bool(true) {
        let code = answer["code"].as_str().or(answer["data"]["errorCode"].as_str()).unwrap_or("unknown code");
        let message = answer["message"].as_str().unwrap_or("the server gave no reason");
        return refusal(code, message, &answer);
    }
    if answer["data"]["chunks"].as_array().is_some_and(|chunks| !chunks.is_empty()) {
        return refusal("chunks", "the result is larger than this client reads; ask for fewer rows", &answer);
    }
    answer
}

fn refusal(code: &str, message: &str, answer: &Value) -> Value {
    let text = |name: &str| answer["data"][name].as_str().unwrap_or_default().to_owned();
    json!({
        "code": code,
        "message": message,
        "success": false,
        "data": {
            "age": 0,
            "errorCode": code,
            "internalError": false,
            "queryId": text("queryId"),
            "sqlState": text("sqlState"),
        },
    })
}
