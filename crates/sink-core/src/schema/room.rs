//! Room for recursion. A schema of 200 nested records is a JSON text of 600 nested brackets, and reading that takes more stack
//! than threads usually have.

use std::thread;

/// How deep brackets may nest in a schema's text. Avro for Java has the same limit.
pub(crate) const MAX_NESTING: usize = 1000;
/// Up to here any thread has room.
const SHALLOW: usize = 64;
/// For [`MAX_NESTING`] levels, several times over, without optimisation. Pages that are not used cost nothing.
const STACK: usize = 64 << 20;

/// How deep brackets nest outside of strings.
pub(crate) fn nesting(json: &str) -> usize {
    let (mut depth, mut deepest, mut in_text, mut escaped) = (0usize, 0, false, false);
    for byte in json.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b'{' | b'[' if !in_text => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// Does what recurses along a schema of this nesting. The thread that a deep one needs is joined before this returns, so the
/// caller sees a function.
pub(crate) fn with_room<T: Send>(nesting: usize, work: impl FnOnce() -> T + Send) -> T {
    if nesting <= SHALLOW {
        return work();
    }
    thread::scope(|scope| {
        match thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work).map(thread::ScopedJoinHandle::join) {
            Ok(Ok(result)) => result,
            Ok(Err(panic)) => std::panic::resume_unwind(panic),
            // Where no thread can be had, nothing else works either.
            Err(error) => std::panic::panic_any(format!("starting a thread for a deeply nested schema: {error}")),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_in_strings_do_not_nest() {
        assert_eq!(nesting(r#"{"a": [1, "]]{{", "\"{"], "b": {}}"#), 2);
        assert_eq!(nesting("null"), 0);
    }

    #[test]
    fn a_panic_in_the_roomy_thread_is_the_callers() {
        assert_eq!(with_room(500, || 7), 7);
        let caught = std::panic::catch_unwind(|| with_room(500, || panic!("inside")));
        assert_eq!(caught.unwrap_err().downcast_ref(), Some(&"inside"));
    }
}
