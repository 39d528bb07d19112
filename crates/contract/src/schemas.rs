//! The released versions of the event's Avro schema, as they stand under schemas/. A released file never changes.

use apache_avro::Schema;

/// One released schema.
#[derive(Debug)]
pub struct Released {
    /// 1 for v1.avsc, and so on without a gap.
    pub version: u32,
    /// The file as it is in the repository.
    pub source: &'static str,
}

include!(concat!(env!("OUT_DIR"), "/released.rs"));

#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    #[error("schema v{version} is not valid Avro: {source}")]
    Invalid { version: u32, source: Box<apache_avro::Error> },
    #[error("schema v{version} is not JSON: {source}")]
    NotJson { version: u32, source: serde_json::Error },
}

/// Every released version, oldest first; never empty.
pub fn released() -> &'static [Released] {
    RELEASED
}

/// The newest released version.
pub fn newest() -> &'static Released {
    // build.rs refuses an empty folder.
    &RELEASED[RELEASED.len() - 1]
}

impl Released {
    /// The schema in one line, as it is registered: some registries compare texts, not schemas.
    pub fn compact(&self) -> Result<String, SchemaError> {
        let invalid = |source| SchemaError::NotJson { version: self.version, source };
        // serde_json's `preserve_order` keeps the members as they are in the file.
        let json: serde_json::Value = serde_json::from_str(self.source).map_err(invalid)?;
        serde_json::to_string(&json).map_err(invalid)
    }

    pub fn parse(&self) -> Result<Schema, SchemaError> {
        Schema::parse_str(self.source)
            .map_err(|source| SchemaError::Invalid { version: self.version, source: Box::new(source) })
    }

    /// Names of the customer's attributes in the order of the schema: the columns of the tables.
    pub fn customer_attributes(&self) -> Result<Vec<String>, SchemaError> {
        let schema = self.parse()?;
        let Schema::Record(event) = &schema else { return Ok(Vec::new()) };
        let customer = event.fields.iter().find(|field| field.name == "customer").map(|field| &field.schema);
        let variants = match customer {
            Some(Schema::Union(union)) => union.variants(),
            Some(other) => std::slice::from_ref(other),
            None => &[],
        };
        Ok(variants
            .iter()
            .filter_map(|variant| if let Schema::Record(record) = variant { Some(&record.fields) } else { None })
            .flatten()
            .map(|field| field.name.clone())
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_released_schema_is_valid_and_compact_means_the_same() {
        for (released, version) in released().iter().zip(1..) {
            assert_eq!(released.version, version);
            let compact = released.compact().expect("JSON");
            assert!(!compact.contains('\n') && compact.starts_with(r#"{"type":"record","name":"CustomerEvent""#));
            assert_eq!(Schema::parse_str(&compact).expect("Avro"), released.parse().expect("Avro"));
        }
    }

    #[test]
    fn a_newer_version_only_adds_attributes_at_the_end() {
        let attributes: Vec<_> =
            released().iter().map(|released| released.customer_attributes().expect("schema")).collect();
        assert_eq!(
            attributes[0],
            ["first_name", "last_name", "email", "phone", "street", "city", "postal_code", "country"]
        );
        for pair in attributes.windows(2) {
            assert!(pair[1].len() > pair[0].len() && pair[1].starts_with(&pair[0]));
        }
    }
}
