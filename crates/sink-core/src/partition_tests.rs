use super::*;
use contract::Range;
use std::collections::HashMap;

const POLICY: RollPolicy = RollPolicy { window: Some(1_000), idle: Some(100), max_bytes: 1_000, max_records: 3 };

fn setup(partition: i32) -> Setup {
    Setup { topic: "t".into(), partition, policy: POLICY, new_chain: "new".into(), restart_after: 50 }
}

fn identity() -> Identity {
    Identity { cluster_id: "k".into(), topic_id: Some("id".into()), group: "g".into() }
}

fn facts(committed: Option<(i64, &str)>, low: i64, high: i64) -> Event {
    Event::Kafka(KafkaFacts {
        identity: identity(),
        committed: committed.map(|(position, metadata)| (Position(position), metadata.to_owned())),
        low: Position(low),
        high: Position(high),
        configured_first: Position(low),
        partitions: 2,
    })
}

fn genesis(first: i64) -> Genesis {
    Genesis {
        version: 1,
        chain: "c".into(),
        cluster_id: "k".into(),
        topic: "t".into(),
        topic_id: Some("id".into()),
        partition: 0,
        group: "g".into(),
        first: Position(first),
        partitions: 2,
    }
}

fn found(start: i64, next: i64) -> FoundFile {
    FoundFile {
        range: Range { start: Position(start), next: Position(next) },
        chain: "c".into(),
        writer: "other".into(),
        sha256: "s".into(),
        rows: 1,
        dead_letters: 0,
        is_loss: false,
        bytes: 1,
    }
}

/// Answers each command from a store and a cluster that do not change, and says where it ends.
fn resolve(partition: i32, kafka: &Event, own: Option<&Genesis>, first: Option<&Genesis>, files: &[(i64, i64)]) -> End {
    let files: HashMap<i64, i64> = files.iter().copied().collect();
    let mut commands = Commands::new();
    let mut machine = Partition::assigned(setup(partition), Epoch(1), &mut commands);
    let mut end = End::default();
    while let Some(command) = commands.pop_front() {
        let answer = match command {
            Command::AskKafka => kafka.clone(),
            Command::ReadGenesis => Event::Genesis { own: own.cloned(), first_of_topic: first.cloned() },
            Command::CreateGenesis(genesis) => {
                end.created = Some(genesis.clone());
                Event::Genesis { own: Some(genesis), first_of_topic: None }
            }
            Command::List { from } => {
                let mut starts: Vec<_> = files.keys().filter(|start| **start >= from.0).map(|n| Position(*n)).collect();
                starts.sort_unstable();
                Event::Listed { starts, more: More::No }
            }
            Command::Head { start } => Event::Headed(files.get(&start.0).map(|next| found(start.0, *next))),
            Command::Resume { at } => {
                end.at = Some(at.0);
                continue;
            }
            Command::Commit(link) => {
                end.committed = Some(link.next.0);
                continue;
            }
            Command::Stopped(stop) => {
                end.stop = Some(stop);
                continue;
            }
            Command::Pause | Command::Discard => continue,
            other => panic!("{other:?}"),
        };
        machine.handle(machine.epoch(), answer, 0, &mut commands);
    }
    end
}

#[derive(Debug, Default)]
struct End {
    at: Option<i64>,
    committed: Option<i64>,
    created: Option<Genesis>,
    stop: Option<Stop>,
}

#[test]
fn a_first_run_begins_where_configured_and_a_later_partition_at_0() {
    let first = resolve(0, &facts(None, 5, 9), None, None, &[]);
    assert_eq!((first.at, first.committed), (Some(5), None));
    assert_eq!(first.created.unwrap().first, Position(5));
    let later = resolve(2, &facts(None, 0, 9), None, Some(&genesis(5)), &[]);
    assert_eq!(later.at, Some(0));
    let among_the_first = resolve(1, &facts(None, 4, 9), None, Some(&genesis(5)), &[]);
    assert_eq!(among_the_first.at, Some(4));
}

#[test]
fn without_a_commit_the_chains_end_is_found_and_committed() {
    let end = resolve(0, &facts(None, 0, 40), Some(&genesis(0)), None, &[(0, 10), (10, 30)]);
    assert_eq!((end.at, end.committed), (Some(30), Some(30)));
}

