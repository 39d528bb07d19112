//! How one request failed: what was found, in the store's own words, whether a retry can help, and the way out. The SDK's
//! `Debug` dumps whole responses and never reaches a log or an error.

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use std::{error::Error, io, time::Duration};

use super::operation::Operation;

/// The longest pause that a store may ask for.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(30);
/// Bytes of the store's own text that an error repeats.
const LONGEST_TEXT: usize = 300;

/// What S3 says with status 400 of a request that was cut or damaged on the way.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>
const DAMAGED: [&str; 6] = [
    "BadDigest",
    "IncompleteBody",
    "RequestTimeout",
    "XAmzContentChecksumMismatch",
    "XAmzContentSHA256Mismatch",
    "InvalidChunkSizeError",
];

/// How one attempt failed.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) retry: Retry,
    /// One line.
    pub(super) found: String,
    cause: Cause,
    /// How long the store asks to be left alone.
    pub(super) after: Option<Duration>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Retry {
    Worthwhile,
    Useless,
}

/// What the way out depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Cause {
    Answer {
        status: u16,
        code: Option<String>,
        /// Where the bucket is, if the store says so.
        region: Option<String>,
    },
    /// The endpoint or what it consists of makes no URL of a store.
    Endpoint,
    /// No source of credentials is configured.
    NoCredentials,
    /// A source of credentials failed, perhaps for a while.
    Credentials,
    /// Nothing listens there.
    Refused,
    UnknownHost,
    Certificate,
    /// TLS was spoken to a server that does not.
    PlainServer,
    /// The answer is not HTTP.
    NotHttp,
    /// Nobody knows what became of the request.
    Lost,
}

impl Failure {
    /// For an answer that says success and is not one.
    pub(super) fn worthwhile(found: &str) -> Self {
        Self { retry: Retry::Worthwhile, found: one_line(found), cause: Cause::Lost, after: None }
    }

