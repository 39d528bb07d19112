//! What is printed of a comparison.

use std::fmt;

use crate::measure::Cost;

pub(crate) const BARE: &str = "bare reading";
pub(crate) const FLOOR_SNAPPY: &str = "floor, snappy";
pub(crate) const FLOOR_NULL: &str = "floor, uncompressed";
pub(crate) const SINK_SNAPPY: &str = "sink, snappy";
pub(crate) const SINK_NULL: &str = "sink, uncompressed";

/// How the sink stands to what it cannot do without, by records per CPU second.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ratios {
    /// With snappy, to reading, copying, compressing and checksumming.
    pub(crate) to_floor: f64,
    /// Uncompressed, to reading alone.
    pub(crate) to_bare_read: f64,
    /// The larger of the two.
    pub(crate) peak_rss_mb: f64,
}

pub(crate) fn ratios(medians: &[Cost]) -> Ratios {
    let of = |name: &str| medians.iter().find(|cost| cost.name == name);
    let rate = |name: &str| of(name).map_or(f64::NAN, |cost| cost.records_per_cpu_second);
    let peak = |name: &str| of(name).map_or(f64::NAN, |cost| cost.own.peak_rss_mb);
    Ratios {
        to_floor: rate(SINK_SNAPPY) / rate(FLOOR_SNAPPY),
        to_bare_read: rate(SINK_NULL) / rate(BARE),
        peak_rss_mb: peak(SINK_SNAPPY).max(peak(SINK_NULL)),
    }
}

impl fmt::Display for Ratios {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "by records per CPU second: the sink with snappy {:.2} of its floor, uncompressed {:.2} of bare reading; peak \
             RSS {:.0} MB",
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
