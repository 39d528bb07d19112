//! Where the warehouse is and what the templates of sql/ are filled with.

use crate::render::{self, RenderError};
use contract::{
    endpoints::Secret,
    names,
    settings::{self, Refused},
};
use serde::Deserialize;
use std::{fmt, path::PathBuf, time::Duration};

/// How an unencrypted key in PKCS #8 begins.
const PEM_BEGIN: &str = "-----BEGIN PRIVATE KEY-----";

/// The longest interval that Snowflake takes in the SCHEDULE of a task: 11,520 minutes.
const LONGEST_SCHEDULE: Duration = Duration::from_mins(11_520);

/// The deployer's configuration.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The warehouse and how to log in.
    pub connection: Connection,
    /// A folder of templates that replace the built-in ones.
    #[serde(default)]
    pub sql: Option<PathBuf>,
    pub variables: Variables,
}

/// A Snowflake account, or a server that speaks its protocol.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Connection {
    /// The account identifier, such as `myorg-myaccount`.
    pub account: String,
    pub user: String,
    /// Exactly one of `password` and `private_key`.
    #[serde(default)]
    pub password: Option<Secret>,
    /// An RSA key in PEM (PKCS #8, not encrypted) for key-pair authentication.
    #[serde(default)]
    pub private_key: Option<Secret>,
    /// Default: the user's default role.
    #[serde(default)]
    pub role: Option<String>,
    /// The virtual warehouse for the deployer's own queries. Default: the user's default.
    #[serde(default)]
    pub warehouse: Option<String>,
    /// Base URL of a server other than `https://<account>.snowflakecomputing.com`, without a trailing slash.
    #[serde(default)]
    pub url: Option<String>,
    /// How long requests are retried while the server is unreachable or too busy.
    #[serde(default = "default_connect_deadline", with = "humantime_serde")]
    pub connect_deadline: Duration,
    /// How long one statement may take.
    #[serde(default = "default_statement_deadline", with = "humantime_serde")]
    pub statement_deadline: Duration,
}

/// What the templates are filled with. Names are unquoted identifiers and fold to upper case.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Variables {
    #[serde(default = "default_database")]
    pub database: String,
    /// The schema of stage, pipe, staging table, streams and tasks.
    #[serde(default = "default_staging")]
    pub staging: String,
    /// The schema of the tables and views that readers use.
    #[serde(default = "default_core")]
    pub core: String,
    #[serde(default = "default_topic")]
    pub topic: String,
    /// The sink's bucket and prefix, as `s3://bucket/prefix/`.
    pub bucket_url: String,
    /// How the warehouse reaches the bucket.
    pub access: Access,
    #[serde(default)]
    pub compute: Compute,
    /// How often the tasks look for new events; whole seconds. Snowflake's least is 10 seconds.
    #[serde(default = "default_schedule", with = "humantime_serde")]
    pub schedule: Duration,
    /// Whether the tasks run. A task in the other state is changed, even if it was suspended or resumed by hand.
    #[serde(default)]
    pub tasks: TaskState,
}

/// How the warehouse reaches the bucket.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Access {
    /// An access key, stored in the stage.
    Keys { access_key_id: String, secret_access_key: Secret },
    /// A storage integration that an account administrator made.
    Integration { name: String },
}

/// What the tasks run on.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Compute {
    /// A virtual warehouse, created with this size if it does not exist.
    Warehouse { name: String, size: String },
    /// Compute that Snowflake manages; this is its first size.
    Serverless { size: String },
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskState {
    #[default]
    Started,
    Suspended,
}

impl Config {
    /// Refuses what cannot work, before the warehouse is asked anything.
    ///
    /// # Errors
    /// Names the key, what was found and what is expected.
    pub fn check(&self) -> Result<(), Refused> {
        self.connection.check()?;
        self.variables.check()
    }
}

