//! The result of a plan: counts, sizes and costs of the files that would be cut, and remarks on them.

use serde::Serialize;
use sink_core::roll::RollReason;
use std::collections::BTreeMap;

use super::PlanOptions;
use crate::{config::Config, kafka::Place, store::requests};

/// What Snowflake advises for files to load: 100 to 250 MB compressed (its documentation, "Preparing your data files").
const ADVISED_BYTES: u64 = 100_000_000;
const DAY_MILLIS: f64 = 86_400_000.0;

/// One file that would be cut.
#[derive(Debug, Clone, Copy)]
pub(super) struct PlannedFile {
    pub(super) reason: RollReason,
    pub(super) rows: u64,
    pub(super) dead_letters: u64,
    pub(super) bytes: u64,
}

/// What reading one partition showed.
#[derive(Debug)]
pub(super) struct Read {
    place: Place,
    records: u64,
    /// Bytes of keys and values, not compressed.
    raw_bytes: u64,
    times: Option<(i64, i64)>,
    pub(super) files: Vec<PlannedFile>,
    /// Size of the last file, which only a further record would end.
    pub(super) left_open: u64,
}

impl Read {
    pub(super) fn new(place: Place) -> Self {
        Self { place, records: 0, raw_bytes: 0, times: None, files: Vec::new(), left_open: 0 }
    }

    pub(super) fn saw(&mut self, time: Option<i64>, bytes: usize) {
        self.records += 1;
        self.raw_bytes += bytes as u64;
        if let Some(time) = time {
            self.times = Some(self.times.map_or((time, time), |(min, max)| (min.min(time), max.max(time))));
        }
    }
}

/// The files that a configuration would cut.
#[derive(Debug, Clone, Serialize)]
pub struct Plan {
    pub codec: &'static str,
    pub partitions: Vec<PlannedPartition>,
    pub records: u64,
    /// Bytes of keys and values in the log, not compressed.
    pub raw_bytes: u64,
    pub files: u64,
    pub rows: u64,
    pub dead_letters: u64,
    pub bytes: u64,
    /// Files by the reason that ends them.
    pub reasons: BTreeMap<&'static str, u64>,
    /// Sizes of all files; `None` without files.
    pub sizes: Option<Sizes>,
    /// From the first record's timestamp to the last's.
    pub span_seconds: f64,
    /// Files a day at this rate; `None` where the records span less than a second.
    pub files_per_day: Option<f64>,
    pub bytes_per_day: Option<f64>,
    /// Price of 1,000 PUT requests that the costs are calculated with.
    pub put_price: f64,
    /// Requests that create the files: one each, or one for each part and two more. They cost the same.
    pub puts: u64,
    pub put_cost_per_day: Option<f64>,
    /// Remarks on the plan.
    pub remarks: Vec<String>,
}

/// One partition of a plan.
#[derive(Debug, Clone, Serialize)]
pub struct PlannedPartition {
    pub topic: String,
    pub partition: i32,
    pub records: u64,
    pub files: u64,
    pub rows: u64,
    pub dead_letters: u64,
    pub bytes: u64,
    pub reasons: BTreeMap<&'static str, u64>,
    pub sizes: Option<Sizes>,
    /// Bytes of the last file, which no clock would end.
    pub left_open: u64,
}

/// How large files are, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Sizes {
    pub smallest: u64,
    pub median: u64,
    /// The 90th percentile.
    pub p90: u64,
    pub largest: u64,
}

impl Sizes {
    fn of(mut sizes: Vec<u64>) -> Option<Self> {
        sizes.sort_unstable();
        let at = |share: usize| sizes.get((sizes.len().max(1) - 1) * share / 100).copied();
        Some(Self { smallest: at(0)?, median: at(50)?, p90: at(90)?, largest: at(100)? })
    }
}

fn reasons<'a>(files: impl Iterator<Item = &'a PlannedFile>) -> BTreeMap<&'static str, u64> {
    let mut reasons = BTreeMap::new();
    files.for_each(|file| *reasons.entry(file.reason.name()).or_default() += 1);
    reasons
}

impl PlannedPartition {
    fn new(read: &Read) -> Self {
        let sum = |of: fn(&PlannedFile) -> u64| read.files.iter().map(of).sum();
        Self {
            topic: read.place.0.clone(),
            partition: read.place.1,
            records: read.records,
            files: read.files.len() as u64,
            rows: sum(|file| file.rows),
            dead_letters: sum(|file| file.dead_letters),
            bytes: sum(|file| file.bytes),
            reasons: reasons(read.files.iter()),
            sizes: Sizes::of(read.files.iter().map(|file| file.bytes).collect()),
            left_open: read.left_open,
        }
    }
}

