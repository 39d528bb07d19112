//! The tables' attribute columns, from the newest released schema of the events.

use apache_avro::Schema;
use contract::schemas::{Released, SchemaError};
use serde::Serialize;

/// One attribute of the customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Attribute {
    /// Its name in the event.
    pub field: String,
    /// Its column.
    pub column: String,
    /// Which SQL type and conversion it takes; sql/parts/attributes.sql has both.
    #[serde(rename = "type")]
    pub kind: AttributeKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AttributeKind {
    String,
    Boolean,
    Long,
    Double,
}

#[derive(Debug, thiserror::Error)]
pub enum AttributeError {
    #[error(transparent)]
    Schema(#[from] SchemaError),
    #[error("schema v{version}: `customer` is no record, or may be another than one; columns come from a record")]
    NoRecord { version: u32 },
    #[error(
        "schema v{version}: attribute `{attribute}` is of the Avro type {avro}, which has no column type yet; \
         add one to AttributeKind and to sql/parts/attributes.sql"
    )]
    Type { version: u32, attribute: String, avro: String },
}

/// The attributes in the order of the schema.
pub(crate) fn attributes(released: &Released) -> Result<Vec<Attribute>, AttributeError> {
    let version = released.version;
    let schema = released.parse()?;
    let Schema::Record(event) = &schema else { return Err(AttributeError::NoRecord { version }) };
    let customer = event.fields.iter().find(|field| field.name == "customer").map(|field| &field.schema);
    let Some(Schema::Record(customer)) = customer.and_then(not_null) else {
        return Err(AttributeError::NoRecord { version });
    };
    let attribute = |field: &apache_avro::schema::RecordField| {
        let kind = match not_null(&field.schema) {
            Some(Schema::String | Schema::Enum(_)) => AttributeKind::String,
            Some(Schema::Boolean) => AttributeKind::Boolean,
            Some(Schema::Int | Schema::Long) => AttributeKind::Long,
            Some(Schema::Float | Schema::Double) => AttributeKind::Double,
            _ => {
                let avro = serde_json::to_string(&field.schema).unwrap_or_else(|_| format!("{:?}", field.schema));
                return Err(AttributeError::Type { version, attribute: field.name.clone(), avro });
            }
        };
        Ok(Attribute { field: field.name.clone(), column: field.name.to_uppercase(), kind })
    };
    customer.fields.iter().map(attribute).collect()
}

/// The one type besides null; `None` where there are several.
fn not_null(schema: &Schema) -> Option<&Schema> {
    let Schema::Union(union) = schema else { return Some(schema) };
    let mut variants = union.variants().iter().filter(|variant| !matches!(variant, Schema::Null));
    let only = variants.next()?;
    variants.next().is_none().then_some(only)
}

#[cfg(test)]
mod tests {
    use super::*;
    use contract::schemas;

    #[test]
    fn the_released_schemas_give_the_columns_of_the_contract() {
        for released in schemas::released() {
            let fields: Vec<String> = attributes(released).unwrap().into_iter().map(|it| it.field).collect();
            assert_eq!(fields, released.customer_attributes().unwrap());
        }
    }

    #[test]
    fn an_attribute_without_a_column_type_is_refused_by_name() {
        let source = r#"{"type":"record","name":"E","fields":[{"name":"customer","type":["null",
            {"type":"record","name":"C","fields":[{"name":"photo","type":["null","bytes"]}]}]}]}"#;
        let error = attributes(&Released { version: 3, source }).unwrap_err().to_string();
        assert!(error.contains("`photo`") && error.contains("bytes"), "{error}");
    }
}
