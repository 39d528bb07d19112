//! Repeating what failed for a while. Every repetition ends: an attempt after a time that grows with what it carries, the
//! whole after a deadline.

use aws_sdk_s3::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout_at};

use super::{Store, Watched};
use crate::{error::StoreError, metrics::RequestLabel};

/// Of the process's health.
const PART: &str = "sink: object store";
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// The longest pause that a store may ask for.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(30);
/// Bytes a second below which a transfer counts as stuck.
const SLOWEST: u64 = 1024 * 1024;

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
    retry: Retry,
    pub(super) reason: String,
    /// What the store wants to be left alone for.
    after: Option<Duration>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Retry {
    Worthwhile,
    Useless,
}

/// How long an operation may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    pub(super) end: Instant,
    /// For one attempt.
    attempt: Duration,
}

/// Pauses that grow, each by chance a little shorter: those who failed together should not come again together.
pub(super) struct Pauses(Duration);

impl Pauses {
    pub(super) fn new() -> Self {
        Self(FIRST_PAUSE)
    }

    pub(super) fn next(&mut self) -> Duration {
        let pause = self.0.mul_f64(rand::random_range(0.5..=1.0));
        self.0 = (self.0 * 2).min(LONGEST_PAUSE);
        pause
    }
}

/// The least time that so many bytes may take.
fn transfer(bytes: u64) -> Duration {
    Duration::from_secs(bytes / SLOWEST)
}

impl Store {
    /// For an operation that carries so many bytes.
    pub(super) fn patience(&self, bytes: u64) -> Patience {
        let moving = transfer(bytes);
        Patience { end: Instant::now() + self.deadline + moving, attempt: self.attempt + moving }
    }

    /// For a request with so many of an operation's bytes.
    pub(super) fn share(&self, whole: &Patience, bytes: u64) -> Patience {
        Patience { end: whole.end, attempt: self.attempt + transfer(bytes) }
    }

    /// Repeats `attempt` with growing pauses until it succeeds, cannot succeed, or its time is over.
    pub(super) async fn repeat<T, F: Future<Output = Result<T, Failure>>>(
        &self,
        tried: &'static str,
        key: &str,
        patience: Patience,
        mut attempt: impl FnMut() -> F,
    ) -> Result<T, StoreError> {
        let mut pauses = Pauses::new();
        loop {
            if let Some(Watched { metrics, .. }) = &self.watched {
                metrics.store_requests.get_or_create(&RequestLabel { request: tried }).inc();
            }
            let limit = patience.end.min(Instant::now() + patience.attempt);
            let failure = match timeout_at(limit, attempt()).await {
                Ok(Ok(done)) => {
                    if let Some(Watched { health, .. }) = &self.watched {
                        health.ready(PART);
                    }
                    return Ok(done);
                }
                Ok(Err(failure)) => failure,
                Err(_) => Failure::worthwhile(format!("no answer within {:?}", patience.attempt)),
            };
            let (key, reason) = (key.to_owned(), failure.reason);
            if failure.retry == Retry::Useless {
                return Err(StoreError::Refused { tried, key, reason });
            }
            let pause = pauses.next().max(failure.after.unwrap_or_default());
            if Instant::now() + pause >= patience.end {
                return Err(StoreError::Deadline { tried, key, reason });
            }
            tracing::warn!(tried, key, reason, pause_ms = pause.as_millis() as u64, "object store, trying again");
            if let Some(Watched { metrics, health }) = &self.watched {
                health.unready(PART, format!("{tried} {key}: {reason}"));
                metrics.store_retries.inc();
            }
            sleep(pause).await;
        }
    }
}

impl Failure {
    pub(super) fn worthwhile(reason: String) -> Self {
        Self { retry: Retry::Worthwhile, reason, after: None }
    }

