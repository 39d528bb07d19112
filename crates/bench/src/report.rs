//! What is printed of a comparison.

use serde::Serialize;
use std::fmt;

use crate::measure::Cost;

pub(crate) const BARE: &str = "bare reading";
pub(crate) const FLOOR_SNAPPY: &str = "floor, snappy";
pub(crate) const FLOOR_NULL: &str = "floor, uncompressed";
pub(crate) const SINK_SNAPPY: &str = "sink, snappy";
pub(crate) const SINK_NULL: &str = "sink, uncompressed";

/// How the sink stands to what it cannot do without, by records per CPU second.
#[derive(Debug, Clone)]
pub(crate) struct Ratios {
    /// With snappy, to reading, copying, compressing and checksumming.
    pub(crate) to_floor: Spread,
    /// Uncompressed, to reading alone.
    pub(crate) to_bare_read: Spread,
    /// The largest of all runs.
    pub(crate) peak_rss_mb: f64,
}

/// The ratios of all rounds: each compares two runs of one round, which met the same machine.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
}

impl Spread {
    fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let at = |index: usize| values.get(index).copied().unwrap_or(f64::NAN);
        let last = values.len().saturating_sub(1);
        Self { median: at(last / 2), least: at(0), most: at(last) }
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2} ({:.2} to {:.2})", self.median, self.least, self.most)
    }
}

/// Of all runs: each kind's, a round after the other.
pub(crate) fn ratios(costs: &[Vec<Cost>]) -> Ratios {
    let runs = |name: &'static str| costs.iter().flatten().filter(move |cost| cost.name == name);
    let rounds = |one, other| {
        let pairs = runs(one).zip(runs(other));
        Spread::of(pairs.map(|(one, other)| one.records_per_cpu_second / other.records_per_cpu_second).collect())
    };
    Ratios {
        to_floor: rounds(SINK_SNAPPY, FLOOR_SNAPPY),
        to_bare_read: rounds(SINK_NULL, BARE),
        peak_rss_mb: runs(SINK_SNAPPY).chain(runs(SINK_NULL)).map(|cost| cost.own.peak_rss_mb).fold(0.0, f64::max),
    }
}

impl fmt::Display for Ratios {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "by records per CPU second, round by round: the sink with snappy {} of its floor, uncompressed {} of bare \
             reading; peak RSS {:.0} MB",
            self.to_floor, self.to_bare_read, self.peak_rss_mb
        )
    }
}

pub(crate) fn head() {
    println!(
        "{:20} {:>11} {:>6} {:>6} {:>13} {:>7} {:>9} {:>9} {:>5} {:>7} {:>9}",
        "", "records/s", "MB/s", "CPU s", "rec per CPU s", "RSS MB", "S3 req/M", "alloc/1k", "files", "MB", "read back"
    );
}

pub(crate) fn line(cost: &Cost) {
    let read_back = cost.read_back.map_or_else(|| "-".to_owned(), |count| count.to_string());
    println!(
        "{:20} {:>11.0} {:>6.0} {:>6.2} {:>13.0} {:>7.0} {:>9.1} {:>9.1} {:>5} {:>7.1} {:>9}",
        cost.name,
        cost.records_per_second,
        cost.mb_per_second,
        cost.own.cpu_seconds,
        cost.records_per_cpu_second,
        cost.own.peak_rss_mb,
        cost.s3_requests_per_million_records,
        cost.allocations_per_thousand_records,
        cost.files,
        cost.mb_written,
        read_back
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_an_even_number_of_rounds_the_lower_middle_counts() {
        let spread = Spread::of(vec![0.9, 0.7, 1.1, 0.8]);
        assert_eq!((spread.median, spread.least, spread.most), (0.8, 0.7, 1.1));
        let spread = Spread::of(vec![0.3, 0.1, 0.2]);
        assert_eq!((spread.median, spread.least, spread.most), (0.2, 0.1, 0.3));
    }
}