    /// Races of creates (409), throttling, server errors, bodies that were damaged on the way and lost connections are worth
    /// a retry; what the store refuses for good (no such bucket, access denied, not implemented) and what cannot be a store
    /// (an invalid URL, a certificate that is not trusted, a server without TLS) is not.
    pub(super) fn of<E: ProvideErrorMetadata + Error + 'static>(error: &SdkError<E>) -> Self {
        match status(error) {
            Some(status) => Self::answered(status, error),
            None => Self::unanswered(error),
        }
    }

    fn answered<E: ProvideErrorMetadata + Error + 'static>(status: u16, error: &SdkError<E>) -> Self {
        let code = error.code().map(str::to_owned);
        let retry = match (status, code.as_deref()) {
            (501, _) => Retry::Useless,
            // A success whose body holds an error, or nothing that can be read: nobody knows what was done.
            (200..=299 | 408 | 409 | 425 | 429 | 500..=599, _) => Retry::Worthwhile,
            (400, Some(code)) if DAMAGED.contains(&code) => Retry::Worthwhile,
            _ => Retry::Useless,
        };
        let header = |name: &str| error.raw_response().and_then(|response| response.headers().get(name));
        let after = header("retry-after").and_then(|seconds| seconds.parse().ok());
        let after = after.map(|seconds| Duration::from_secs(seconds).min(LONGEST_RETRY_AFTER));
        let message = error.message().unwrap_or_default();
        let region = header("x-amz-bucket-region").or_else(|| expected_region(message)).map(one_line);
        let found = match &code {
            Some(code) => format!("{status} {code}: {message}"),
            None => format!("{status} without an error code of S3: {}", body(error)),
        };
        let found = one_line(found.trim_end_matches([':', ' ']));
        let cause = if body(error).contains("HTTP request to an HTTPS server") {
            Cause::NotHttp
        } else {
            Cause::Answer { status, code, region }
        };
        Self { retry, found, cause, after }
    }

    fn unanswered<E: Error + 'static>(error: &SdkError<E>) -> Self {
        let chain = chain(error);
        let cause = match error {
            SdkError::ConstructionFailure(_) => Cause::Endpoint,
            SdkError::DispatchFailure(failure) if failure.is_user() => Cause::Endpoint,
            _ => chain.iter().rev().find_map(|error| cause(*error)).unwrap_or(Cause::Lost),
        };
        let retry = match cause {
            Cause::Endpoint | Cause::NoCredentials | Cause::Certificate | Cause::PlainServer => Retry::Useless,
            _ => Retry::Worthwhile,
        };
        let deepest = chain.last().map_or_else(String::new, ToString::to_string);
        let found = match cause {
            Cause::NotHttp => format!("the answer is not HTTP ({deepest})"),
            Cause::PlainServer => format!("the server does not speak TLS ({deepest})"),
            Cause::UnknownHost => format!("the host is not known ({deepest})"),
            Cause::NoCredentials | Cause::Credentials => format!("there are no credentials ({deepest})"),
            _ => deepest,
        };
        Self { retry, found: one_line(&found), cause, after: None }
    }

    /// One sentence without a full stop: what to do now.
    pub(super) fn way_out(&self, operation: Operation) -> String {
        let (status, code, region) = match &self.cause {
            Cause::Answer { status, code, region } => (*status, code.as_deref().unwrap_or_default(), region),
            Cause::Endpoint => return "Correct store.endpoint: http://HOST:PORT or https://HOST:PORT".to_owned(),
            Cause::NoCredentials | Cause::Credentials => {
                return "Set store.access_key_id and store.secret_access_key, or give this process credentials of AWS"
                    .to_owned();
            }
            Cause::Refused | Cause::UnknownHost => {
                return "Check the host and the port of store.endpoint, and that the store is running".to_owned();
            }
            Cause::Certificate => {
                return "Add the authority that signed the store's certificate to this system's trusted ones, or use the host \
                        name of the certificate in store.endpoint"
                    .to_owned();
            }
            Cause::PlainServer => return "Begin store.endpoint with http://, or use the port for TLS".to_owned(),
            Cause::NotHttp => {
                return "Begin store.endpoint with https:// if its port is for TLS, or use the port for plain HTTP"
                    .to_owned();
            }
            Cause::Lost => {
                return "Check store.endpoint and the network between; where the store is only slow, raise \
                        sink.deadlines.store_attempt and sink.deadlines.store"
                    .to_owned();
            }
        };
        let fixed = match (status, code) {
            (_, "InvalidAccessKeyId") => "Check store.access_key_id: the store does not know it",
            (_, "SignatureDoesNotMatch") => {
                "Check store.secret_access_key: it is not that of store.access_key_id; where it is, a proxy between changes \
                 the request"
            }
            (_, "ExpiredToken" | "InvalidToken" | "TokenRefreshRequired") => {
                "Give this process new credentials and start it again"
            }
            (_, "RequestTimeTooSkewed") => "Set the clock of this machine or of the store",
            (_, "InvalidBucketName") => "Correct store.bucket",
            (_, "NoSuchBucket") => "Create the bucket, or check store.bucket, store.endpoint and store.path_style",
            (301 | 307, _) | (_, "AuthorizationHeaderMalformed" | "IllegalLocationConstraintException") => {
                return match region {
                    Some(region) => format!("Set store.region to {region}, the bucket's region"),
                    None => "Set store.region and store.endpoint to those of the bucket's region".to_owned(),
                };
            }
            (507, _) | (_, "XMinioStorageFull" | "XMinioAdminBucketQuotaExceeded" | "QuotaExceeded") => {
                "Free space in the store or raise the bucket's quota, and start again: nothing is lost"
            }
            (501, _) => {
                "Leave out what this store lacks (see sink.objects: encryption, tags, uploads in parts), or use another store"
            }
            (_, code) if code.starts_with("KMS.") => "Check sink.objects.kms_key_id and the permissions of that key",
            (401 | 403, _) => operation.permission(),
            (404 | 405, "") => "Check that store.endpoint is an S3 endpoint, and store.bucket and store.path_style",
            (408 | 409 | 425 | 429 | 500..=599, _) => {
                "Start again once the store is well; raise sink.deadlines.store to wait for longer"
            }
            _ => "Check store and sink.objects against what this store supports",
        };
        fixed.to_owned()
    }
}

pub(super) fn status<E>(error: &SdkError<E>) -> Option<u16> {
    error.raw_response().map(|response| response.status().as_u16())
}

/// The answer's body, where it is in memory.
fn body<E>(error: &SdkError<E>) -> String {
    let bytes = error.raw_response().and_then(|response| response.body().bytes()).unwrap_or_default();
    String::from_utf8_lossy(&bytes[..bytes.len().min(LONGEST_TEXT)]).into_owned()
}

/// The region in `… the region 'us-east-1' is wrong; expecting 'eu-west-1'`.
fn expected_region(message: &str) -> Option<&str> {
    message.split_once("expecting '")?.1.split_once('\'').map(|(region, _)| region)
}

/// What the store or a library says, without line breaks and not without end.
fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let mut line = words.join(" ");
    if line.len() > LONGEST_TEXT {
        let end = (0..=LONGEST_TEXT).rev().find(|at| line.is_char_boundary(*at)).unwrap_or(0);
        line.truncate(end);
        line.push('…');
    }
    line
}

