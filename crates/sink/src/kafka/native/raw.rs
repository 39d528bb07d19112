//! A look at what librdkafka keeps to itself: whether a record has headers. Asking it costs two allocations for each record,
//! also for those without any. The layout is taken for granted in the one version that it was read from (`rdkafka_msg.h`);
//! any other is asked.

use rdkafka::bindings as sys;
use std::{ffi::c_int, ptr::NonNull, slice};

/// 2.12.1, as librdkafka writes it.
const KNOWN_VERSION: c_int = 0x020c_01ff;

/// The beginning of `rd_kafka_msg_t`, which every message is the first field of, as a consumer has it.
#[repr(C)]
struct ConsumerMessage {
    message: sys::rd_kafka_message_t,
    next: *const (),
    previous: *const (),
    flags: c_int,
    timestamp_type: c_int,
    timestamp: i64,
    parsed_headers: *const (),
    status: c_int,
    broker: i32,
    /// The record's headers as they came: their number as a variable-length integer, then each.
    headers_len: i32,
    headers: *const u8,
}

/// Whether this version's records are laid out as [`ConsumerMessage`].
#[inline]
fn is_known() -> bool {
    // SAFETY: takes nothing and touches nothing.
    unsafe { sys::rd_kafka_version() == KNOWN_VERSION }
}

/// Whether it is certain that a record has no headers.
///
/// # Safety
/// `message` must be alive and one that a consumer of librdkafka handed out, without an error.
#[inline]
pub(super) unsafe fn has_no_headers(message: NonNull<sys::rd_kafka_message_t>) -> bool {
    if !is_known() {
        return false;
    }
    // SAFETY: in this version every such message is the first field of a structure that begins like this one; the bytes
    // that it points at live as long as it does.
    unsafe {
        let message = message.cast::<ConsumerMessage>().as_ref();
        let Ok(len) = usize::try_from(message.headers_len) else { return true };
        len == 0 || message.headers.is_null() || slice::from_raw_parts(message.headers, len)[0] == 0
    }
}

#[cfg(test)]
mod tests {
    /// With another version the look is left out and every record asks librdkafka: right, but slow. Read the new version's
    /// `rdkafka_msg.h` and adapt.
    #[test]
    fn the_linked_version_is_the_one_whose_layout_is_known() {
        assert!(super::is_known());
    }
}
