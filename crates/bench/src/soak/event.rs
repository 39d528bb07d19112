//! What can happen in a round, and how often it is picked.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    /// SIGKILL at a random moment, then another one in its place.
    Kill,
    /// All sinks at once.
    KillAll,
    /// SIGSTOP until the group has given its partitions away, then SIGCONT.
    Stall,
    /// SIGSTOP for less than a session, then SIGCONT.
    Freeze,
    /// SIGTERM, then another one in its place.
    Stop,
    /// A fourth sink for a while.
    Join,
    /// Out and in again with the other kind of membership, static or not.
    Membership,
    /// A second process with a static member's name: the first is fenced and must say so.
    Fence,
    /// SIGKILL of a broker, which comes back while rounds go on.
    Broker,
    /// The group's position set back to an earlier file's end, as a zombie's commit would; then a SIGKILL.
    Backward,
}

/// With weights.
const ALL: [(Event, u32); 10] = [
    (Event::Kill, 30),
    (Event::KillAll, 6),
    (Event::Stall, 18),
    (Event::Freeze, 8),
    (Event::Stop, 12),
    (Event::Join, 8),
    (Event::Membership, 6),
    (Event::Fence, 3),
    (Event::Broker, 4),
    (Event::Backward, 5),
];

impl Event {
    pub(crate) fn pick(random: &mut ChaCha8Rng, brokers: Brokers) -> Self {
        let possible = |event: &Event| *event != Event::Broker || brokers == Brokers::CanBeKilled;
        let choice: Vec<_> = ALL.into_iter().filter(|(event, _)| possible(event)).collect();
        let mut at = random.random_range(0..choice.iter().map(|(_, weight)| weight).sum());
        for (event, weight) in choice {
            if at < weight {
                return event;
            }
            at -= weight;
        }
        Event::Kill
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Event::Kill => "kill -9",
            Event::KillAll => "kill -9 of all",
            Event::Stall => "stall until the group moved on",
            Event::Freeze => "short freeze",
            Event::Stop => "graceful stop",
            Event::Join => "fourth sink",
            Event::Membership => "static membership on or off",
            Event::Fence => "static member fenced",
            Event::Broker => "broker kill -9",
            Event::Backward => "commit set back",
        }
    }
}

/// Whether there is a script that can kill brokers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Brokers {
    CanBeKilled,
    OutOfReach,
}
