//! The project's own sql/, run unchanged: files through its pipe, then the statements of its tasks.

use super::Warehouse;
use crate::{
    catalog::{Pipe, Task},
    pipes::Loader,
};
use apache_avro::{
    Schema, Writer,
    types::{Record, Value},
};
use minijinja::{Environment, UndefinedBehavior, context};
use std::{fs, path::Path};

/// `(customer, sequence, operation, milliseconds, city)`
type Event<'a> = (&'a str, i64, &'a str, i64, Option<&'a str>);

const ENVELOPE: &str = r#"{"type": "record", "name": "Record", "fields": [
    {"name": "value", "type": ["null", {"type": "record", "name": "Event", "fields": [
        {"name": "event_id", "type": "string"}, {"name": "operation", "type": "string"},
        {"name": "customer_id", "type": "string"}, {"name": "sequence", "type": "long"},
        {"name": "event_time", "type": "long"},
        {"name": "customer", "type": ["null", {"type": "record", "name": "Customer", "fields": [
            {"name": "first_name", "type": "string"}, {"name": "city", "type": "string"},
            {"name": "marketing_consent", "type": ["null", "boolean"]}]}]}]}]},
    {"name": "topic", "type": "string"}, {"name": "partition", "type": "int"}, {"name": "offset", "type": "long"},
    {"name": "timestamp", "type": "long"}, {"name": "key", "type": "bytes"},
    {"name": "headers", "type": {"type": "map", "values": "bytes"}}, {"name": "schema_id", "type": "int"}]}"#;

pub(super) fn file(first_offset: i64, events: &[Event<'_>]) -> Vec<u8> {
    let schema = Schema::parse_str(ENVELOPE).unwrap();
    let mut writer = Writer::new(&schema, Vec::new()).unwrap();
    for (at, (customer, sequence, operation, millis, city)) in events.iter().enumerate() {
        let text = |text: &str| Value::String(text.to_owned());
        let body = city.map_or(Value::Union(0, Box::new(Value::Null)), |city| {
            let fields = [
                ("first_name", text("Ada")),
                ("city", text(city)),
                ("marketing_consent", Value::Union(1, Box::new(Value::Boolean(true)))),
            ];
            Value::Union(1, Box::new(Value::Record(fields.map(|(name, value)| (name.to_owned(), value)).into())))
        });
        let event = [
            ("event_id", text(&format!("{customer}-{sequence}"))),
            ("operation", text(operation)),
            ("customer_id", text(customer)),
            ("sequence", Value::Long(*sequence)),
            ("event_time", Value::Long(*millis)),
            ("customer", body),
        ];
        let event = Value::Record(event.map(|(name, value)| (name.to_owned(), value)).into());
        let mut record = Record::new(&schema).unwrap();
        record.put("value", Value::Union(1, Box::new(event)));
        record.put("topic", "customers.events");
        record.put("partition", 0);
        record.put("offset", first_offset + at as i64);
        record.put("timestamp", 1_800_000_000_000_i64);
        record.put("key", Value::Bytes(customer.as_bytes().to_vec()));
        record.put("headers", Value::Map([].into()));
        record.put("schema_id", 1);
        writer.append_value(record).unwrap();
    }
    writer.into_inner().unwrap()
}

/// Every object of sql/, created in its order.
async fn deployed() -> Warehouse {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sql");
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.add_filter("literal", |text: String| format!("'{}'", text.replace('\'', "''")));
    let mut files = Vec::new();
    for (prefix, folder) in [("", folder.clone()), ("parts/", folder.join("parts"))] {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "sql") {
                let name = format!("{prefix}{}", path.file_name().unwrap().to_string_lossy());
                environment.add_template_owned(name.clone(), fs::read_to_string(&path).unwrap()).unwrap();
                files.push(name);
            }
        }
    }
    files.sort();
    let attribute = |column: &str, field: &str, kind: &str| context! { column, field, type => kind };
    let attributes = [
        attribute("FIRST_NAME", "first_name", "string"),
        attribute("LAST_NAME", "last_name", "string"),
        attribute("EMAIL", "email", "string"),
        attribute("PHONE", "phone", "string"),
        attribute("STREET", "street", "string"),
        attribute("CITY", "city", "string"),
        attribute("POSTAL_CODE", "postal_code", "string"),
        attribute("COUNTRY", "country", "string"),
        attribute("LOYALTY_TIER", "loyalty_tier", "string"),
        attribute("MARKETING_CONSENT", "marketing_consent", "boolean"),
    ];
    let mut warehouse = Warehouse::open().await;
    for file in files.iter().filter(|file| !file.starts_with("parts/")) {
        let parts = file.split('.').collect::<Vec<_>>();
        let this = match parts[1..] {
            ["database", _] => "CRM".to_owned(),
            ["warehouse", _] => "CRM_WH".to_owned(),
            [schema, "schema", _] => format!("CRM.{}", schema.to_uppercase()),
            [schema, name, ..] => format!("CRM.{}.{}", schema.to_uppercase(), name.to_uppercase()),
            _ => panic!("{file}"),
        };
        let variables = context! {
            this,
            attributes => attributes.clone(),
            database => "CRM",
            staging => "CRM.STAGING",
            core => "CRM.CORE",
            topic => "customers.events",
            bucket_url => "s3://bucket/",
            access => context! { kind => "keys", access_key_id => "k", secret_access_key => "s" },
            compute => context! { kind => "warehouse", name => "CRM_WH", size => "XSMALL" },
            schedule => "2 MINUTES",
            day => 86_400_000_i64,
            end_of_time => 253_402_300_799_999_i64,
        };
        let sql = environment.get_template(file).unwrap().render(variables).unwrap();
        if !sql.trim().is_empty() {
            warehouse.run(&sql).await;
        }
    }
    warehouse
}