#[test]
fn files_behind_the_commit_are_adopted_with_and_without_metadata() {
    for metadata in ["chain=c start=0 next=10", "", "written by something else"] {
        let kafka = facts(Some((10, metadata)), 0, 40);
        let end = resolve(0, &kafka, Some(&genesis(0)), None, &[(0, 10), (10, 30), (30, 31)]);
        assert_eq!((end.at, end.committed), (Some(31), Some(31)), "{metadata}");
    }
}

#[test]
fn a_position_that_is_no_files_end_stops_the_partition() {
    for (committed, metadata) in [(12, ""), (12, "chain=c start=0 next=10"), (40, "")] {
        let kafka = facts(Some((committed, metadata)), 0, 99);
        let end = resolve(0, &kafka, Some(&genesis(0)), None, &[(0, 10), (10, 30)]);
        assert_eq!(end.stop, Some(Stop::NoFit { committed: Position(committed) }));
    }
    let end = resolve(0, &facts(Some((3, "")), 0, 99), Some(&genesis(5)), None, &[]);
    assert_eq!(end.stop, Some(Stop::NoFit { committed: Position(3) }));
}

#[test]
fn another_chain_cluster_or_prefix_stops_the_partition() {
    let end = resolve(0, &facts(Some((3, "chain=x start=0 next=3")), 0, 9), Some(&genesis(0)), None, &[(0, 3)]);
    assert_eq!(end.stop, Some(Stop::OtherChain { theirs: "x".into(), ours: "c".into() }));
    let end = resolve(0, &facts(Some((3, "")), 0, 9), None, None, &[]);
    assert_eq!(end.stop, Some(Stop::CommittedWithoutChain { committed: Position(3) }));
    let again = Genesis { topic_id: Some("an older topic's".into()), ..genesis(0) };
    assert!(matches!(resolve(0, &facts(None, 0, 9), Some(&again), None, &[]).stop, Some(Stop::Mismatch(_))));
}

#[test]
fn a_log_that_lost_records_or_was_cut_stops_the_partition() {
    let files = [(0, 10)];
    let gone = resolve(0, &facts(Some((10, "")), 12, 40), Some(&genesis(0)), None, &files);
    assert_eq!(gone.stop, Some(Stop::Gone { at: Position(10), low: Position(12) }));
    let cut = resolve(0, &facts(Some((10, "")), 0, 4), Some(&genesis(0)), None, &files);
    assert_eq!(cut.stop, Some(Stop::BeyondEnd { at: Position(10), high: Position(4) }));
}

/// A partition that fills from 0.
fn filling() -> (Partition, Commands) {
    let mut commands = Commands::new();
    let mut machine = Partition::assigned(setup(0), Epoch(1), &mut commands);
    for answer in [
        facts(None, 0, 99),
        Event::Genesis { own: Some(genesis(0)), first_of_topic: None },
        Event::Listed { starts: vec![], more: More::No },
        Event::Headed(None),
    ] {
        commands.clear();
        machine.handle(Epoch(1), answer, 0, &mut commands);
    }
    assert_eq!(commands.pop_front(), Some(Command::Resume { at: Position(0) }));
    (machine, commands)
}

fn append(machine: &mut Partition, offset: i64, what: Record, now: Millis) -> Commands {
    let mut commands = Commands::new();
    assert_eq!(machine.admit(Offset(offset)), Admit::Take);
    let record = Appended { offset: Offset(offset), timestamp: Some(offset), file_bytes: 10, what };
    machine.appended(&record, now, &mut commands);
    commands
}

fn sealed(commands: &Commands) -> &FileFacts {
    commands.iter().find_map(|command| if let Command::Seal(facts) = command { Some(facts) } else { None }).unwrap()
}

#[test]
fn files_end_by_idle_time_and_window_without_further_records() {
    for (last, due, reason) in [(0, 100, RollReason::Idle), (950, 1_000, RollReason::Window)] {
        let (mut machine, mut commands) = filling();
        append(&mut machine, 0, Record::Value(1), last);
        machine.tick(due - 1, &mut commands);
        assert!(commands.is_empty());
        machine.tick(due, &mut commands);
        assert_eq!(sealed(&commands).reason, reason);
        assert_eq!(commands.back(), Some(&Command::Create { start: Position(0) }));
    }
}

#[test]
fn a_file_begins_where_the_last_one_ended_over_a_stretch_without_records() {
    let (mut machine, _) = filling();
    append(&mut machine, 4, Record::Value(1), 0);
    append(&mut machine, 6, Record::Tombstone, 0);
    let commands = append(&mut machine, 7, Record::Value(2), 0);
    let facts = sealed(&commands);
    assert_eq!((facts.range.to_string().as_str(), facts.reason), ("[0, 8)", RollReason::Records));
    assert_eq!((facts.offsets, facts.times, facts.rows), (Some((4, 7)), Some((4, 7)), 3));
    assert_eq!(facts.schema_ids, [1, 2]);
}

