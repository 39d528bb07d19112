//! Sessions and their tokens. A session token lives an hour and is renewed with the master token, which lives four, as on
//! Snowflake; sessions do not survive a restart of the warehouse, so clients log in again.

use crate::{SessionContext, backend::BackendSession};
use prometheus_client::metrics::gauge::Gauge;
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

pub(super) const SESSION_VALIDITY: Duration = Duration::from_hours(1);
pub(super) const MASTER_VALIDITY: Duration = Duration::from_hours(4);

/// More at once than any honest use; the oldest idle one makes room.
const MAX_SESSIONS: usize = 1000;

pub(super) struct Session {
    pub(super) id: i64,
    /// Statements run one at a time, so that the session's transaction and choices mean something.
    pub(super) backend: tokio::sync::Mutex<Box<dyn BackendSession>>,
    /// The context after the last finished statement.
    context: Mutex<SessionContext>,
}

impl Session {
    pub(super) fn context(&self) -> SessionContext {
        lock(&self.context).clone()
    }

    pub(super) fn set_context(&self, context: SessionContext) {
        *lock(&self.context) = context;
    }
}

#[derive(Debug, Clone)]
pub(super) struct Tokens {
    pub(super) session: String,
    pub(super) master: String,
}

struct Entry {
    session: Arc<Session>,
    tokens: Tokens,
    expires: Instant,
    master_expires: Instant,
}

/// Why a token opens nothing, as the codes that drivers act on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// Log in again.
    Gone,
    /// Renew with the master token.
    Expired,
    /// Log in again: the master token is too old or unknown.
    Master,
}

impl Refused {
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::Gone => "390111",
            Self::Expired => "390112",
            Self::Master => "390114",
        }
    }

    pub(super) fn message(self) -> &'static str {
        match self {
            Self::Gone => "Session no longer exists. New login required to access the service.",
            Self::Expired => "Session token has expired. Renew it with the master token.",
            Self::Master => "Authentication token has expired. The user must authenticate again.",
        }
    }
}

pub(super) struct Sessions {
    entries: Mutex<HashMap<i64, Entry>>,
    next: AtomicI64,
    open: Gauge,
}

impl Sessions {
    pub(super) fn new(open: Gauge) -> Self {
        Self { entries: Mutex::default(), next: AtomicI64::default(), open }
    }

    pub(super) fn open(&self, backend: Box<dyn BackendSession>) -> (Arc<Session>, Tokens) {
        let id = self.next.fetch_add(1, Ordering::Relaxed) + 1;
        let context = Mutex::new(backend.context().clone());
        let session = Arc::new(Session { id, backend: tokio::sync::Mutex::new(backend), context });
        let (tokens, now) = (Tokens { session: token(), master: token() }, Instant::now());
        let mut entries = lock(&self.entries);
        entries.retain(|_, entry| entry.master_expires > now);
        if entries.len() >= MAX_SESSIONS {
            let oldest = entries.iter().min_by_key(|(_, entry)| entry.expires).map(|(id, _)| *id);
            oldest.map(|id| entries.remove(&id));
        }
        let entry = Entry {
            session: session.clone(),
            tokens: tokens.clone(),
            expires: now + SESSION_VALIDITY,
            master_expires: now + MASTER_VALIDITY,
        };
        entries.insert(id, entry);
        self.open.set(entries.len() as i64);
        (session, tokens)
    }

    pub(super) fn get(&self, token: &str) -> Result<Arc<Session>, Refused> {
        let entries = lock(&self.entries);
        let entry = entries.values().find(|entry| entry.tokens.session == token).ok_or(Refused::Gone)?;
        if entry.expires <= Instant::now() { Err(Refused::Expired) } else { Ok(entry.session.clone()) }
    }

    /// Exchanges the master token for new tokens of the same session.
    pub(super) fn renew(&self, master: &str) -> Result<(i64, Tokens), Refused> {
        let (mut entries, now) = (lock(&self.entries), Instant::now());
        let found = entries.iter_mut().find(|(_, entry)| entry.tokens.master == master);
        let (id, entry) = found.filter(|(_, entry)| entry.master_expires > now).ok_or(Refused::Master)?;
        entry.tokens = Tokens { session: token(), master: token() };
        entry.expires = now + SESSION_VALIDITY;
        entry.master_expires = now + MASTER_VALIDITY;
        Ok((*id, entry.tokens.clone()))
    }

    /// Ends a session; its open transaction is rolled back once nobody holds it.
    pub(super) fn close(&self, token: &str) {
        let mut entries = lock(&self.entries);
        entries.retain(|_, entry| entry.tokens.session != token);
        self.open.set(entries.len() as i64);
    }
}

/// 256 bits from the thread's cryptographic generator.
fn token() -> String {
    let bytes: [u8; 32] = rand::random();
    bytes.iter().fold(String::new(), |mut text, byte| {
        use std::fmt::Write as _;
        let _ = write!(text, "{byte:02x}");
        text
    })
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
