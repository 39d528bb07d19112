//! Defaults: JSON in a schema that stands for a value, as the value's bytes.
//!
//! Source: Avro specification 1.12, "Complex Types", the table of default values; `bytes` and `fixed` are code points 0 to 255.

use serde_json::Value;

use super::{Kind, NodeId, Schema};
use crate::varint::{put_bytes, put_long};

/// A default that is not a value of its type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a default of type {expected} cannot be {found}")]
pub(crate) struct BadDefault {
    expected: &'static str,
    found: String,
}

impl Schema {
    /// Writes a default as a datum of the type.
    ///
    /// # Errors
    /// When the JSON is not a value of the type; `out` then holds a part of it.
    pub(crate) fn encode_default(&self, of: NodeId, json: &Value, out: &mut Vec<u8>) -> Result<(), BadDefault> {
        let kind = self.kind(of);
        let bad = || {
            let found: String = json.to_string().chars().take(60).collect();
            BadDefault { expected: kind.name(), found }
        };
        match kind {
            Kind::Null => json.as_null().ok_or_else(bad)?,
            Kind::Boolean => out.push(u8::from(json.as_bool().ok_or_else(bad)?)),
            Kind::Int => {
                let n = json.as_i64().filter(|n| i32::try_from(*n).is_ok()).ok_or_else(bad)?;
                put_long(out, n);
            }
            Kind::Long => put_long(out, json.as_i64().ok_or_else(bad)?),
            Kind::Float => out.extend_from_slice(&(json.as_f64().ok_or_else(bad)? as f32).to_le_bytes()),
            Kind::Double => out.extend_from_slice(&json.as_f64().ok_or_else(bad)?.to_le_bytes()),
            Kind::Bytes => put_bytes(out, &code_points(json).ok_or_else(bad)?),
            Kind::String => put_bytes(out, json.as_str().ok_or_else(bad)?.as_bytes()),
            Kind::Fixed(_, size) => {
                out.extend_from_slice(&code_points(json).filter(|bytes| bytes.len() == *size).ok_or_else(bad)?);
            }
            Kind::Enum(_, symbols) => {
                let index = json.as_str().and_then(|text| symbols.all.iter().position(|symbol| symbol == text));
                put_long(out, index.ok_or_else(bad)? as i64);
            }
            Kind::Array(items) => {
                let listed = json.as_array().ok_or_else(bad)?;
                if !listed.is_empty() {
                    put_long(out, listed.len() as i64);
                    listed.iter().try_for_each(|item| self.encode_default(*items, item, out))?;
                }
                put_long(out, 0);
            }
            Kind::Map(values) => {
                let entries = json.as_object().ok_or_else(bad)?;
                if !entries.is_empty() {
                    put_long(out, entries.len() as i64);
                    for (key, value) in entries {
                        put_bytes(out, key.as_bytes());
                        self.encode_default(*values, value, out)?;
                    }
                }
                put_long(out, 0);
            }
            Kind::Record(_, fields) => {
                let given = json.as_object().ok_or_else(bad)?;
                for field in fields {
                    let value = given.get(&field.name).or(field.default.as_ref()).ok_or_else(bad)?;
                    self.encode_default(field.node, value, out)?;
                }
            }
            Kind::Union(branches) => {
                // The first branch that it is a value of; before Avro 1.12 it had to be the first of all.
                let held = out.len();
                for (index, branch) in branches.iter().enumerate() {
                    put_long(out, index as i64);
                    if self.encode_default(*branch, json, out).is_ok() {
                        return Ok(());
                    }
                    out.truncate(held);
                }
                return Err(bad());
            }
        }
        Ok(())
    }
}

fn code_points(json: &Value) -> Option<Vec<u8>> {
    json.as_str()?.chars().map(|point| u8::try_from(u32::from(point)).ok()).collect()
}
