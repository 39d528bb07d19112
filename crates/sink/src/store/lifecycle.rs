//! Finds lifecycle rules of the bucket that would delete the sink's objects too early. Three things rest on a file: the chain
//! continues from its last file; the file tells a late owner that its range is written; and a pipe that loads a name once must
//! not see that name again. So a file has to outlive the log, the group's positions and Snowpipe's memory of names. The objects
//! that say where chains begin must never be deleted.

use aws_sdk_s3::types::{ExpirationStatus, LifecycleRule, Tag};
use contract::names;
use std::{collections::BTreeMap, time::Duration};

use super::{
    Store,
    failure::{Failure, status},
    operation::Operation,
};
use crate::store::retention::{Kept, Retention};

const DAY: Duration = Duration::from_hours(24);
/// How long Snowpipe remembers the name of a file that it loaded.
const SNOWPIPE: Duration = DAY.saturating_mul(14);

/// A rule that deletes objects of the sink.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Expiry {
    /// The rule's id.
    pub(crate) rule: String,
    what: What,
    /// Days after the creation of an object; `None` for a fixed date.
    days: Option<u32>,
}

/// What a rule deletes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Files,
    Chains,
}

/// What to think of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Judgement {
    Harmless,
    /// Depends on a retention that is unknown or unlimited.
    Doubtful(String),
    Breaks(String),
}

impl Store {
    /// Returns the bucket's rules that delete objects of these topics; `None` where the rules cannot be read, which is logged.
    pub(crate) async fn expiries(&self, topics: &[String]) -> Option<Vec<Expiry>> {
        let read = self.repeat(Operation::ReadLifecycle, "", self.patience(0), || async {
            match self.client.get_bucket_lifecycle_configuration().bucket(&self.bucket).send().await {
                Ok(found) => Ok(found.rules.unwrap_or_default()),
                // `NoSuchLifecycleConfiguration`.
                Err(error) if status(&error) == Some(404) => Ok(Vec::new()),
                Err(error) => Err(Failure::of(&error)),
            }
        });
        match read.await {
            Ok(rules) => Some(expiries(&rules, &self.prefix, topics, &self.objects.tags)),
            Err(error) => {
                tracing::info!(
                    %error,
                    "cannot read the bucket's lifecycle rules; check that files outlive the retention of the topics, that of \
                     the offsets and 14 days, added up"
                );
                None
            }
        }
    }
}

impl Expiry {
    /// Judges whether objects are kept for long enough.
    pub(crate) fn judge(&self, retention: &Retention) -> Judgement {
        let rule = format!("lifecycle rule `{}`", self.rule);
        let days = match (self.what, self.days) {
            (What::Chains, _) => {
                return Judgement::Breaks(format!(
                    "{rule} deletes objects under chains/, which say where the chains of files begin; it may delete under topics/ \
                     only"
                ));
            }
            (What::Files, None) => {
                return Judgement::Breaks(format!(
                    "{rule} deletes files at a fixed date, new files too; it needs a number of days"
                ));
            }
            (What::Files, Some(days)) => days,
        };
        let stays = DAY * days;
        let (topics, offsets) = (retention.topics, retention.offsets);
        let sum = SNOWPIPE + offsets.at_least() + topics.at_least();
        let need = format!(
            "{} days are needed: 14 for Snowpipe's memory, {offsets} for the group's offsets, {topics} for the topics",
            sum.as_secs().div_ceil(DAY.as_secs())
        );
        let is_known = matches!((topics, offsets), (Kept::For(_), Kept::For(_)));
        if stays < SNOWPIPE || (stays < sum && is_known) {
            Judgement::Breaks(format!("{rule} deletes files after {days} days; {need}"))
        } else if stays < sum || topics == Kept::Forever {
            Judgement::Doubtful(format!("{rule} deletes files after {days} days; {need}"))
        } else {
            Judgement::Harmless
        }
    }
}

/// Returns the rules that delete the sink's objects. A rule that deletes chains and files is listed for the chains only.
fn expiries(rules: &[LifecycleRule], prefix: &str, topics: &[String], tags: &BTreeMap<String, String>) -> Vec<Expiry> {
    // A regular expression may match any topic.
    let relative = |topic: &String| {
        if topic.starts_with('^') { "topics/".to_owned() } else { names::topic_prefix(topic) }
    };
    let files: Vec<String> = topics.iter().map(|topic| format!("{prefix}{}", relative(topic))).collect();
    let chains = [format!("{prefix}chains/")];
    let none = BTreeMap::new();
    let mut found = Vec::new();
    for rule in rules.iter().filter(|rule| rule.status == ExpirationStatus::Enabled) {
        let Some(expiration) = rule.expiration() else { continue };
        let days = expiration.days().and_then(|days| u32::try_from(days).ok());
        // An expiration without either only removes delete markers.
        if days.is_none() && expiration.date().is_none() {
            continue;
        }
        for (what, places, tags) in [(What::Chains, &chains[..], &none), (What::Files, &files[..], tags)] {
            if places.iter().any(|place| concerns(rule, place, tags)) {
                found.push(Expiry { rule: rule.id().unwrap_or("without a name").to_owned(), what, days });
                break;
            }
        }
    }
    found
}

