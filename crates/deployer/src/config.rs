//! Where the warehouse is and what the templates of sql/ are filled with.

use contract::{endpoints::Secret, names};
use serde::Deserialize;
use std::{fmt, path::PathBuf, time::Duration};

/// The deployer's configuration.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The warehouse and how to log in.
    pub connection: Connection,
    /// A folder of templates to take instead of those built in.
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
    /// The user's default role where it is not given.
    #[serde(default)]
    pub role: Option<String>,
    /// The virtual warehouse of the deployer's own queries; the user's default where it is not given.
    #[serde(default)]
    pub warehouse: Option<String>,
    /// Base URL of a server other than `https://<account>.snowflakecomputing.com`, without a trailing slash.
    #[serde(default)]
    pub url: Option<String>,
    /// How long a server that cannot be reached, or is too busy, is asked again.
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
    /// How the warehouse gets at the bucket.
    pub access: Access,
    #[serde(default)]
    pub compute: Compute,
    /// How often the tasks look for new events; whole seconds. Snowflake's least is 10 seconds.
    #[serde(default = "default_schedule", with = "humantime_serde")]
    pub schedule: Duration,
    /// Whether the tasks shall run. A task in another state is changed, whoever suspended or resumed it.
    #[serde(default)]
    pub tasks: TaskState,
}

/// How the warehouse gets at the bucket.
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
    /// A virtual warehouse, made with this size when it is not there.
    Warehouse { name: String, size: String },
    /// Compute that Snowflake manages, beginning with this size.
    Serverless { size: String },
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskState {
    #[default]
    Started,
    Suspended,
}

impl Variables {
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
    /// As SHOW TASKS has it.
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
