//! What the sink decides and how it writes bytes, without doing I/O, reading a clock or spawning anything: where a
//! partition's next file begins ([`partition`]), when one ends ([`roll`]), what a file is called and says about itself
//! ([`genesis`], [`facts`]), and how a record gets into it without being decoded ([`intake`], [`families`], [`resolve`], [`skip`], [`container`]) and out
//! again ([`read`]).

pub mod container;
pub mod facts;
pub mod families;
pub mod file_schema;
pub mod genesis;
pub mod intake;
pub mod partition;
pub mod read;
pub mod resolve;
pub mod roll;
pub mod schema;
pub mod skip;
pub mod stop;
pub mod tiling;
pub mod value_schema;
pub mod varint;