/// Whether a rule's filter matches objects below `place` with these tags. A filter by size is taken to match.
fn concerns(rule: &LifecycleRule, place: &str, tags: &BTreeMap<String, String>) -> bool {
    let filter = rule.filter();
    let both = filter.and_then(|filter| filter.and());
    #[allow(deprecated, reason = "rules made long ago have their prefix there")]
    let old = rule.prefix();
    let prefix = filter.and_then(|filter| filter.prefix()).or(both.and_then(|both| both.prefix())).or(old);
    let prefix = prefix.unwrap_or_default();
    let has = |tag: &Tag| tags.get(tag.key()).is_some_and(|value| value == tag.value());
    let wanted = filter.and_then(|filter| filter.tag()).into_iter().chain(both.map_or(&[][..], |both| both.tags()));
    (place.starts_with(prefix) || prefix.starts_with(place)) && wanted.into_iter().all(has)
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_s3::types::{LifecycleExpiration, LifecycleRuleAndOperator, LifecycleRuleFilter};

    fn rule(days: i32, filter: LifecycleRuleFilter) -> LifecycleRule {
        let expiration = LifecycleExpiration::builder().days(days).build();
        let rule = LifecycleRule::builder().id("r").status(ExpirationStatus::Enabled);
        rule.expiration(expiration).filter(filter).build().unwrap()
    }

    fn prefixed(prefix: &str) -> LifecycleRuleFilter {
        LifecycleRuleFilter::builder().prefix(prefix).build()
    }

    fn found(rule: LifecycleRule, tags: &[(&str, &str)]) -> Vec<(What, Option<u32>)> {
        let tags = tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let found = expiries(&[rule], "lake/", &["a".to_owned(), "b".to_owned()], &tags);
        found.into_iter().map(|expiry| (expiry.what, expiry.days)).collect()
    }

    #[test]
    fn only_rules_that_delete_our_objects_count() {
        for (prefix, expected) in [
            ("", vec![(What::Chains, Some(9))]),
            ("lake/", vec![(What::Chains, Some(9))]),
            ("lake/topics/", vec![(What::Files, Some(9))]),
            ("lake/topics/b/partition=00001/", vec![(What::Files, Some(9))]),
            ("lake/chains/b/", vec![(What::Chains, Some(9))]),
            ("lake/topics/c/", vec![]),
            ("logs/", vec![]),
        ] {
            assert_eq!(found(rule(9, prefixed(prefix)), &[]), expected, "{prefix}");
        }
        let mut disabled = rule(9, prefixed(""));
        disabled.status = ExpirationStatus::Disabled;
        assert_eq!(found(disabled, &[]), []);
        let mut markers = rule(9, prefixed(""));
        markers.expiration = Some(LifecycleExpiration::builder().expired_object_delete_marker(true).build());
        assert_eq!(found(markers, &[]), []);
    }

    #[test]
    fn a_rule_for_tagged_objects_counts_where_files_have_the_tag() {
        let tag = || Tag::builder().key("keep").value("short").build().unwrap();
        let one = LifecycleRuleFilter::builder().tag(tag()).build();
        let and = LifecycleRuleAndOperator::builder().prefix("lake/").tags(tag()).build();
        let both = LifecycleRuleFilter::builder().and(and).build();
        for filter in [one, both] {
            assert_eq!(found(rule(9, filter.clone()), &[]), []);
            assert_eq!(found(rule(9, filter.clone()), &[("keep", "long")]), []);
            assert_eq!(found(rule(9, filter), &[("keep", "short")]), [(What::Files, Some(9))]);
        }
    }

    #[test]
    fn files_must_outlive_the_log_the_offsets_and_the_pipes_memory() {
        let files = |days| Expiry { rule: "r".to_owned(), what: What::Files, days: Some(days) };
        let week = Kept::For(DAY * 7);
        let known = Retention { topics: week, offsets: week };
        assert_eq!(files(28).judge(&known), Judgement::Harmless);
        let Judgement::Breaks(reason) = files(27).judge(&known) else { panic!() };
        assert!(reason.contains("28 days are needed"), "{reason}");
        let assumed = Retention { topics: Kept::Unknown, offsets: week };
        assert!(matches!(files(27).judge(&assumed), Judgement::Doubtful(_)));
        assert!(matches!(files(13).judge(&assumed), Judgement::Breaks(_)));
        assert_eq!(files(28).judge(&assumed), Judgement::Harmless);
        let forever = Retention { topics: Kept::Forever, offsets: week };
        assert!(matches!(files(3_000).judge(&forever), Judgement::Doubtful(_)));
        let chains = Expiry { what: What::Chains, ..files(10_000) };
        assert!(matches!(chains.judge(&known), Judgement::Breaks(_)));
        let dated = Expiry { days: None, ..files(0) };
        assert!(matches!(dated.judge(&known), Judgement::Breaks(_)));
    }
}