impl Connection {
    /// Refuses a connection that cannot work.
    ///
    /// # Errors
    /// Names the key, what was found and what is expected.
    pub fn check(&self) -> Result<(), Refused> {
        settings::filled("connection.account", &self.account, "an account identifier, such as myorg-myaccount")?;
        settings::filled("connection.user", &self.user, "a login name")?;
        let found = match (&self.password, &self.private_key) {
            (Some(_), None) => None,
            (None, Some(key)) if key.expose().contains(PEM_BEGIN) => None,
            (None, Some(_)) => {
                let reason = "found text that is not shown, expected an RSA key in PEM (PKCS #8, not encrypted), which \
                              begins with -----BEGIN PRIVATE KEY-----";
                return Err(Refused::new("connection.private_key", reason));
            }
            (Some(_), Some(_)) => Some("both"),
            (None, None) => Some("neither"),
        };
        if let Some(found) = found {
            let reason = format!("found {found}, expected exactly one of `password` and `private_key`");
            return Err(Refused::new("connection.password", reason));
        }
        if let Some(url) = &self.url {
            settings::web_address("connection.url", url)?;
        }
        settings::lasting("connection.connect_deadline", self.connect_deadline)?;
        settings::lasting("connection.statement_deadline", self.statement_deadline)
    }
}

impl Variables {
    /// Refuses what the templates cannot be filled with.
    ///
    /// # Errors
    /// Names the key, what was found and what is expected.
    pub fn check(&self) -> Result<(), Refused> {
        settings::topic("variables.topic", &self.topic)?;
        let (key, expected) = ("variables.bucket_url", "s3://bucket/ or s3://bucket/folder/, with a slash at its end");
        let path = self.bucket_url.strip_prefix("s3://").and_then(|rest| rest.strip_suffix('/'));
        if path.is_none_or(|path| path.split('/').any(str::is_empty)) {
            return Err(Refused::found(key, &self.bucket_url, expected));
        }
        if let Access::Keys { access_key_id, secret_access_key } = &self.access {
            settings::filled("variables.access.keys.access_key_id", access_key_id, "the id of an access key")?;
            if secret_access_key.expose().trim().is_empty() {
                let reason = "is empty, expected the secret of the access key";
                return Err(Refused::new("variables.access.keys.secret_access_key", reason));
            }
        }
        let (Compute::Warehouse { size, .. } | Compute::Serverless { size }) = &self.compute;
        settings::filled("variables.compute", size, "a size, such as XSMALL")?;
        if self.schedule > LONGEST_SCHEDULE {
            return Err(Refused::found("variables.schedule", format!("{:?}", self.schedule), "at most 8days"));
        }
        match render::check(self) {
            Err(RenderError::Variable { variable, value, expected }) => {
                Err(Refused::found(format!("variables.{variable}"), value, expected))
            }
            // Anything else lies in the templates, and rendering says so.
            _ => Ok(()),
        }
    }

    /// Everything at its default but the bucket.
    pub fn new(bucket_url: impl Into<String>, access: Access) -> Self {
        Self {
            database: default_database(),
            staging: default_staging(),
            core: default_core(),
            topic: default_topic(),
            bucket_url: bucket_url.into(),
            access,
            compute: Compute::default(),
            schedule: default_schedule(),
            tasks: TaskState::default(),
        }
    }
}

impl Connection {
    /// A connection with a password, everything else at its default.
    pub fn with_password(account: impl Into<String>, user: impl Into<String>, password: Secret) -> Self {
        Self {
            account: account.into(),
            user: user.into(),
            password: Some(password),
            private_key: None,
            role: None,
            warehouse: None,
            url: None,
            connect_deadline: default_connect_deadline(),
            statement_deadline: default_statement_deadline(),
        }
    }
}

impl Default for Compute {
    fn default() -> Self {
        Self::Warehouse { name: "CUSTOMER_PIPELINE".to_owned(), size: "XSMALL".to_owned() }
    }
}

impl TaskState {
    /// The word that SHOW TASKS uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Suspended => "suspended",
        }
    }
}