impl Plan {
    pub(super) fn new(config: &Config, options: PlanOptions, read: &[Read]) -> Self {
        let partitions: Vec<PlannedPartition> = read.iter().map(PlannedPartition::new).collect();
        let sum = |of: fn(&PlannedPartition) -> u64| partitions.iter().map(of).sum::<u64>();
        let all = || read.iter().flat_map(|read| &read.files);
        let first = read.iter().filter_map(|read| read.times).map(|times| times.0).min();
        let last = read.iter().filter_map(|read| read.times).map(|times| times.1).max();
        let span = first.zip(last).map_or(0, |(first, last)| last.saturating_sub(first));
        let per_day = |n: u64| (span >= 1_000).then(|| n as f64 * DAY_MILLIS / span as f64);
        let requests = |bytes| if bytes > config.objects.multipart_bytes { requests(bytes) } else { 1 };
        let puts = all().map(|file| requests(file.bytes)).sum();
        let mut plan = Self {
            codec: config.codec.name(),
            records: sum(|p| p.records),
            raw_bytes: read.iter().map(|read| read.raw_bytes).sum(),
            files: sum(|p| p.files),
            rows: sum(|p| p.rows),
            dead_letters: sum(|p| p.dead_letters),
            bytes: sum(|p| p.bytes),
            reasons: reasons(all()),
            sizes: Sizes::of(all().map(|file| file.bytes).collect()),
            span_seconds: span as f64 / 1_000.0,
            files_per_day: per_day(sum(|p| p.files)),
            bytes_per_day: per_day(sum(|p| p.bytes)),
            put_price: options.put_price,
            puts,
            put_cost_per_day: per_day(puts).map(|puts| puts / 1_000.0 * options.put_price),
            remarks: Vec::new(),
            partitions,
        };
        plan.remarks = plan.remark(config);
        plan
    }

    fn remark(&self, config: &Config) -> Vec<String> {
        let mut remarks = Vec::new();
        if let Some(sizes) = self.sizes
            && sizes.median < ADVISED_BYTES
        {
            let by = self.reasons.iter().max_by_key(|(_, files)| **files).map_or("", |(reason, _)| *reason);
            let below = megabytes(sizes.median + 1);
            let window = config.roll.window;
            let why = if window.is_zero() {
                String::new()
            } else {
                let window = humantime_serde::re::humantime::format_duration(window);
                format!(": a window of {window} loads within that time and makes small files, a longer one the reverse")
            };
            let pace = self.bytes_per_day.filter(|bytes| *bytes > 0.0).map_or_else(String::new, |bytes| {
                let hours = ADVISED_BYTES as f64 * self.partitions.len() as f64 / bytes * 24.0;
                format!(". At this rate a file of 100 MB takes {hours:.1} hours")
            });
            let text = format!(
                "half of the files are smaller than {below:.1} MB; Snowflake advises 100 to 250 MB compressed. Most end by \
                 {by}{why}{pace}"
            );
            remarks.push(text);
        }
        if self.span_seconds < 3_600.0 && self.files > 0 {
            let span = self.span_seconds;
            remarks
                .push(format!("the records span {span:.0} seconds; the figures for a day are extrapolated from that"));
        }
        if self.dead_letters > 0 {
            let letters = self.dead_letters;
            remarks.push(format!("{letters} records cannot be used and would go to the dead letters"));
        }
        let open = self.partitions.iter().filter(|partition| partition.left_open > 0).count();
        if open > 0 {
            remarks.push(format!(
                "{open} partitions end in a file that no clock would end: neither window nor idle is set"
            ));
        }
        remarks.push(
            "timestamps stand for the wall clock; rolls by memory, rebalances and restarts are not foreseen".to_owned(),
        );
        remarks
    }
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_those_of_the_sorted_files() {
        assert_eq!(Sizes::of(vec![]), None);
        assert_eq!(Sizes::of(vec![5]), Some(Sizes { smallest: 5, median: 5, p90: 5, largest: 5 }));
        let sizes = Sizes::of((1..=11).rev().collect());
        assert_eq!(sizes, Some(Sizes { smallest: 1, median: 6, p90: 10, largest: 11 }));
    }
}
