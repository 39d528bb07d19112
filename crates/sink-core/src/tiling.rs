//! Proof that the files of a partition tile its log: from the chain's first position on, each begins where the one before
//! ends.

use contract::{Position, Range};

/// A place where the files do not tile the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("gap: no file covers {0}")]
    Gap(Range),
    #[error("overlap: {0} is covered twice")]
    Overlap(Range),
    #[error("file {file} lies before the chain's first position {first}")]
    BeforeFirst { file: Range, first: Position },
}

/// Checks the ranges of a partition's files, in the order of their starts. Returns where the chain ends and every fault.
pub fn check(first: Position, files: &[Range]) -> (Position, Vec<Fault>) {
    let (mut end, mut faults) = (first, Vec::new());
    for file in files {
        if file.start < first {
            faults.push(Fault::BeforeFirst { file: *file, first });
        } else if file.start > end {
            faults.push(Fault::Gap(Range { start: end, next: file.start }));
        } else if file.start < end {
            faults.push(Fault::Overlap(Range { start: file.start, next: end.min(file.next) }));
        }
        end = end.max(file.next);
    }
    (end, faults)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(start: i64, next: i64) -> Range {
        Range { start: Position(start), next: Position(next) }
    }

    #[test]
    fn gaps_and_overlaps_are_found_and_a_tiling_is_none() {
        assert_eq!(check(Position(5), &[range(5, 7), range(7, 20)]), (Position(20), vec![]));
        assert_eq!(check(Position(5), &[]), (Position(5), vec![]));
        let (end, faults) = check(Position(5), &[range(6, 9), range(8, 12), range(12, 13)]);
        assert_eq!((end, faults), (Position(13), vec![Fault::Gap(range(5, 6)), Fault::Overlap(range(8, 9))]));
        let before = Fault::BeforeFirst { file: range(0, 5), first: Position(5) };
        assert_eq!(check(Position(5), &[range(0, 5)]), (Position(5), vec![before]));
    }
}
