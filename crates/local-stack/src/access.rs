//! Keys of the stack's own, made once for each state folder, so that what was configured to use it still can after a
//! restart. The stack listens on loopback only; the keys keep other users of the machine out.

use serde::{Deserialize, Serialize};
use std::{
    fs::OpenOptions,
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Access {
    pub(crate) s3_key_id: String,
    pub(crate) s3_secret: String,
    pub(crate) warehouse_password: String,
}

impl Access {
    /// Those in the file, or new ones put there.
    pub(crate) fn of(file: &Path) -> io::Result<Self> {
        match std::fs::read(file) {
            Ok(text) => Ok(serde_json::from_slice(&text)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let access = Self { s3_key_id: "local".to_owned(), s3_secret: secret(), warehouse_password: secret() };
                let new = file.with_extension("new");
                let mut options = OpenOptions::new();
                let mut written = options.write(true).create(true).truncate(true).mode(0o600).open(&new)?;
                written.write_all(&serde_json::to_vec_pretty(&access)?)?;
                written.sync_all()?;
                std::fs::rename(new, file)?;
                Ok(access)
            }
            Err(error) => Err(error),
        }
    }
}

fn secret() -> String {
    hex::encode(rand::random::<[u8; 20]>())
}
