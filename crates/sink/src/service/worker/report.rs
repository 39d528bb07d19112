//! What operators see of the worker: places, health, and the room for files.

use rdkafka::consumer::Consumer as _;
use std::time::Duration;

use super::Worker;
use crate::{metrics::PartitionLabel, service::tasks::Asker};

/// How long after the disk of the spool folder was last found full it counts as mended.
const SPOOL_MENDED: Duration = Duration::from_secs(30);

impl Worker {
    /// Numbers that are looked up rather than counted.
    pub(super) fn report_places(&mut self) {
        for (index, slot) in self.slots.iter_mut().enumerate() {
            let Some(slot) = slot else { continue };
            // Nothing is read of it, so nothing else tells how its log grows.
            if slot.stopped.is_some() && !std::mem::replace(&mut slot.asking, true) {
                let asker = Asker { slot: index, epoch: slot.machine.epoch() };
                self.tasks.ask_lag(asker, slot.place.clone());
            }
            let Some(at) = slot.machine.position() else { continue };
            let (topic, partition) = slot.place.clone();
            let high = crate::kafka::native::known_end(self.consumer.client(), &topic, partition);
            let label = PartitionLabel { topic, partition };
            self.metrics.position.get_or_create(&label).set(at.0);
            if let Some(high) = high {
                let committed = self.metrics.committed.get(&label).map_or(at.0, |committed| committed.get());
                self.metrics.lag.get_or_create(&label).set((high - committed).max(0));
            }
        }
    }

    /// Nothing looks at the disk but files that outgrow memory: what has not failed for a while counts as mended.
    pub(super) fn report_spool(&mut self) {
        if self.spool_full.is_some_and(|at| at.elapsed() >= SPOOL_MENDED) {
            self.spool_full = None;
            tracing::info!("spool: no file was in want of room for a while");
            self.health.ready("sink: spool");
        }
    }

    pub(super) fn report_health(&mut self) {
        let mut stopped = self.slots.iter().flatten().filter_map(|slot| slot.stopped.as_ref().map(|stop| (slot, stop)));
        if let Some((slot, stop)) = stopped.next() {
            let more = stopped.count();
            self.metrics.stopped.set(more as i64 + 1);
            let (topic, partition) = &slot.place;
            self.health.unready("sink: partitions", format!("{topic}[{partition}]: {stop} (and {more} more)"));
        } else {
            self.metrics.stopped.set(0);
            self.health.ready("sink: partitions");
        }
        self.metrics.assigned.set(self.by_place.len() as i64);
    }
}