/// What the pipe does with a new file.
async fn load(warehouse: &Warehouse, name: &str, file: Vec<u8>) {
    warehouse.files.put("bucket", &format!("topics/customers.events/{name}"), file);
    let snapshot = warehouse.engine.store().snapshot();
    let pipe: Pipe = snapshot.catalog().list::<Pipe>().next().unwrap().clone();
    let files = warehouse.engine.list(&pipe, &snapshot).await.unwrap();
    let file = files.iter().find(|file| file.path == name).unwrap();
    let load = warehouse.engine.load(pipe.header.id, file).await.unwrap();
    assert_eq!(load.first_error, None);
}

/// What the tasks do at their next tick.
async fn run_tasks(warehouse: &mut Warehouse) -> Vec<String> {
    let snapshot = warehouse.engine.store().snapshot();
    let definitions = snapshot.catalog().list::<Task>().map(|task| task.definition.clone()).collect::<Vec<_>>();
    assert_eq!(definitions.len(), 2);
    let mut counts = Vec::new();
    for definition in definitions {
        counts.extend(warehouse.rows(&definition).await);
    }
    counts
}

#[tokio::test]
async fn files_become_customers_and_their_history() {
    let mut warehouse = deployed().await;
    let events = [
        ("c1", 1, "CREATE", 1_700_000_001_000, Some("Oslo")),
        ("c1", 3, "UPDATE", 1_700_000_003_000, Some("Rome")),
        ("c2", 1, "CREATE", 1_700_000_001_000, Some("Paris")),
        ("c2", 1, "CREATE", 1_700_000_001_000, Some("Paris")),
        ("", 1, "CREATE", 1_700_000_001_000, Some("Nowhere")),
    ];
    load(&warehouse, "1.avro", file(0, &events)).await;
    assert_eq!(run_tasks(&mut warehouse).await, ["2|0", "3|0"]);
    // A late event splits an interval, a delete ends one; what was seen before changes nothing.
    let events = [
        ("c1", 2, "UPDATE", 1_700_000_002_000, Some("Lima")),
        ("c2", 2, "DELETE", 1_700_000_009_000, None),
        ("c1", 3, "UPDATE", 1_700_000_003_000, Some("Rome")),
    ];
    load(&warehouse, "2.avro", file(5, &events)).await;
    assert_eq!(run_tasks(&mut warehouse).await, ["0|1", "2|2"]);
    assert_eq!(
        warehouse
            .rows(
                "SELECT CUSTOMER_ID, SEQUENCE, IS_DELETED, CITY, MARKETING_CONSENT FROM CRM.CORE.CUSTOMERS ORDER BY 1"
            )
            .await,
        ["c1|3|false|Rome|true", "c2|2|true|~|~"]
    );
    assert_eq!(
        warehouse
            .rows(
                "SELECT CUSTOMER_ID, SEQUENCE, CHANGE, CITY, VALID_FROM, VALID_TO, IS_CURRENT FROM \
                 CRM.CORE.CUSTOMERS_HISTORY ORDER BY 1, 2"
            )
            .await,
        [
            "c1|1|CREATE|Oslo|2023-11-14 22:13:21.000|2023-11-14 22:13:22.000|false",
            "c1|2|UPDATE|Lima|2023-11-14 22:13:22.000|2023-11-14 22:13:23.000|false",
            "c1|3|UPDATE|Rome|2023-11-14 22:13:23.000|~|true",
            "c2|1|CREATE|Paris|2023-11-14 22:13:21.000|2023-11-14 22:13:29.000|false",
            "c2|2|DELETE|~|2023-11-14 22:13:29.000|2023-11-14 22:13:29.000|false",
        ]
    );
    assert_eq!(warehouse.rows("SELECT CUSTOMER_ID, CITY FROM CRM.CORE.CUSTOMERS_CURRENT").await, ["c1|Rome"]);
    assert_eq!(warehouse.rows("SELECT COUNT(*) FROM CRM.CORE.CUSTOMERS_VERSIONS").await, ["4"]);
    assert_eq!(
        warehouse.rows("SELECT REASON, FILE_ROW_NUMBER FROM CRM.CORE.CUSTOMER_EVENTS_REJECTED").await,
        ["missing customer_id|5"]
    );
    assert_eq!(warehouse.rows("SELECT COUNT(*) FROM CRM.CORE.CUSTOMER_EVENT_CONFLICTS").await, ["0"]);
    // Nothing new: nothing is written.
    assert_eq!(run_tasks(&mut warehouse).await, ["0|0", "0|0"]);
}