impl fmt::Display for TaskState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

fn default_database() -> String {
    "CUSTOMER_DATA".to_owned()
}

fn default_staging() -> String {
    "STAGING".to_owned()
}

fn default_core() -> String {
    "CORE".to_owned()
}

fn default_topic() -> String {
    names::DEFAULT_TOPIC.to_owned()
}

fn default_schedule() -> Duration {
    Duration::from_mins(2)
}

fn default_connect_deadline() -> Duration {
    Duration::from_secs(30)
}

fn default_statement_deadline() -> Duration {
    Duration::from_hours(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> Config {
        let mut connection = Connection::with_password("local", "ann", Secret::new("hunter2"));
        connection.url = Some("http://127.0.0.1:8765".into());
        let access = Access::Integration { name: "LAKE".into() };
        Config { connection, sql: None, variables: Variables::new("s3://bucket/folder/", access) }
    }

    fn refused(change: &dyn Fn(&mut Config)) -> String {
        let mut config = config();
        change(&mut config);
        let refused = config.check().err();
        assert!(!format!("{refused:?}").contains("hunter2"));
        refused.map(|refused| refused.key).unwrap_or_default()
    }

    #[test]
    fn a_connection_that_cannot_work_is_refused_by_key() {
        let key = || Some(Secret::new(format!("{PEM_BEGIN}\nhunter2")));
        assert_eq!(refused(&|_| ()), "");
        assert_eq!(refused(&|config| (config.connection.password, config.connection.private_key) = (None, key())), "");
        assert_eq!(refused(&|config| config.connection.private_key = key()), "connection.password");
        assert_eq!(refused(&|config| config.connection.password = None), "connection.password");
        let not_pem = || Some(Secret::new("hunter2"));
        let replaced = |config: &mut Config| {
            (config.connection.password, config.connection.private_key) = (None, not_pem());
        };
        assert_eq!(refused(&replaced), "connection.private_key");
        assert_eq!(refused(&|config| config.connection.account = String::new()), "connection.account");
        assert_eq!(refused(&|config| config.connection.user = " ".into()), "connection.user");
        assert_eq!(refused(&|config| config.connection.url = Some("127.0.0.1:8765".into())), "connection.url");
        let key = "connection.connect_deadline";
        assert_eq!(refused(&|config| config.connection.connect_deadline = Duration::ZERO), key);
    }

    #[test]
    fn variables_that_no_template_can_take_are_refused_by_key() {
        for bad in ["bucket/", "s3://bucket", "s3://", "s3:///", "s3:///folder/", "s3://bucket//"] {
            assert_eq!(refused(&|config| config.variables.bucket_url = bad.into()), "variables.bucket_url", "{bad}");
        }
        assert_eq!(refused(&|config| config.variables.bucket_url = "s3://bucket/".into()), "");
        assert_eq!(refused(&|config| config.variables.database = "a b".into()), "variables.database");
        assert_eq!(refused(&|config| config.variables.topic = "a/b".into()), "variables.topic");
        let schedule = |schedule| refused(&|config| config.variables.schedule = schedule);
        assert_eq!(schedule(Duration::from_millis(2_500)), "variables.schedule");
        assert_eq!(schedule(Duration::ZERO), "variables.schedule");
        assert_eq!(schedule(Duration::from_hours(9 * 24)), "variables.schedule");
        assert_eq!(schedule(Duration::from_secs(10)), "");
        let keys = |id: &str, secret: &str| {
            let (access_key_id, secret_access_key) = (id.to_owned(), Secret::new(secret));
            let access = Access::Keys { access_key_id, secret_access_key };
            refused(&|config| config.variables.access.clone_from(&access))
        };
        assert_eq!(keys("id", "hunter2"), "");
        assert_eq!(keys("", "hunter2"), "variables.access.keys.access_key_id");
        assert_eq!(keys("id", ""), "variables.access.keys.secret_access_key");
    }
}
