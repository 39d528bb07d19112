//! A proxy in front of an S3 that does to a request what networks and stores do: the answer is lost after the work is
//! done, the request is cut or damaged, the store is busy, has forgotten an upload, or says success and means an error.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{
    HeaderMap, Method, Request, Response, StatusCode, body::Incoming, header, http::request::Parts, service::service_fn,
};
use hyper_util::rt::TokioIo;
use std::{collections::HashMap, io, sync::Arc, sync::Mutex, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use crate::fixture::Fixture;

/// How long a delayed request waits.
const DELAY: Duration = Duration::from_millis(300);
/// Longer than any attempt in these tests.
const NEVER: Duration = Duration::from_secs(30);

/// What is asked of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Operation {
    Put,
    Begin,
    Part,
    Complete,
    Abort,
    Head,
    Get,
    List,
    Other,
}

/// What is done to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Fault {
    Delay,
    /// The store does it and nobody hears of it.
    DropAnswer,
    /// Nothing comes back, and the connection stays open.
    Hang,
    Busy,
    BusyAfterWork,
    Conflict,
    /// The upload is aborted behind the sink's back.
    LoseUpload,
    /// The store says that it does not know an upload that it does know.
    DenyUpload,
    /// The store completes the upload and says that it does not know it.
    CompleteThenDeny,
    ErrorInside,
    ErrorInsideAfterWork,
    Reset,
    /// The connection is reset while the body is on its way.
    ResetHalfway,
    /// The store gets half of the body.
    Truncate,
    /// The store gets a body with one bit turned.
    Damage,
}

impl Fault {
    pub(crate) const ALL: [Self; 15] = [
        Self::Delay,
        Self::DropAnswer,
        Self::Hang,
        Self::Busy,
        Self::BusyAfterWork,
        Self::Conflict,
        Self::LoseUpload,
        Self::DenyUpload,
        Self::CompleteThenDeny,
        Self::ErrorInside,
        Self::ErrorInsideAfterWork,
        Self::Reset,
        Self::ResetHalfway,
        Self::Truncate,
        Self::Damage,
    ];

    /// Whether it can happen to such a request.
    pub(crate) fn concerns(self, operation: Operation) -> bool {
        use Operation::{Complete, Part, Put};
        match self {
            Self::Delay | Self::DropAnswer | Self::Hang | Self::Busy | Self::BusyAfterWork | Self::Reset => true,
            Self::Conflict => matches!(operation, Put | Complete),
            Self::LoseUpload | Self::DenyUpload => matches!(operation, Part | Complete),
            Self::CompleteThenDeny | Self::ErrorInside | Self::ErrorInsideAfterWork => operation == Complete,
            Self::ResetHalfway | Self::Truncate | Self::Damage => matches!(operation, Put | Part),
        }
    }

    /// Whether it can happen to a file that is one PUT.
    pub(crate) fn concerns_puts(self) -> bool {
        self.concerns(Operation::Put)
    }

    /// As part of a topic's name.
    pub(crate) fn name(self) -> String {
        format!("{self:?}").to_lowercase()
    }
}

/// What becomes of a request.
#[derive(Debug)]
pub(crate) enum Deed {
    Pass,
    Fault(Fault),
    /// Answered here: a status and a body.
    Answer(u16, String),
}

/// A request as the plan sees it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Seen {
    pub(crate) operation: Operation,
    /// The query, for what is told by it.
    pub(crate) query: String,
    /// The key, or a listing's prefix.
    pub(crate) key: String,
}

pub(crate) type Plan = Arc<dyn Fn(&Seen) -> Deed + Send + Sync>;

