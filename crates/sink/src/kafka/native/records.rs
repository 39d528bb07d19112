//! Records by the batch, on a queue of their own. The crate polls one event for each record and allocates for it, which costs
//! as much as reading does; librdkafka hands out a batch in one call. Its batches must not be taken from the consumer's own
//! queue: it would answer a rebalance found there by itself, without telling anybody. So partitions that are read on are
//! forwarded to a queue that holds nothing but their records and errors, and the crate goes on serving the other.

use super::raw;
use rdkafka::{
    bindings as sys,
    consumer::{BaseConsumer, Consumer as _, ConsumerContext},
    error::RDKafkaErrorCode,
};
use std::{
    ffi::{CStr, CString, c_char},
    marker::PhantomData,
    ptr::{self, NonNull},
    slice,
    sync::Arc,
    time::Duration,
};

/// How long to wait for more once there is a record: a batch for each would cost a trickle more than a flood.
const GATHER: Duration = Duration::from_millis(5);

/// A consumer's records, apart from its events.
pub(crate) struct RecordQueue<C: ConsumerContext> {
    records: NonNull<sys::rd_kafka_queue_t>,
    /// The consumer's own queue.
    events: NonNull<sys::rd_kafka_queue_t>,
    /// What was taken and not yet handed out, from `next` on.
    batch: Vec<*mut sys::rd_kafka_message_t>,
    next: usize,
    consumer: Arc<BaseConsumer<C>>,
}

// SAFETY: librdkafka's queues and messages may be used from any thread; only one owns this at a time.
unsafe impl<C: ConsumerContext> Send for RecordQueue<C> {}

impl<C: ConsumerContext> RecordQueue<C> {
    /// `None` for a consumer without a group.
    pub(crate) fn new(consumer: Arc<BaseConsumer<C>>) -> Option<Self> {
        let client = consumer.client().native_ptr();
        // SAFETY: the client lives as long as `consumer`, which this keeps; both queues are destroyed on drop.
        unsafe {
            let events = NonNull::new(sys::rd_kafka_queue_get_consumer(client))?;
            let records = NonNull::new(sys::rd_kafka_queue_new(client))?;
            Some(Self { records, events, batch: Vec::new(), next: 0, consumer })
        }
    }

    /// Leads a partition's records here. It must be paused and at its place already: a fetch that was started for the
    /// consumer's queue ends there.
    pub(crate) fn forward(&self, topic: &str, partition: i32) {
        let Ok(name) = CString::new(topic) else { return };
        // SAFETY: the client lives, the name is copied, and the reference to the partition's queue is given back.
        unsafe {
            let own = sys::rd_kafka_queue_get_partition(self.consumer.client().native_ptr(), name.as_ptr(), partition);
            if !own.is_null() {
                sys::rd_kafka_queue_forward(own, self.records.as_ptr());
                sys::rd_kafka_queue_destroy(own);
            }
        }
    }

    /// Whether the crate has an event to serve.
    pub(crate) fn has_events(&self) -> bool {
        // SAFETY: the queue lives until drop.
        unsafe { sys::rd_kafka_queue_length(self.events.as_ptr()) > 0 }
    }

    /// Waits for a record, and a little for up to `most`; what there is then comes out of [`Self::next`].
    pub(crate) fn take(&mut self, most: usize, wait: Duration) {
        if self.next < self.batch.len() {
            return;
        }
        self.next = 0;
        self.batch.clear();
        self.batch.resize(most.max(1), ptr::null_mut());
        let mut taken = self.fill(0, 1, wait);
        if taken == 1 {
            taken += self.fill(1, self.batch.len() - 1, GATHER);
        }
        self.batch.truncate(taken);
    }

    /// Fills up to `most` places from `from` on; returns how many.
    fn fill(&mut self, from: usize, most: usize, wait: Duration) -> usize {
        let wait = i32::try_from(wait.as_millis()).unwrap_or(i32::MAX);
        let Some(places) = self.batch.get_mut(from..from + most) else { return 0 };
        // SAFETY: the call fills at most as many places as there are and says how many.
        let taken = unsafe {
            sys::rd_kafka_consume_batch_queue(self.records.as_ptr(), wait, places.as_mut_ptr(), places.len())
        };
        usize::try_from(taken).unwrap_or(0)
    }

    /// Puts the record at hand back, to come out of [`Self::next`] again.
    #[allow(clippy::needless_pass_by_value, reason = "a record is put back once")]
    pub(crate) fn put_back(&mut self, kept: Kept) {
        if let Some(place) = self.next.checked_sub(1) {
            debug_assert_eq!(self.batch[place], kept.0.as_ptr());
            self.next = place;
        }
    }

    /// The next record of the batch, or an error that came between.
    #[inline]
    pub(crate) fn next(&mut self) -> Option<Result<Record<'_>, Failed>> {
        let message = NonNull::new(*self.batch.get(self.next)?)?;
        self.next += 1;
        let record = Record { message, queue: PhantomData };
        // SAFETY: a message that was handed out lives until it is destroyed, which `record` does when dropped.
        let code = unsafe { message.as_ref() }.err;
        if code == sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
            Some(Ok(record))
        } else {
            Some(Err(record.failed(code.into())))
        }
    }
}

impl<C: ConsumerContext> Drop for RecordQueue<C> {
    fn drop(&mut self) {
        // SAFETY: messages and queues are given back once, while the client lives: `consumer` is dropped after this.
        unsafe {
            for message in self.batch.get(self.next..).unwrap_or_default() {
                sys::rd_kafka_message_destroy(*message);
            }
            sys::rd_kafka_queue_destroy(self.records.as_ptr());
            sys::rd_kafka_queue_destroy(self.events.as_ptr());
        }
    }
}

