//! Who may log in. Roles are recorded, shown and made owner of what a session creates, but not enforced: whoever logs in
//! may do everything.

use contract::endpoints::Secret;
use serde::Deserialize;
use sha2::{Digest, Sha256};

/// One user of the warehouse.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// Compared without regard to case, as Snowflake compares login names.
    pub name: String,
    pub password: Secret,
    /// The role of sessions that ask for none.
    #[serde(default = "default_role")]
    pub default_role: String,
}

impl User {
    /// A user with Snowflake's usual first role.
    pub fn new(name: impl Into<String>, password: Secret) -> Self {
        Self { name: name.into(), password, default_role: default_role() }
    }
}

fn default_role() -> String {
    "ACCOUNTADMIN".to_owned()
}

/// The user with this name and password. Hashes are compared, so that the time taken tells nothing about the password.
pub(super) fn authenticate<'a>(users: &'a [User], name: &str, password: &str) -> Option<&'a User> {
    let given = Sha256::digest(password);
    users.iter().find(|user| {
        let wanted = Sha256::digest(user.password.expose());
        user.name.eq_ignore_ascii_case(name) && wanted == given
    })
}