pub(crate) struct Proxy {
    pub(crate) url: String,
    /// How often each fault happened, by operation.
    hits: Arc<Mutex<HashMap<(Fault, Operation), usize>>>,
    task: JoinHandle<()>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A connection as the handler of its requests knows it.
struct Handler {
    upstream: String,
    plan: Plan,
    hits: Arc<Mutex<HashMap<(Fault, Operation), usize>>>,
    /// Past the proxy.
    direct: (aws_sdk_s3::Client, String),
    /// A second handle of the client's connection, to reset it.
    connection: TcpStream,
}

impl Proxy {
    /// In front of a stack's store.
    pub(crate) async fn start(fixture: &Fixture, plan: Plan) -> Self {
        let upstream = fixture.config("any").store.endpoint.unwrap();
        let direct = fixture.s3();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let upstream = upstream.strip_prefix("http://").unwrap().to_owned();
        let hits = Arc::new(Mutex::new(HashMap::new()));
        let counted = Arc::clone(&hits);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let stream = stream.into_std().unwrap();
                let connection = TcpStream::from_std(stream.try_clone().unwrap()).unwrap();
                let (upstream, direct) = (upstream.clone(), direct.clone());
                let (plan, hits) = (Arc::clone(&plan), Arc::clone(&counted));
                let handler = Arc::new(Handler { upstream, plan, hits, direct, connection });
                let service = service_fn(move |request| {
                    let handler = Arc::clone(&handler);
                    async move { handler.handle(request).await }
                });
                let io = TokioIo::new(TcpStream::from_std(stream).unwrap());
                tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(io, service));
            }
        });
        Self { url, hits, task }
    }

    pub(crate) fn hits(&self, fault: Fault) -> usize {
        self.hits.lock().unwrap().iter().filter(|((hit, _), _)| *hit == fault).map(|(_, count)| count).sum()
    }
}

impl Handler {
    /// An error closes the connection without an answer.
    async fn handle(&self, request: Request<Incoming>) -> io::Result<Response<Full<Bytes>>> {
        let seen = Seen::of(&request);
        let deed = (self.plan)(&seen);
        let (parts, body) = request.into_parts();
        let fault = match deed {
            Deed::Pass => return self.forward(&parts, whole(body).await?).await,
            Deed::Answer(status, text) => {
                whole(body).await?;
                return Ok(answer(status, &text));
            }
            Deed::Fault(fault) => fault,
        };
        *self.hits.lock().unwrap().entry((fault, seen.operation)).or_default() += 1;
        if fault == Fault::ResetHalfway {
            let mut body = body;
            let _ = body.frame().await;
            return self.reset();
        }
        let body = whole(body).await?;
        match fault {
            Fault::Delay => {
                tokio::time::sleep(DELAY).await;
                self.forward(&parts, body).await
            }
            Fault::DropAnswer => {
                self.forward(&parts, body).await?;
                Err(io::Error::other("the answer is lost"))
            }
            Fault::Hang => {
                tokio::time::sleep(NEVER).await;
                Err(io::Error::other("nothing came"))
            }
            Fault::Busy => Ok(busy()),
            Fault::BusyAfterWork => {
                self.forward(&parts, body).await?;
                Ok(busy())
            }
            Fault::Conflict => Ok(error(409, "ConditionalRequestConflict")),
            Fault::LoseUpload => {
                self.abort(&seen).await?;
                Ok(error(404, "NoSuchUpload"))
            }
            Fault::DenyUpload => Ok(error(404, "NoSuchUpload")),
            Fault::CompleteThenDeny => {
                self.forward(&parts, body).await?;
                Ok(error(404, "NoSuchUpload"))
            }
            Fault::ErrorInside => Ok(error(200, "InternalError")),
            Fault::ErrorInsideAfterWork => {
                self.forward(&parts, body).await?;
                Ok(error(200, "InternalError"))
            }
            Fault::Reset | Fault::ResetHalfway => self.reset(),
            Fault::Truncate => {
                self.truncate(&parts, &body).await?;
                Err(io::Error::other("the request was cut"))
            }
            Fault::Damage => {
                let mut damaged = body.to_vec();
                if let Some(byte) = damaged.last_mut() {
                    *byte ^= 1;
                }
                self.forward(&parts, damaged.into()).await
            }
        }
    }

    fn reset<T>(&self) -> io::Result<T> {
        self.connection.set_zero_linger()?;
        Err(io::Error::other("reset"))
    }

