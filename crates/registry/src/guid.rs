//! A schema's id that is the same in every registry: Confluent's clients may write it into a record's header. It is the MD5
//! of what makes the schema, byte for byte as Confluent's `Schema.updateHash` feeds it, so that a text in the form in which
//! Java prints schemas has the same id here and there.

use crate::{
    metadata::{Metadata, Rule, RuleSet},
    schema::{Content, Reference},
};
use md5::{Digest as _, Md5};

/// Returns the id in the form of a UUID.
pub(crate) fn of(content: &Content) -> String {
    let mut hash = Md5::new();
    hash.update(&content.text);
    for Reference { name, subject, version } in &content.references {
        hash.update(name);
        hash.update(subject);
        hash.update(version.to_be_bytes());
    }
    // The byte tells empty metadata from none.
    if let Some(metadata) = &content.metadata {
        hash.update([1]);
        add_metadata(&mut hash, metadata);
    }
    if let Some(rules) = &content.rule_set {
        hash.update([1]);
        add_rules(&mut hash, rules);
    }
    let hex = format!("{:032x}", u128::from_be_bytes(hash.finalize().into()));
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

fn add_metadata(hash: &mut Md5, metadata: &Metadata) {
    for (path, tags) in &metadata.tags {
        hash.update(path);
        for tag in tags {
            hash.update(tag);
        }
    }
    for (name, value) in &metadata.properties {
        hash.update(name);
        hash.update(value);
    }
    for name in &metadata.sensitive {
        hash.update(name);
    }
}

fn add_rules(hash: &mut Md5, rules: &RuleSet) {
    let RuleSet { migration_rules, domain_rules, encoding_rules, enable_at } = rules;
    for rule in migration_rules.iter().chain(domain_rules).chain(encoding_rules) {
        let Rule { name, doc, kind, mode, executor, tags, params, expr, on_success, on_failure, disabled } = rule;
        let (kind, mode) = (kind.map(|kind| kind.to_string()), mode.map(|mode| mode.to_string()));
        for text in [Some(name), doc.as_ref(), kind.as_ref(), mode.as_ref(), Some(executor)].into_iter().flatten() {
            hash.update(text);
        }
        for tag in tags {
            hash.update(tag);
        }
        for (name, value) in params {
            hash.update(name);
            hash.update(value);
        }
        for text in [expr, on_success, on_failure].into_iter().flatten() {
            hash.update(text);
        }
        if *disabled {
            hash.update([1]);
        }
    }
    if let Some(place) = enable_at {
        hash.update(place);
    }
}

#[cfg(test)]
mod tests {
    use super::of;
    use crate::schema::{Content, Reference};

    #[test]
    fn a_guid_is_the_md5_that_confluent_computes() {
        let mut content =
            Content { text: "\"string\"".to_owned(), references: Vec::new(), metadata: None, rule_set: None };
        // printf '"string"' | md5sum
        assert_eq!(of(&content), "095d71cf-1255-6b9d-5e33-0ad575b3df5d");
        content.references.push(Reference { name: "n".to_owned(), subject: "s".to_owned(), version: 258 });
        content.metadata = serde_json::from_str(r#"{"properties":{"k":"v"},"tags":{"p":["t"]}}"#).unwrap();
        // printf '"string"ns\x00\x00\x01\x02\x01ptkv' | md5sum
        assert_eq!(of(&content), "04c08116-30c6-bf23-8d07-64cd75731cc9");
    }
}
