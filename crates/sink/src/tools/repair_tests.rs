use super::*;
use crate::tools::verify::PartitionReport;
use contract::Range;
use sink_core::{
    facts::FoundFile,
    genesis::{Genesis, Identity},
};

/// Files `[2, 5)` and `[5, 9)`; the log holds 2 to 20.
fn chain(faults: Vec<String>) -> Chain {
    let file = |start, next| FoundFile {
        range: Range { start: Position(start), next: Position(next) },
        chain: "c".into(),
        writer: "w".into(),
        sha256: String::new(),
        rows: 1,
        dead_letters: 0,
        is_loss: false,
        bytes: 1,
    };
    let genesis = Genesis {
        version: 1,
        chain: "c".into(),
        cluster_id: "k".into(),
        topic: "t".into(),
        topic_id: None,
        partition: 0,
        group: "g".into(),
        first: Position(2),
        partitions: 1,
    };
    let report = PartitionReport {
        topic: "t".into(),
        partition: 0,
        chain: "c".into(),
        first: 2,
        next: 9,
        files: 2,
        rows: 2,
        dead_letters: 0,
        bytes: 2,
        losses: 0,
        faults,
        deep: None,
    };
    Chain { genesis, files: vec![file(2, 5), file(5, 9)], report }
}

fn facts(committed: Option<(i64, &str)>) -> KafkaFacts {
    KafkaFacts {
        identity: Identity { cluster_id: "k".into(), topic_id: None, group: "g".into() },
        committed: committed.map(|(position, metadata)| (Position(position), metadata.to_owned())),
        low: Position(2),
        high: Position(20),
        configured_first: Position(0),
        partitions: 1,
    }
}

#[test]
fn a_position_that_is_missing_or_behind_is_set_to_where_the_files_end() {
    for committed in [None, Some((0, "")), Some((5, "chain=c start=2 next=5")), Some((7, "set by hand"))] {
        let expected = Finding::Position { committed: committed.map(|(position, _)| position), next: 9 };
        assert_eq!(judge(&chain(vec![]), &facts(committed)), expected, "{committed:?}");
    }
    assert_eq!(judge(&chain(vec![]), &facts(Some((9, "chain=c start=5 next=9")))), Finding::Fine);
}

#[test]
fn what_the_files_do_not_prove_is_left_alone_with_the_reason() {
    let reason = |chain: &Chain, facts: &KafkaFacts| match judge(chain, facts) {
        Finding::Unprovable { reason } => reason,
        other => panic!("{other:?}"),
    };
    let whole = chain(vec![]);
    assert!(reason(&whole, &facts(Some((12, "chain=c start=9 next=12")))).contains("files were deleted, restore them"));
    assert!(reason(&whole, &facts(Some((12, "")))).contains("if somebody set it"));
    assert!(reason(&whole, &facts(Some((9, "chain=other start=5 next=9")))).contains("chain other"));
    assert!(reason(&chain(vec!["gap".into()]), &facts(None)).contains("not whole: gap"));
    let cut = KafkaFacts { low: Position(12), ..facts(None) };
    assert!(reason(&whole, &cut).contains("accept-loss"));
    let emptied = KafkaFacts { low: Position(0), high: Position(3), ..facts(None) };
    assert!(reason(&whole, &emptied).contains("cut or made again"));
    let mut other = facts(None);
    other.identity.cluster_id = "another".into();
    assert!(reason(&whole, &other).contains("cluster"));
}
