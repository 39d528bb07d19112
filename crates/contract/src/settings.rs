//! What a setting may be. Every service checks its own section with these functions, so that the same mistake gets the
//! same words everywhere. They look at text alone: nothing is resolved or connected to.

use std::{fmt, time::Duration};
use url::Url;

/// A setting that cannot work.
///
/// `key` is relative to the section of the service, such as `roll.max_bytes`; keys of the shared sections are written in
/// full, such as `store.prefix`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("configuration: `{key}`: {reason}")]
pub struct Refused {
    pub key: String,
    /// What was found, what is expected, and what to do where that is not plain.
    pub reason: String,
}

impl Refused {
    pub fn new(key: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { key: key.into(), reason: reason.into() }
    }

    /// The usual reason: "found `abc`, expected a number".
    pub fn found(key: impl Into<String>, found: impl fmt::Display, expected: impl fmt::Display) -> Self {
        Self::new(key, format!("found `{found}`, expected {expected}"))
    }
}

/// Refuses text without a character that shows.
///
/// # Errors
/// Names the key and `expected`, such as "a name".
pub fn filled(key: &str, text: &str, expected: &str) -> Result<(), Refused> {
    if text.trim().is_empty() { Err(Refused::found(key, text, expected)) } else { Ok(()) }
}

/// Refuses a duration of zero.
///
/// # Errors
/// Names the key.
pub fn lasting(key: &str, duration: Duration) -> Result<(), Refused> {
    if duration.is_zero() { Err(Refused::found(key, "0s", "a duration longer than 0s")) } else { Ok(()) }
}

/// Refuses a size or a number of 0.
///
/// # Errors
/// Names the key.
pub fn positive(key: &str, number: u64) -> Result<(), Refused> {
    if number == 0 { Err(Refused::found(key, 0, "a number of at least 1")) } else { Ok(()) }
}

/// Refuses what is not the address of an HTTP server. Credentials in the address are refused too, because addresses
/// appear in logs and errors.
///
/// # Errors
/// Names the key.
pub fn web_address(key: &str, text: &str) -> Result<(), Refused> {
    let scheme = text.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
    if !matches!(scheme.as_deref(), Some("http" | "https")) {
        let shown = without_credentials(text);
        let way_out = if shown.contains("://") || shown.trim().is_empty() {
            String::new()
        } else {
            format!("; write `http://{shown}` or `https://{shown}`")
        };
        return Err(Refused::found(key, shown, format!("a URL that begins with http:// or https://{way_out}")));
    }
    let parsed = Url::parse(text).map_err(|error| {
        Refused::found(key, without_credentials(text), format!("a URL such as https://host:8443 ({error})"))
    })?;
    if !parsed.username().is_empty() || parsed.password().is_some() {
        let reason = "found a user or a password inside the URL, where logs would show it; give it by the keys that are \
                      meant for it";
        return Err(Refused::new(key, reason));
    }
    if parsed.query().is_some() || parsed.fragment().is_some() || parsed.port() == Some(0) {
        return Err(Refused::found(key, text, "a base URL with neither a query, nor a fragment, nor port 0"));
    }
    Ok(())
}

/// An address without the user and the password that it may hold.
pub fn without_credentials(text: &str) -> String {
    let Some((front, host)) = text.rsplit_once('@') else { return text.to_owned() };
    match front.split_once("//") {
        Some((scheme, _)) => format!("{scheme}//[secret]@{host}"),
        None => format!("[secret]@{host}"),
    }
}

/// Refuses what is not `host:port`; an IPv6 host is written in brackets.
///
/// # Errors
/// Names the key.
pub fn host_and_port(key: &str, text: &str) -> Result<(), Refused> {
    let refuse = || Refused::found(key, text, "host:port, such as localhost:9092 or [::1]:9092");
    let (host, port) = text.rsplit_once(':').ok_or_else(refuse)?;
    let bracketed = host.starts_with('[') && host.ends_with(']') && host.len() > 2;
    let plain = !host.is_empty() && !host.contains([':', '/', '@', '[', ']']) && !host.contains(char::is_whitespace);
    let number = port.bytes().all(|byte| byte.is_ascii_digit()).then(|| port.parse::<u16>().ok()).flatten();
    if (bracketed || plain) && number.is_some_and(|port| port > 0) { Ok(()) } else { Err(refuse()) }
}

