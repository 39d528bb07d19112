//! Every setting of the local warehouse. Serde refuses unknown keys; [`Config::check`] refuses values that cannot work.

use crate::{server::User, stage::S3Settings};
use contract::settings;
pub use contract::settings::Refused as ConfigError;
use serde::Deserialize;
use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

/// Every setting of the warehouse.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Address to serve on; port 0 takes a free one. Other than loopback needs `account`.
    #[serde(default = "defaults::listen")]
    pub listen: SocketAddr,
    /// Folder of tables and catalogue; created if it is missing.
    pub state: PathBuf,
    /// The account name that clients must give, compared without regard to case. Without it, every name is accepted.
    #[serde(default)]
    pub account: Option<String>,
    /// Who may log in. Default: nobody.
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
    /// Memory for table data that has been read, in bytes.
    #[serde(default = "defaults::cache_bytes")]
    pub cache_bytes: usize,
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

    /// Refuses what cannot work.
    ///
    /// # Errors
    /// Names the key, what was found and what is expected.
    pub fn check(&self) -> Result<(), ConfigError> {
        if self.state.as_os_str().is_empty() {
            return Err(ConfigError::found("state", "", "a folder, such as state/warehouse"));
        }
        if !self.listen.ip().is_loopback() && self.account.as_ref().is_none_or(String::is_empty) {
            let found = format!("found nothing although other machines can reach `listen` = {}", self.listen);
            return Err(ConfigError::new("account", format!("{found}; set the name that clients must give")));
        }
        settings::filled("s3.region", &self.s3.region, "a region, such as us-east-1")?;
        if let Some(endpoint) = &self.s3.endpoint {
            settings::web_address("s3.endpoint", endpoint)?;
        }
        // The other durations may be 0: no waiting for a lock, no grace.
        for (key, duration) in [
            ("pipe_poll_interval", self.pipe_poll_interval),
            ("min_task_interval", self.min_task_interval),
            ("statement_timeout", self.statement_timeout),
            ("inline_wait", self.inline_wait),
        ] {
            settings::lasting(key, duration)?;
        }
        settings::positive("max_result_bytes", self.max_result_bytes as u64)?;
        for (at, user) in self.users.iter().enumerate() {
            settings::filled("users", &user.name, "a login name for each user")?;
            if self.users[..at].iter().any(|other| other.name.eq_ignore_ascii_case(&user.name)) {
                let reason = format!("found {} twice, expected names that differ in more than case", user.name);
                return Err(ConfigError::new("users", reason));
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

    fn refused(config: &Config) -> String {
        config.check().map_err(|refused| refused.key).err().unwrap_or_default()
    }

    #[test]
    fn an_address_that_others_reach_needs_an_account() {
        assert_eq!(refused(&config()), "");
        let mut config = Config { listen: SocketAddr::from(([0, 0, 0, 0], 8765)), ..config() };
        assert_eq!(refused(&config), "account");
        config.account = Some("local".into());
        assert_eq!(refused(&config), "");
    }

    #[test]
    fn two_users_of_one_name_are_refused() {
        let users = vec![User::new("Ann", Secret::new("hunter2")), User::new("ANN", Secret::new("hunter2"))];
        let config = Config { users, ..config() };
        assert_eq!(refused(&config), "users");
        assert!(!format!("{config:?}").contains("hunter2"));
    }

    #[test]
    fn what_cannot_work_is_refused_by_key() {
        let s3 = |endpoint: &str| S3Settings { region: "r".into(), endpoint: Some(endpoint.into()), path_style: true };
        assert_eq!(refused(&Config { s3: s3("127.0.0.1:9000"), ..config() }), "s3.endpoint");
        assert_eq!(refused(&Config { s3: s3("http://127.0.0.1:9000"), ..config() }), "");
        assert_eq!(refused(&Config { inline_wait: Duration::ZERO, ..config() }), "inline_wait");
        assert_eq!(refused(&Config { max_result_bytes: 0, ..config() }), "max_result_bytes");
    }

    #[test]
    fn an_unknown_key_is_refused_by_name() {
        let text = r#"{"state": "s", "s3": {"region": "r"}, "pipe_poll_interval": "1s", "pol": 1}"#;
        let error = serde_json::from_str::<Config>(text).unwrap_err();
        assert!(error.to_string().contains("`pol`"), "{error}");
    }
}