#[test]
fn filling_goes_on_while_files_wait_for_the_one_before_until_too_many_do() {
    let (mut machine, mut commands) = filling();
    let creates = |commands: &Commands| {
        let starts = commands.iter().filter_map(|command| match command {
            Command::Create { start } => Some(start.0),
            _ => None,
        });
        starts.collect::<Vec<_>>()
    };
    for file in 0..4 {
        append(&mut machine, 3 * file, Record::Value(1), 0);
        append(&mut machine, 3 * file + 1, Record::Value(1), 0);
        commands = append(&mut machine, 3 * file + 2, Record::Value(1), 0);
        assert_eq!(sealed(&commands).range.start, Position(3 * file));
        assert_eq!(creates(&commands), if file == 0 { vec![0] } else { vec![] });
        assert_eq!(commands.len(), if file == 0 { 2 } else { 1 }, "reading goes on");
    }
    for offset in 12..15 {
        commands = append(&mut machine, offset, Record::Value(1), 0);
    }
    assert_eq!(commands, [Command::Pause]);
    assert_eq!(machine.admit(Offset(15)), Admit::Skip);
    commands.clear();
    machine.handle(Epoch(1), Event::Created, 0, &mut commands);
    assert!(matches!(&commands[0], Command::Commit(link) if link.next == Position(3)));
    assert_eq!(creates(&commands), [3]);
    assert_eq!(sealed(&commands).range.start, Position(12));
    assert_eq!(commands.back(), Some(&Command::Resume { at: Position(15) }));
}

#[test]
fn a_file_that_waits_is_created_once_its_own_dead_letters_were_acknowledged_too() {
    let (mut machine, mut commands) = filling();
    append(&mut machine, 0, Record::Value(1), 0);
    machine.roll(RollReason::Idle, &mut commands);
    append(&mut machine, 1, Record::DeadLetter, 0);
    machine.roll(RollReason::Idle, &mut commands);
    commands.clear();
    machine.handle(Epoch(1), Event::Created, 0, &mut commands);
    assert!(matches!(commands.make_contiguous(), [Command::Commit(_)]));
    commands.clear();
    machine.handle(Epoch(1), Event::DeadLettered(Offset(1)), 0, &mut commands);
    assert_eq!(commands, [Command::Create { start: Position(1) }]);
}

#[test]
fn a_file_is_created_after_its_dead_letters_were_acknowledged() {
    let (mut machine, mut commands) = filling();
    append(&mut machine, 0, Record::DeadLetter, 0);
    append(&mut machine, 1, Record::DeadLetter, 0);
    machine.roll(RollReason::Idle, &mut commands);
    assert_eq!((sealed(&commands).rows, sealed(&commands).dead_letters), (0, 2));
    assert_eq!(commands.len(), 1);
    commands.clear();
    machine.handle(Epoch(1), Event::DeadLettered(Offset(1)), 0, &mut commands);
    assert!(commands.is_empty());
    machine.handle(Epoch(1), Event::DeadLettered(Offset(0)), 0, &mut commands);
    assert_eq!(commands, [Command::Create { start: Position(0) }]);
}

#[test]
fn another_owners_file_is_followed_and_what_was_cut_wrongly_is_thrown_away() {
    let (mut machine, mut commands) = filling();
    append(&mut machine, 0, Record::Value(1), 0);
    machine.roll(RollReason::Idle, &mut commands);
    append(&mut machine, 1, Record::Value(1), 0);
    commands.clear();
    machine.handle(Epoch(1), Event::Exists(found(0, 5)), 0, &mut commands);
    assert_eq!(commands, [Command::Pause, Command::Discard, Command::Head { start: Position(5) }]);
    assert!(machine.epoch() > Epoch(1));
    commands.clear();
    machine.handle(machine.epoch(), Event::Headed(None), 0, &mut commands);
    assert_eq!(commands[0], Command::Resume { at: Position(5) });
    assert!(matches!(&commands[1], Command::Commit(link) if link.next == Position(5)));
}