/// An error and what lies below it, the deepest last.
fn chain<'e>(error: &'e (dyn Error + 'static)) -> Vec<&'e (dyn Error + 'static)> {
    let below = |error: &'e (dyn Error + 'static)| match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref)
    {
        // An I/O error that wraps another one names that one's source as its own.
        Some(wrapped) => Some(wrapped as &(dyn Error + 'static)),
        None => error.source(),
    };
    std::iter::successors(Some(error), |error| below(*error)).collect()
}

/// What one error of a chain says about the connection, if anything.
fn cause(error: &(dyn Error + 'static)) -> Option<Cause> {
    if let Some(error) = error.downcast_ref::<rustls::Error>() {
        return match error {
            rustls::Error::InvalidCertificate(_) => Some(Cause::Certificate),
            rustls::Error::InvalidMessage(_) => Some(Cause::PlainServer),
            _ => None,
        };
    }
    if let Some(error) = error.downcast_ref::<io::Error>()
        && error.kind() == io::ErrorKind::ConnectionRefused
    {
        return Some(Cause::Refused);
    }
    // These have no public types, or types of crates that are not dependencies.
    let text = error.to_string();
    let says = |part: &str| text.contains(part);
    if says("dns error") || says("failed to lookup address") {
        Some(Cause::UnknownHost)
    } else if says("not a valid URI") || says("invalid URL") || says("invalid uri") {
        Some(Cause::Endpoint)
    } else if says("no providers in chain") || says("credential provider was not enabled") {
        Some(Cause::NoCredentials)
    } else if says("loading credentials") {
        Some(Cause::Credentials)
    } else if says("invalid HTTP version parsed") || says("HTTP/0.9") {
        Some(Cause::NotHttp)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_s3::{
        config::http::HttpResponse, error::ErrorMetadata, operation::put_object::PutObjectError, primitives::SdkBody,
    };

    fn answered(status: u16, code: &str, headers: &[(&'static str, &'static str)]) -> Failure {
        let mut response = HttpResponse::new(status.try_into().unwrap(), SdkBody::empty());
        for (name, value) in headers {
            response.headers_mut().insert(*name, *value);
        }
        let error =
            PutObjectError::generic(ErrorMetadata::builder().code(code).message("a message\nof two lines").build());
        Failure::of(&SdkError::service_error(error, response))
    }

    #[test]
    fn what_may_pass_is_repeated_and_what_is_refused_is_not() {
        for (status, code, expected) in [
            (503, "SlowDown", Retry::Worthwhile),
            (500, "InternalError", Retry::Worthwhile),
            (507, "XMinioStorageFull", Retry::Worthwhile),
            (409, "ConditionalRequestConflict", Retry::Worthwhile),
            (429, "TooManyRequests", Retry::Worthwhile),
            (400, "BadDigest", Retry::Worthwhile),
            (400, "IncompleteBody", Retry::Worthwhile),
            (200, "InternalError", Retry::Worthwhile),
            (400, "InvalidArgument", Retry::Useless),
            (400, "ExpiredToken", Retry::Useless),
            (403, "AccessDenied", Retry::Useless),
            (301, "PermanentRedirect", Retry::Useless),
            (404, "NoSuchBucket", Retry::Useless),
            (501, "NotImplemented", Retry::Useless),
        ] {
            assert_eq!(answered(status, code, &[]).retry, expected, "{status} {code}");
        }
        let lost = SdkError::<PutObjectError, HttpResponse>::timeout_error("no answer");
        assert_eq!(Failure::of(&lost).retry, Retry::Worthwhile);
    }

    /// An error with one below it.
    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Layer(&'static str, #[source] Option<Box<Layer>>);

    #[test]
    fn credentials_that_are_missing_are_told_and_only_a_source_that_fails_is_asked_again() {
        let met = |top, below| {
            let error = Layer(top, Some(Box::new(Layer(below, None))));
            let error = aws_sdk_s3::error::ConnectorError::other(error.into(), None);
            Failure::of(&SdkError::<PutObjectError, HttpResponse>::dispatch_failure(error))
        };
        for (top, below, retry) in [
            ("the credential provider was not enabled", "no providers in chain provided credentials", Retry::Useless),
            ("an error occurred while loading credentials", "request forbidden", Retry::Worthwhile),
        ] {
            let failure = met(top, below);
            assert_eq!(failure.retry, retry, "{top}");
            assert_eq!(failure.found, format!("there are no credentials ({below})"));
            assert!(failure.way_out(Operation::List).contains("store.access_key_id"));
        }
    }

    #[test]
    fn a_store_may_ask_for_a_pause_but_not_for_any() {
        let pause = |seconds| answered(503, "SlowDown", &[("retry-after", seconds)]).after;
        assert_eq!(pause("7"), Some(Duration::from_secs(7)));
        assert_eq!(pause("86400"), Some(LONGEST_RETRY_AFTER));
        assert_eq!(pause("Wed, 21 Oct 2026 07:28:00 GMT"), None);
        assert_eq!(answered(503, "SlowDown", &[]).after, None);
    }

    #[test]
    fn what_was_found_is_one_line_of_the_stores_words() {
        assert_eq!(answered(403, "AccessDenied", &[]).found, "403 AccessDenied: a message of two lines");
        let long = "ä".repeat(LONGEST_TEXT);
        assert_eq!(one_line(&long).chars().count(), LONGEST_TEXT / 2 + 1);
    }

    #[test]
    fn the_buckets_region_is_told_where_the_store_says_it() {
        let told = answered(301, "PermanentRedirect", &[("x-amz-bucket-region", "eu-west-1")]);
        assert_eq!(told.way_out(Operation::LookAt), "Set store.region to eu-west-1, the bucket's region");
        assert!(answered(301, "PermanentRedirect", &[]).way_out(Operation::List).contains("store.region"));
    }
}
