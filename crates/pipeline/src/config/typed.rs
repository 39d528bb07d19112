//! From the tree to a service's own type. The type decides what a value is read as: the text of a variable becomes a number
//! where a number is needed and stays text where text is needed. Values of files have TOML's types and keep them.

use super::{
    fault::{Fault, words},
    tree::{Content, Node, Source},
};
use contract::settings;
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, VariantAccess, Visitor,
};
use std::{collections::btree_map, slice};

/// A value and its key.
pub(crate) struct Typed<'a> {
    node: &'a Node,
    key: String,
}

impl<'a> Typed<'a> {
    pub(crate) fn new(node: &'a Node, key: &str) -> Self {
        Self { node, key: key.to_owned() }
    }

    fn below(&self, key: &str, node: &'a Node) -> Self {
        let key = if self.key.is_empty() { key.to_owned() } else { format!("{}.{key}", self.key) };
        Self { node, key }
    }

    fn is_variable(&self) -> bool {
        matches!(self.node.source, Source::Variable(_))
    }

    fn place(&self, fault: Fault) -> Fault {
        fault.at(&self.key, self.node)
    }

    fn refuse(&self, expected: &str) -> Fault {
        self.place(Fault::new(Some(self.node.content.to_string()), format!("expected {expected}")))
    }

    /// Hands the value on as what it is.
    fn any<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let outcome = match &self.node.content {
            Content::Text(text) => visitor.visit_str(text),
            Content::Whole(number) => visitor.visit_i64(*number),
            Content::Number(number) => visitor.visit_f64(*number),
            Content::Truth(truth) => visitor.visit_bool(*truth),
            Content::List(items) => visitor.visit_seq(Items { list: &self, rest: items.iter(), at: 0 }),
            Content::Table(table) => visitor.visit_map(Entries { table: &self, rest: table.iter(), value: None }),
        };
        outcome.map_err(|fault| self.place(fault))
    }

    /// The text of a variable as a number or a truth value.
    fn parsed<T: std::str::FromStr>(&self, expected: &str) -> Result<Option<T>, Fault> {
        match &self.node.content {
            Content::Text(text) if self.is_variable() => {
                text.trim().parse().map(Some).map_err(|_| self.refuse(expected))
            }
            _ => Ok(None),
        }
    }
}

macro_rules! from_text {
    ($($method:ident $visit:ident $type:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
            match self.parsed::<$type>(&words(stringify!($type)))? {
                Some(value) => visitor.$visit(value).map_err(|fault| self.place(fault)),
                None => self.any(visitor),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Typed<'_> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.any(visitor)
    }

    from_text! {
        deserialize_bool visit_bool bool
        deserialize_i8 visit_i8 i8
        deserialize_i16 visit_i16 i16
        deserialize_i32 visit_i32 i32
        deserialize_i64 visit_i64 i64
        deserialize_u8 visit_u8 u8
        deserialize_u16 visit_u16 u16
        deserialize_u32 visit_u32 u32
        deserialize_u64 visit_u64 u64
        deserialize_f32 visit_f32 f32
        deserialize_f64 visit_f64 f64
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        // `"fetch.wait.max.ms" = 100` in a file is plain. A secret without quotes is not: leading zeros would be lost.
        let text = match &self.node.content {
            Content::Whole(number) => number.to_string(),
            Content::Truth(truth) => truth.to_string(),
            _ => return self.any(visitor),
        };
        if settings::is_secret(&self.key) {
            return Err(self.refuse("text in quotes"));
        }
        visitor.visit_string(text).map_err(|fault| self.place(fault))
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_str(visitor)
    }

    /// An empty variable unsets a key that may be left out.
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.node.content {
            Content::Text(text) if text.is_empty() && self.is_variable() => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _name: &'static str, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let choice = match &self.node.content {
            Content::Text(name) => Choice { name, content: None },
            Content::Table(table) => {
                let mut entries = table.iter();
                match (entries.next(), entries.next()) {
                    (Some((name, node)), None) => Choice { name, content: Some(self.below(name, node)) },
                    _ => return Err(self.refuse(&format!("exactly one of {}", variants.join(", ")))),
                }
            }
            _ => return Err(self.refuse(&format!("one of {}", variants.join(", ")))),
        };
        visitor.visit_enum(choice).map_err(|fault| self.place(fault))
    }

    serde::forward_to_deserialize_any! {
        char bytes byte_buf unit unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

struct Items<'t, 'a> {
    list: &'t Typed<'a>,
    rest: slice::Iter<'a, Node>,
    at: usize,
}

impl<'de> SeqAccess<'de> for Items<'_, '_> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Fault> {
        let Some(node) = self.rest.next() else { return Ok(None) };
        self.at += 1;
        let item = Typed { node, key: format!("{}[{}]", self.list.key, self.at - 1) };
        seed.deserialize(item).map(Some)
    }
}

struct Entries<'t, 'a> {
    table: &'t Typed<'a>,
    rest: btree_map::Iter<'a, String, Node>,
    value: Option<Typed<'a>>,
}

impl<'de> MapAccess<'de> for Entries<'_, '_> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Fault> {
        let Some((key, node)) = self.rest.next() else { return Ok(None) };
        self.value = Some(self.table.below(key, node));
        seed.deserialize(key.as_str().into_deserializer()).map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Fault> {
        let value = self.value.take().ok_or_else(|| Fault::new(None, "a value was asked for before its key".into()))?;
        seed.deserialize(value)
    }
}

/// A variant by name, with the content that it may have.
struct Choice<'t, 'a> {
    name: &'t str,
    content: Option<Typed<'a>>,
}

impl<'de, 'a> EnumAccess<'de> for Choice<'_, 'a> {
    type Error = Fault;
    type Variant = Variant<'a>;

    fn variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<(T::Value, Variant<'a>), Fault> {
        let name = self.name.to_owned();
        Ok((seed.deserialize(name.as_str().into_deserializer())?, Variant { name, content: self.content }))
    }
}

/// What stands behind the name of a variant.
struct Variant<'a> {
    name: String,
    content: Option<Typed<'a>>,
}

impl<'a> Variant<'a> {
    fn content(self) -> Result<Typed<'a>, Fault> {
        let Self { name, content } = self;
        content.ok_or_else(|| Fault::new(Some(format!("`{name}`")), format!("expected a table, {{ {name} = ... }}")))
    }
}

impl<'de> VariantAccess<'de> for Variant<'_> {
    type Error = Fault;

    fn unit_variant(self) -> Result<(), Fault> {
        match self.content {
            None => Ok(()),
            Some(content) => Err(content.refuse(&format!("only the word `{}`", self.name))),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Fault> {
        seed.deserialize(self.content()?)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _len: usize, visitor: V) -> Result<V::Value, Fault> {
        self.content()?.any(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(self, _fields: &'static [&'static str], visitor: V) -> Result<V::Value, Fault> {
        self.content()?.any(visitor)
    }
}