/// Refuses what Kafka does not take as the name of a topic.
///
/// # Errors
/// Names the key.
pub fn topic(key: &str, name: &str) -> Result<(), Refused> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    if (1..=249).contains(&name.len()) && name.bytes().all(allowed) && name != "." && name != ".." {
        return Ok(());
    }
    let expected =
        "the name of a Kafka topic: 1 to 249 letters, digits, dots, hyphens or underscores, and neither `.` nor `..`";
    Err(Refused::found(key, name, expected))
}

/// Whether the value of a key must never be shown, judged by the last part of its name; for librdkafka's properties, by
/// the whole name, such as `sasl.password`.
pub fn is_secret(key: &str) -> bool {
    const SIGNS: [&str; 10] = [
        "password",
        "passphrase",
        "secret",
        "private_key",
        "key.pem",
        "ssl_key",
        "token",
        "jaas",
        "oauthbearer.config",
        "credential",
    ];
    // Addresses and times that only have such a word in their name.
    const PUBLIC: [&str; 3] = ["endpoint.url", ".location", ".ms"];
    let key = key.to_ascii_lowercase();
    SIGNS.iter().any(|sign| key.contains(sign)) && !PUBLIC.iter().any(|end| key.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_without_a_scheme_is_refused_with_the_way_out() {
        for good in ["http://r", "https://r:8443/base", "HTTP://127.0.0.1:1", "http://[::1]:8081"] {
            assert_eq!(web_address("url", good), Ok(()), "{good}");
        }
        let refused = web_address("registry.url", "localhost:8081").unwrap_err().to_string();
        let expected = "configuration: `registry.url`: found `localhost:8081`, expected a URL that begins with http:// or \
                        https://; write `http://localhost:8081` or `https://localhost:8081`";
        assert_eq!(refused, expected);
        for bad in ["", "ftp://r", "http://", "http://r:0", "http://r:99999", "http://r?x=1", "/path", "http:/r"] {
            assert!(web_address("url", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn credentials_in_an_address_are_refused_and_not_shown() {
        for bad in ["http://ann:hunter2@r", "ann:hunter2@r", "ftp://ann:hunter2@r", "http://ann:hunter2@r:99999"] {
            let refused = web_address("url", bad).unwrap_err().to_string();
            assert!(!refused.contains("hunter2"), "{refused}");
        }
    }

    #[test]
    fn a_server_without_a_port_is_refused() {
        for good in ["k:9092", "127.0.0.1:1", "[::1]:9092", "kafka-0.kafka.svc:65535"] {
            assert_eq!(host_and_port("k", good), Ok(()), "{good}");
        }
        for bad in ["", "k", "k:", ":9092", "k:0", "k:65536", "k:+1", "::1:9092", "http://k:9092", "a b:1", "[]:1"] {
            assert!(host_and_port("k", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn secrets_are_known_by_the_name_of_their_key() {
        for secret in [
            "password",
            "private_key",
            "secret_access_key",
            "sasl.password",
            "ssl.key.password",
            "ssl.key.pem",
            "ssl.keystore.password",
            "sasl.oauthbearer.client.secret",
            "sasl.oauthbearer.config",
        ] {
            assert!(is_secret(secret), "{secret}");
        }
        for public in ["user", "access_key_id", "kms_key_id", "sasl.username", "ssl.ca.location", "ssl.key.location"] {
            assert!(!is_secret(public), "{public}");
        }
    }

    #[test]
    fn names_and_amounts_that_say_nothing_are_refused() {
        assert!(filled("k", " ", "a name").is_err() && filled("k", "x", "a name").is_ok());
        assert!(positive("k", 0).is_err() && positive("k", 1).is_ok());
        assert!(lasting("k", Duration::ZERO).is_err() && lasting("k", Duration::from_millis(1)).is_ok());
        let longest = "a".repeat(250);
        for bad in ["", ".", "..", "a/b", "ä", longest.as_str()] {
            assert!(topic("k", bad).is_err(), "{bad}");
        }
        assert!(topic("k", "customers.events-1_x").is_ok());
    }
}
