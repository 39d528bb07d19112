//! Searches the dead-letter topics for the records that are in no file.

use contract::{Position, Range};
use rdkafka::{
    consumer::Consumer as _,
    message::{BorrowedMessage, Headers, Message},
};
use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use super::{Chain, compare::Found, deep::Context};
use crate::{
    error::SinkError,
    kafka::log_reader::LogReader,
    kafka::native,
    kafka::{self, Place},
    service::dead_letters::header,
};

const QUESTION_TIMEOUT: Duration = Duration::from_secs(10);

/// Whether a dead-letter topic still holds every letter that it ever held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Letters {
    All,
    /// Its beginning is gone.
    Cut,
}

/// Removes the records that are found from those that are missing. The rest become faults, except where letters have expired.
///
/// # Errors
/// When Kafka does not answer.
pub(super) fn find(context: &Context, read: &mut [(Chain, Found)]) -> Result<(), SinkError> {
    let index: HashMap<Place, usize> = read
        .iter()
        .enumerate()
        .map(|(index, (chain, _))| ((chain.report.topic.clone(), chain.report.partition), index))
        .collect();
    let mut topics: BTreeMap<String, Letters> = BTreeMap::new();
    for (chain, _) in read.iter().filter(|(_, found)| !found.missing.is_empty()) {
        topics.insert(context.config.dead_letters_of(&chain.report.topic), Letters::All);
    }
    for (topic, letters) in &mut topics {
        *letters = search(context, topic, |place, offset| {
            if let Some((_, found)) = index.get(place).and_then(|index| read.get_mut(*index))
                && found.missing.remove(&offset)
            {
                found.deep.dead_letters += 1;
            }
        })?;
    }
    for (chain, found) in read {
        let missing = std::mem::take(&mut found.missing);
        match topics.get(&context.config.dead_letters_of(&chain.report.topic)) {
            // The file that covers these records counts them as dead letters, and it was created after their letters.
            Some(Letters::Cut) => found.deep.expired_letters += missing.len() as u64,
            _ => missing.iter().for_each(|offset| {
                found.faults.push(format!("record {offset} is neither in a file nor among the dead letters"));
            }),
        }
    }
    Ok(())
}

fn search(context: &Context, topic: &str, mut letter: impl FnMut(&Place, i64)) -> Result<Letters, SinkError> {
    let consumer = kafka::unsubscribed(&context.config)?;
    let partitions = context.patiently(|| {
        let metadata = consumer.fetch_metadata(Some(topic), QUESTION_TIMEOUT);
        let metadata = metadata.map_err(|error| format!("asking for {topic}: {error}"))?;
        Ok(metadata.topics().first().map_or(0, |topic| topic.partitions().len()) as i32)
    })?;
    let mut letters = Letters::All;
    for partition in 0..partitions {
        let (low, high) = context.patiently(|| {
            let marks = consumer.fetch_watermarks(topic, partition, QUESTION_TIMEOUT);
            marks.map_err(|error| format!("asking for the ends of {topic}[{partition}]: {error}"))
        })?;
        if low > 0 {
            letters = Letters::Cut;
        }
        let range = Range { start: Position(low), next: Position(high) };
        let place = (topic.to_owned(), partition);
        let reader = LogReader::open(&context.config, &place, range, context.watch.shutdown())?;
        while let Some(message) = reader.next()? {
            if let Some((place, offset)) = source(&message) {
                letter(&place, offset);
            }
        }
    }
    Ok(letters)
}

/// Returns the source position of a dead letter. The sink's own headers come before the record's.
fn source(message: &BorrowedMessage<'_>) -> Option<(Place, i64)> {
    let headers = message.headers()?;
    let text = |name: &str| {
        let mut all = (0..headers.count()).map(|index| native::header(headers, index));
        let (_, value) = all.find(|(key, _)| *key == name.as_bytes())?;
        std::str::from_utf8(value?).ok().map(str::to_owned)
    };
    let place = (text(header::TOPIC)?, text(header::PARTITION)?.parse().ok()?);
    Some((place, text(header::OFFSET)?.parse().ok()?))
}
