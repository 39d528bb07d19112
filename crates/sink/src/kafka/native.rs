//! What librdkafka can do and its Rust crate does not offer: a topic's id, commits that are answered (the crate's answer
//! only to failures), and records by the batch, with headers whose keys are not UTF-8 (on which the crate panics). The only
//! unsafe code of the sink; each block says why it is sound.
#![allow(unsafe_code)]

mod raw;
mod records;

use rdkafka::{
    TopicPartitionList, bindings as sys,
    client::{Client, ClientContext},
    error::RDKafkaErrorCode,
    message::BorrowedHeaders,
};
use std::{
    ffi::{CStr, CString, c_char},
    ptr,
    time::Duration,
};

pub(crate) use records::{Failed, Record, RecordQueue, TopicHandle};

/// A topic's id as base64 text, asked of one broker; `None` where brokers do not know topic ids (before Kafka 3.1).
///
/// Blocks for up to `timeout`. Errors are the client's words.
pub(crate) fn topic_id<C: ClientContext>(
    client: &Client<C>,
    topic: &str,
    broker: i32,
    timeout: Duration,
) -> Result<Option<String>, String> {
    let name = CString::new(topic).map_err(|error| error.to_string())?;
    let mut names: [*const c_char; 1] = [name.as_ptr()];
    let rk = client.native_ptr();
    // SAFETY: `rk` lives as long as `client`. Everything created here is destroyed once, at the end; what the result
    // hands out is read before that.
    unsafe {
        let queue = sys::rd_kafka_queue_new(rk);
        let topics = sys::rd_kafka_TopicCollection_of_topic_names(names.as_mut_ptr(), names.len());
        let options = sys::rd_kafka_AdminOptions_new(rk, sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS);
        // Refused for a negative number alone; the controller is asked then.
        let _ = sys::rd_kafka_AdminOptions_set_broker(options, broker, ptr::null_mut(), 0);
        sys::rd_kafka_DescribeTopics(rk, topics, options, queue);
        let event = sys::rd_kafka_queue_poll(queue, timeout.as_millis() as i32);
        let answer = if event.is_null() { Err("no answer in time".to_owned()) } else { described(event) };
        if !event.is_null() {
            sys::rd_kafka_event_destroy(event);
        }
        sys::rd_kafka_AdminOptions_destroy(options);
        sys::rd_kafka_TopicCollection_destroy(topics);
        sys::rd_kafka_queue_destroy(queue);
        answer
    }
}

/// # Safety
/// `event` must be a live event of a queue that only `DescribeTopics` answers to.
unsafe fn described(event: *mut sys::rd_kafka_event_t) -> Result<Option<String>, String> {
    // SAFETY: the event is live by the caller's promise, and owns what is read from it here.
    unsafe {
        let code = sys::rd_kafka_event_error(event);
        if code != sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
            return Err(text(sys::rd_kafka_event_error_string(event)));
        }
        let result = sys::rd_kafka_event_DescribeTopics_result(event);
        if result.is_null() {
            return Err("an answer to something else".to_owned());
        }
        let mut count = 0;
        let topics = sys::rd_kafka_DescribeTopics_result_topics(result, &raw mut count);
        if count == 0 || topics.is_null() {
            return Err("no topic in the answer".to_owned());
        }
        let error = sys::rd_kafka_TopicDescription_error(*topics);
        let code = sys::rd_kafka_error_code(error);
        if code != sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
            return Err(text(sys::rd_kafka_err2str(code)));
        }
        let id = sys::rd_kafka_TopicDescription_topic_id(*topics);
        if id.is_null()
            || (sys::rd_kafka_Uuid_most_significant_bits(id), sys::rd_kafka_Uuid_least_significant_bits(id)) == (0, 0)
        {
            return Ok(None);
        }
        Ok(Some(text(sys::rd_kafka_Uuid_base64str(id))))
    }
}

/// # Safety
/// `chars` must be null or a C string that lives through the call.
unsafe fn text(chars: *const c_char) -> String {
    if chars.is_null() {
        return String::new();
    }
    // SAFETY: a live C string by the caller's promise.
    unsafe { CStr::from_ptr(chars) }.to_string_lossy().into_owned()
}

/// Sends a commit whose answer, good or bad, reaches the context's `commit_callback` through the next polls.
///
/// # Errors
/// When the client does not take it.
pub(crate) fn commit<C: ClientContext>(client: &Client<C>, list: &TopicPartitionList) -> Result<(), RDKafkaErrorCode> {
    let rk = client.native_ptr();
    // SAFETY: `rk` lives as long as `client`; the list is copied by the call; the reference to the consumer's queue is
    // returned right after.
    let code = unsafe {
        let queue = sys::rd_kafka_queue_get_consumer(rk);
        if queue.is_null() {
            return Err(RDKafkaErrorCode::UnknownGroup);
        }
        let code = sys::rd_kafka_commit_queue(rk, list.ptr(), queue, None, ptr::null_mut());
        sys::rd_kafka_queue_destroy(queue);
        code
    };
    if code == sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR { Ok(()) } else { Err(code.into()) }
}

/// The end of a partition's log as the last fetch saw it; asks nobody. `None` before the first fetch.
pub(crate) fn known_end<C: ClientContext>(client: &Client<C>, topic: &str, partition: i32) -> Option<i64> {
    let name = CString::new(topic).ok()?;
    let (mut low, mut high) = (-1, -1);
    // SAFETY: `name` and the two numbers live through the call, which only writes the latter.
    let code = unsafe {
        sys::rd_kafka_get_watermark_offsets(client.native_ptr(), name.as_ptr(), partition, &raw mut low, &raw mut high)
    };
    (code == sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR && high >= 0).then_some(high)
}

/// One header of a record that the crate handed out: the bytes of its key and its value.
pub(crate) fn header(headers: &BorrowedHeaders, index: usize) -> (&[u8], Option<&[u8]>) {
    let (mut name, mut value, mut size) = (ptr::null(), ptr::null(), 0);
    // SAFETY: the crate's `BorrowedHeaders` is a reference to librdkafka's list under another type (see its
    // `from_native_ptr`); names and values live as long as the list, which the returned slices borrow.
    unsafe {
        let list = ptr::from_ref(headers).cast::<sys::rd_kafka_headers_t>();
        let code = sys::rd_kafka_header_get_all(list, index, &raw mut name, &raw mut value, &raw mut size);
        if code != sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR || name.is_null() {
            return (&[], None);
        }
        let value = (!value.is_null()).then(|| std::slice::from_raw_parts(value.cast::<u8>(), size));
        (CStr::from_ptr(name).to_bytes(), value)
    }
}