#[test]
fn dropped_by_the_group_it_begins_again_after_a_while() {
    let (mut machine, mut commands) = filling();
    append(&mut machine, 0, Record::Value(1), 0);
    machine.handle(Epoch(1), Event::Dropped, 0, &mut commands);
    assert_eq!(commands, [Command::Pause, Command::Discard]);
    commands.clear();
    machine.tick(49, &mut commands);
    assert!(commands.is_empty());
    machine.tick(50, &mut commands);
    assert_eq!(commands, [Command::AskKafka]);
}

#[test]
fn a_log_that_is_cut_or_made_again_while_it_is_read_stops_the_partition() {
    let Event::Kafka(now) = facts(None, 3, 9) else { panic!() };
    let again = KafkaFacts { identity: Identity { topic_id: Some("new".into()), ..identity() }, ..now.clone() };
    let cut = KafkaFacts { low: Position(0), high: Position(-1), ..now.clone() };
    for (facts, expected) in [(&now, "gone"), (&again, "made again"), (&cut, "cut")] {
        let (mut machine, mut commands) = filling();
        machine.check_log(Epoch(0), facts, &mut commands);
        assert!(commands.is_empty(), "an answer of another epoch");
        machine.check_log(Epoch(1), facts, &mut commands);
        let Some(Command::Stopped(stop)) = commands.back() else { panic!("{expected}") };
        let matches = match expected {
            "gone" => matches!(stop, Stop::Gone { .. }),
            "made again" => matches!(stop, Stop::Mismatch(_)),
            _ => matches!(stop, Stop::BeyondEnd { .. }),
        };
        assert!(matches, "{expected}: {stop}");
    }
}

#[test]
fn a_log_that_holds_the_place_after_all_is_read_on_unless_something_holds_the_partition() {
    let Event::Kafka(now) = facts(None, 0, 9) else { panic!() };
    let (mut machine, mut commands) = filling();
    append(&mut machine, 0, Record::Value(1), 0);
    machine.check_log(Epoch(1), &now, &mut commands);
    assert_eq!(commands, [Command::Resume { at: Position(1) }]);
    commands.clear();
    machine.hold(Hold::Schema, &mut commands);
    commands.clear();
    machine.check_log(Epoch(1), &now, &mut commands);
    assert!(commands.is_empty(), "it is read on once the hold is over");
}

#[test]
fn what_precedes_a_record_that_no_file_can_hold_is_created_before_the_partition_stops() {
    let stop = || Stop::Schema { at: Position(2), id: 7, reason: "?".into() };
    let (mut machine, mut commands) = filling();
    for offset in 0..2 {
        let what = Record::Value(1);
        machine.appended(&Appended { offset: Offset(offset), timestamp: None, file_bytes: 1, what }, 0, &mut commands);
    }
    machine.hold(Hold::Schema, &mut commands);
    commands.clear();
    machine.stop_before_next(stop(), &mut commands);
    let Some(Command::Seal(facts)) = commands.pop_front() else { panic!("{commands:?}") };
    assert_eq!((facts.range, facts.reason), (Range { start: Position(0), next: Position(2) }, RollReason::Stop));
    assert_eq!(commands.pop_front(), Some(Command::Create { start: Position(0) }));
    assert_eq!(machine.admit(Offset(2)), Admit::Skip);
    // An answer to another question does not wake it.
    machine.release(Hold::Schema, &mut commands);
    machine.handle(machine.epoch(), Event::Created, 0, &mut commands);
    assert!(matches!(commands.pop_front(), Some(Command::Commit(link)) if link.next == Position(2)));
    assert!(commands.is_empty() && !machine.is_stopped(), "{commands:?}");
    machine.handle(machine.epoch(), Event::Committed, 0, &mut commands);
    assert_eq!(commands.pop_back(), Some(Command::Stopped(stop())));

    // Where nothing precedes it, it stops at once; one that is given up meanwhile is given up.
    let (mut machine, mut commands) = filling();
    machine.stop_before_next(stop(), &mut commands);
    assert_eq!(commands.pop_back(), Some(Command::Stopped(stop())));
    let (mut machine, mut commands) = filling();
    let appended = Appended { offset: Offset(0), timestamp: None, file_bytes: 1, what: Record::Tombstone };
    machine.appended(&appended, 0, &mut commands);
    machine.stop_before_next(stop(), &mut commands);
    machine.finish(RollReason::Revoke, &mut commands);
    machine.handle(machine.epoch(), Event::Created, 0, &mut commands);
    machine.handle(machine.epoch(), Event::Committed, 0, &mut commands);
    assert_eq!(commands.pop_back(), Some(Command::Finished));
}
