//! The warehouse's configuration.

use crate::{server::User, stage::S3Settings};
use serde::Deserialize;
use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

/// Everything the warehouse is told from outside.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Address to serve on; port 0 takes a free one. Other than loopback needs `account`.
    #[serde(default = "defaults::listen")]
    pub listen: SocketAddr,
    /// Folder of tables and catalogue; made when it is not there.
    pub state: PathBuf,
    /// The account name that clients must give, compared without regard to case; without it any will do.
    #[serde(default)]
    pub account: Option<String>,
    /// Who may log in; nobody unless named here.
    #[serde(default)]
    pub users: Vec<User>,
    /// Where stages at `s3://` are.
    pub s3: S3Settings,
    /// How often a pipe looks for new files, in place of the bucket's notifications.
    #[serde(default = "defaults::pipe_poll_interval", with = "humantime_serde")]
    pub pipe_poll_interval: Duration,
    /// The shortest SCHEDULE of a task. Snowflake's is 10 seconds; less is for demonstrations and tests.
    #[serde(default = "defaults::min_task_interval", with = "humantime_serde")]
    pub min_task_interval: Duration,
    /// The longest that a statement may take.
    #[serde(default = "defaults::statement_timeout", with = "humantime_serde")]
    pub statement_timeout: Duration,
    /// The longest that a statement may wait for another session's transaction.
    #[serde(default = "defaults::lock_timeout", with = "humantime_serde")]
    pub lock_timeout: Duration,
    /// After this long a request is answered with "in progress", and the client asks again.
    #[serde(default = "defaults::inline_wait", with = "humantime_serde")]
    pub inline_wait: Duration,
    /// How long running tasks and open requests get to finish at a stop.
    #[serde(default = "defaults::grace", with = "humantime_serde")]
    pub grace: Duration,
    /// Largest result of one statement, in bytes of its answer.
    #[serde(default = "defaults::max_result_bytes")]
    pub max_result_bytes: usize,
    /// Memory for table data that was read, in bytes.
    #[serde(default = "defaults::cache_bytes")]
    pub cache_bytes: usize,
}

/// Why a configuration is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    #[error("warehouse: listening on {0}, which others can reach, needs `account` to be set")]
    OpenWithoutAccount(SocketAddr),
    #[error("warehouse: `{0}` must be more than zero")]
    Zero(&'static str),
    #[error("warehouse: the user {0} is there twice; login names do not differ by case")]
    UserTwice(String),
}

impl Config {
    /// The defaults, with nobody to log in.
    pub fn new(state: impl Into<PathBuf>, s3: S3Settings) -> Self {
        Self {
            listen: defaults::listen(),
            state: state.into(),
            account: None,
            users: Vec::new(),
            s3,
            pipe_poll_interval: defaults::pipe_poll_interval(),
            min_task_interval: defaults::min_task_interval(),
            statement_timeout: defaults::statement_timeout(),
            lock_timeout: defaults::lock_timeout(),
            inline_wait: defaults::inline_wait(),
            grace: defaults::grace(),
            max_result_bytes: defaults::max_result_bytes(),
            cache_bytes: defaults::cache_bytes(),
        }
    }

    /// # Errors
    /// When a value, or two together, make no sense.
    pub fn check(&self) -> Result<(), ConfigError> {
        if !self.listen.ip().is_loopback() && self.account.as_ref().is_none_or(String::is_empty) {
            return Err(ConfigError::OpenWithoutAccount(self.listen));
        }
        for (name, value) in [
            ("pipe_poll_interval", self.pipe_poll_interval),
            ("min_task_interval", self.min_task_interval),
            ("statement_timeout", self.statement_timeout),
            ("inline_wait", self.inline_wait),
        ] {
            if value.is_zero() {
                return Err(ConfigError::Zero(name));
            }
        }
        for (at, user) in self.users.iter().enumerate() {
            if self.users[..at].iter().any(|other| other.name.eq_ignore_ascii_case(&user.name)) {
                return Err(ConfigError::UserTwice(user.name.clone()));
            }
        }
        Ok(())
    }
}

mod defaults {
    use super::{Duration, IpAddr, Ipv4Addr, SocketAddr};

    pub(super) fn listen() -> SocketAddr {
        SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8765)
    }

    pub(super) fn pipe_poll_interval() -> Duration {
        Duration::from_secs(5)
    }

    pub(super) fn min_task_interval() -> Duration {
        Duration::from_secs(10)
    }

    pub(super) fn statement_timeout() -> Duration {
        Duration::from_hours(1)
    }

    pub(super) fn lock_timeout() -> Duration {
        Duration::from_mins(1)
    }

    /// Snowflake's own.
    pub(super) fn inline_wait() -> Duration {
        Duration::from_secs(45)
    }

    pub(super) fn grace() -> Duration {
        Duration::from_secs(5)
    }

    pub(super) fn max_result_bytes() -> usize {
        256 << 20
    }

    pub(super) fn cache_bytes() -> usize {
        128 << 20
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use contract::endpoints::Secret;

    fn config() -> Config {
        Config::new("state", S3Settings { region: "us-east-1".into(), endpoint: None, path_style: false })
    }

    #[test]
    fn an_address_that_others_reach_needs_an_account() {
        assert_eq!(config().check(), Ok(()));
        let open = SocketAddr::from(([0, 0, 0, 0], 8765));
        let mut config = Config { listen: open, ..config() };
        assert_eq!(config.check(), Err(ConfigError::OpenWithoutAccount(open)));
        config.account = Some("local".into());
        assert_eq!(config.check(), Ok(()));
    }

    #[test]
    fn two_users_of_one_name_are_refused() {
        let users = vec![User::new("Ann", Secret::new("a")), User::new("ANN", Secret::new("b"))];
        let config = Config { users, ..config() };
        assert_eq!(config.check(), Err(ConfigError::UserTwice("ANN".into())));
    }

    #[test]
    fn an_unknown_key_is_refused_by_name() {
        let text = r#"{"state": "s", "s3": {"region": "r"}, "pipe_poll_interval": "1s", "pol": 1}"#;
        let error = serde_json::from_str::<Config>(text).unwrap_err();
        assert!(error.to_string().contains("`pol`"), "{error}");
    }
}