    /// Conflicts of racing creates (409), throttling, server errors, bodies that were damaged on the way and lost
    /// connections are worth repeating; what the store refuses for good (no such bucket, access denied, not implemented)
    /// is not.
    pub(super) fn of<E: ProvideErrorMetadata + std::error::Error + 'static>(error: &SdkError<E>) -> Self {
        let retry = match (status(error), error.code()) {
            (Some(501), _) => Retry::Useless,
            // A success (2xx) whose body holds an error, or nothing that can be read: nobody knows what was done.
            (None | Some(200..=299 | 408 | 409 | 425 | 429 | 500..=599), _) => Retry::Worthwhile,
            (Some(400), Some(code)) if DAMAGED.contains(&code) => Retry::Worthwhile,
            (Some(_), _) => Retry::Useless,
        };
        let headers = error.raw_response().map(aws_sdk_s3::config::http::HttpResponse::headers);
        let after = headers.and_then(|headers| headers.get("retry-after")).and_then(|seconds| seconds.parse().ok());
        let after = after.map(|seconds| Duration::from_secs(seconds).min(LONGEST_RETRY_AFTER));
        Self { retry, reason: DisplayErrorContext(error).to_string(), after }
    }
}

pub(super) fn status<E>(error: &SdkError<E>) -> Option<u16> {
    error.raw_response().map(|response| response.status().as_u16())
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_s3::{
        config::http::HttpResponse, error::ErrorMetadata, operation::put_object::PutObjectError, primitives::SdkBody,
    };

    fn answered(status: u16, code: &str, retry_after: Option<&'static str>) -> Failure {
        let mut response = HttpResponse::new(status.try_into().unwrap(), SdkBody::empty());
        if let Some(seconds) = retry_after {
            response.headers_mut().insert("retry-after", seconds);
        }
        let error = PutObjectError::generic(ErrorMetadata::builder().code(code).build());
        Failure::of(&SdkError::service_error(error, response))
    }

    #[test]
    fn what_may_pass_is_repeated_and_what_is_refused_is_not() {
        for (status, code, expected) in [
            (503, "SlowDown", Retry::Worthwhile),
            (500, "InternalError", Retry::Worthwhile),
            (409, "ConditionalRequestConflict", Retry::Worthwhile),
            (429, "TooManyRequests", Retry::Worthwhile),
            (400, "BadDigest", Retry::Worthwhile),
            (400, "IncompleteBody", Retry::Worthwhile),
            (200, "InternalError", Retry::Worthwhile),
            (400, "InvalidArgument", Retry::Useless),
            (403, "AccessDenied", Retry::Useless),
            (404, "NoSuchBucket", Retry::Useless),
            (501, "NotImplemented", Retry::Useless),
        ] {
            assert_eq!(answered(status, code, None).retry, expected, "{status} {code}");
        }
        let lost = SdkError::<PutObjectError, HttpResponse>::timeout_error("no answer");
        assert_eq!(Failure::of(&lost).retry, Retry::Worthwhile);
    }

    #[test]
    fn a_store_may_ask_for_a_pause_but_not_for_any() {
        let pause = |asked| answered(503, "SlowDown", asked).after;
        assert_eq!(pause(Some("7")), Some(Duration::from_secs(7)));
        assert_eq!(pause(Some("86400")), Some(LONGEST_RETRY_AFTER));
        assert_eq!(pause(Some("Wed, 21 Oct 2026 07:28:00 GMT")), None);
        assert_eq!(pause(None), None);
    }

    #[test]
    fn pauses_grow_to_a_bound_and_differ() {
        let drawn = || {
            let mut pauses = Pauses::new();
            (0..20).map(|_| pauses.next()).collect::<Vec<_>>()
        };
        let (one, two) = (drawn(), drawn());
        assert!(one[0] <= FIRST_PAUSE && one[0] >= FIRST_PAUSE / 2, "{one:?}");
        assert!(one.iter().all(|pause| *pause <= LONGEST_PAUSE) && one[19] >= LONGEST_PAUSE / 2, "{one:?}");
        assert_ne!(one, two);
    }
}