    async fn forward(&self, parts: &Parts, body: Bytes) -> io::Result<Response<Full<Bytes>>> {
        let stream = TcpStream::connect(&self.upstream).await?;
        let connected = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
        let (mut sender, connection) = connected.map_err(io::Error::other)?;
        tokio::spawn(connection);
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = parts.method.clone();
        *request.uri_mut() = parts.uri.clone();
        *request.headers_mut() = forwarded(&parts.headers);
        let (head, body) = sender.send_request(request).await.map_err(io::Error::other)?.into_parts();
        let mut answer = Response::new(Full::new(body.collect().await.map_err(io::Error::other)?.to_bytes()));
        *answer.status_mut() = head.status;
        *answer.headers_mut() = forwarded(&head.headers);
        Ok(answer)
    }

    /// Sends half of the body and no more, and waits for what the store makes of it.
    async fn truncate(&self, parts: &Parts, body: &Bytes) -> io::Result<()> {
        let mut stream = TcpStream::connect(&self.upstream).await?;
        let mut head = format!("{} {} HTTP/1.1\r\n", parts.method, parts.uri);
        for (name, value) in &parts.headers {
            head.extend([name.as_str(), ": ", value.to_str().map_err(io::Error::other)?, "\r\n"]);
        }
        head.push_str("\r\n");
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(&body[..body.len() / 2]).await?;
        stream.shutdown().await?;
        let mut nobody_reads_it = Vec::new();
        let _ = tokio::time::timeout(DELAY, stream.read_to_end(&mut nobody_reads_it)).await;
        Ok(())
    }

    /// Behind the sink's back, with keys of its own.
    async fn abort(&self, seen: &Seen) -> io::Result<()> {
        let id = seen.query.split('&').find_map(|pair| pair.strip_prefix("uploadId=")).unwrap_or_default();
        let (client, bucket) = &self.direct;
        let abort = client.abort_multipart_upload().bucket(bucket).key(&seen.key).upload_id(id);
        abort.send().await.map(|_| ()).map_err(io::Error::other)
    }
}

impl Seen {
    fn of(request: &Request<Incoming>) -> Self {
        let query = request.uri().query().unwrap_or_default().to_owned();
        let names = |name: &str| query.split('&').any(|pair| pair.split('=').next() == Some(name));
        let operation = match *request.method() {
            Method::PUT if names("partNumber") => Operation::Part,
            Method::PUT => Operation::Put,
            Method::POST if names("uploads") => Operation::Begin,
            Method::POST if names("uploadId") => Operation::Complete,
            Method::DELETE if names("uploadId") => Operation::Abort,
            Method::HEAD => Operation::Head,
            Method::GET if names("list-type") => Operation::List,
            Method::GET if names("lifecycle") || names("uploads") => Operation::Other,
            Method::GET => Operation::Get,
            _ => Operation::Other,
        };
        let in_bucket = request.uri().path().trim_start_matches('/').split_once('/').map_or("", |(_, key)| key);
        let prefix = query.split('&').find_map(|pair| pair.strip_prefix("prefix=")).unwrap_or_default();
        let key = if in_bucket.is_empty() { prefix.replace("%2F", "/") } else { in_bucket.to_owned() };
        Self { operation, query, key: key.replace("%3D", "=") }
    }
}

async fn whole(body: Incoming) -> io::Result<Bytes> {
    Ok(body.collect().await.map_err(io::Error::other)?.to_bytes())
}

/// Framing is each connection's own.
fn forwarded(headers: &HeaderMap) -> HeaderMap {
    let mut headers = headers.clone();
    headers.remove(header::TRANSFER_ENCODING);
    headers.remove(header::CONNECTION);
    headers
}

fn answer(status: u16, text: &str) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::new(Bytes::from(text.to_owned())));
    *answer.status_mut() = StatusCode::from_u16(status).unwrap();
    answer.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/xml"));
    answer
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>
pub(crate) fn error(status: u16, code: &str) -> Response<Full<Bytes>> {
    answer(status, &error_text(code))
}

pub(crate) fn error_text(code: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>the proxy says so</Message></Error>"
    )
}

fn busy() -> Response<Full<Bytes>> {
    let mut busy = error(503, "SlowDown");
    busy.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("1"));
    busy
}