/// An error in the place of a record.
#[derive(Debug)]
pub(crate) struct Failed {
    /// `None` where it is no partition's.
    pub(crate) place: Option<(String, i32)>,
    pub(crate) code: RDKafkaErrorCode,
}

/// Which topic a record is of, without its name. Holds for as long as one of the topic's partitions is assigned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct TopicHandle(usize);

/// A record that stays in its batch.
pub(crate) struct Kept(NonNull<sys::rd_kafka_message_t>);

/// One record in the client's memory.
pub(crate) struct Record<'q> {
    message: NonNull<sys::rd_kafka_message_t>,
    queue: PhantomData<&'q ()>,
}

impl Record<'_> {
    /// Leaves the record to its batch, which it must be put back into.
    pub(crate) fn keep(self) -> Kept {
        let kept = Kept(self.message);
        std::mem::forget(self);
        kept
    }

    #[inline]
    fn message(&self) -> &sys::rd_kafka_message_t {
        // SAFETY: lives until `self` is dropped; nothing changes it meanwhile.
        unsafe { self.message.as_ref() }
    }

    #[cold]
    fn failed(&self, code: RDKafkaErrorCode) -> Failed {
        let topic = self.topic().filter(|_| self.partition() >= 0);
        Failed { place: topic.map(|topic| (topic.to_owned(), self.partition())), code }
    }

    #[inline]
    pub(crate) fn offset(&self) -> i64 {
        self.message().offset
    }

    #[inline]
    pub(crate) fn partition(&self) -> i32 {
        self.message().partition
    }

    #[inline]
    pub(crate) fn topic_handle(&self) -> TopicHandle {
        TopicHandle(self.message().rkt.addr())
    }

    /// `None` where librdkafka has none, or one that is not text.
    pub(crate) fn topic(&self) -> Option<&str> {
        let topic = self.message().rkt;
        if topic.is_null() {
            return None;
        }
        // SAFETY: the record keeps its topic alive, whose name is a C string.
        unsafe { CStr::from_ptr(sys::rd_kafka_topic_name(topic)) }.to_str().ok()
    }

    #[inline]
    pub(crate) fn key(&self) -> Option<&[u8]> {
        // SAFETY: librdkafka says where the key is and how long, for as long as the message lives.
        unsafe { bytes(self.message().key.cast(), self.message().key_len) }
    }

    #[inline]
    pub(crate) fn value(&self) -> Option<&[u8]> {
        // SAFETY: as for the key.
        unsafe { bytes(self.message().payload.cast(), self.message().len) }
    }

    /// Milliseconds since 1970, where Kafka has one.
    #[inline]
    pub(crate) fn timestamp(&self) -> Option<i64> {
        let mut kind = sys::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
        // SAFETY: reads the live message and writes `kind`.
        let millis = unsafe { sys::rd_kafka_message_timestamp(self.message.as_ptr(), &raw mut kind) };
        let known = kind != sys::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
        (known && millis != -1).then_some(millis)
    }

    /// Parsed when asked for; a record without headers costs a look at a byte.
    #[inline]
    pub(crate) fn headers(&self) -> Headers<'_> {
        // SAFETY: the message came from a consumer and lives.
        if unsafe { raw::has_no_headers(self.message) } {
            debug_assert_eq!(self.parsed_headers().len, 0);
            return Headers { list: ptr::null_mut(), at: 0, len: 0, record: PhantomData };
        }
        self.parsed_headers()
    }

    fn parsed_headers(&self) -> Headers<'_> {
        let mut list = ptr::null_mut();
        // SAFETY: the message lives, and so does the list that it owns.
        let code = unsafe { sys::rd_kafka_message_headers(self.message.as_ptr(), &raw mut list) };
        let found = code == sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR && !list.is_null();
        // SAFETY: a list that was found lives as long as its message.
        let len = if found { unsafe { sys::rd_kafka_header_cnt(list) } } else { 0 };
        Headers { list, at: 0, len, record: PhantomData }
    }
}

impl Drop for Record<'_> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: destroyed once; nothing borrowed from it is left.
        unsafe { sys::rd_kafka_message_destroy(self.message.as_ptr()) }
    }
}

/// # Safety
/// `first` must be null, or begin `len` bytes that live and stay the same for `'a`.
#[inline]
unsafe fn bytes<'a>(first: *const u8, len: usize) -> Option<&'a [u8]> {
    // SAFETY: by the caller's promise.
    (!first.is_null()).then(|| unsafe { slice::from_raw_parts(first, len) })
}

/// A record's headers: the bytes of each key, which need not be UTF-8, and of its value.
pub(crate) struct Headers<'r> {
    list: *mut sys::rd_kafka_headers_t,
    at: usize,
    len: usize,
    record: PhantomData<&'r ()>,
}

impl<'r> Iterator for Headers<'r> {
    type Item = (&'r [u8], Option<&'r [u8]>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.at == self.len {
            return None;
        }
        let (mut name, mut value, mut size): (*const c_char, _, _) = (ptr::null(), ptr::null(), 0);
        // SAFETY: the list is not null where `len` is not 0; what it hands out lives as long as the record.
        unsafe {
            let code = sys::rd_kafka_header_get_all(self.list, self.at, &raw mut name, &raw mut value, &raw mut size);
            self.at += 1;
            if code != sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR || name.is_null() {
                return Some((&[], None));
            }
            Some((CStr::from_ptr(name).to_bytes(), bytes(value.cast(), size)))
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.len - self.at, Some(self.len - self.at))
    }
}

impl ExactSizeIterator for Headers<'_> {}
