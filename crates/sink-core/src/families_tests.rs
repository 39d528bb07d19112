use super::*;

struct Topic(Families);

impl Topic {
    fn new() -> Self {
        Self(Families::default())
    }

    fn add(&mut self, id: u32, home: Option<(&str, u32)>, text: &str) -> Arc<Writer> {
        let home = home.map(|(subject, version)| Home { subject: subject.to_owned(), version });
        let writer = Arc::new(Writer { id, home, schema: ValueSchema::parse(text).unwrap() });
        self.0.add(Arc::clone(&writer));
        writer
    }

    /// The newest of each family.
    fn newest(&mut self) -> Vec<u32> {
        let shape = self.0.shape().unwrap().unwrap();
        shape.branches().iter().map(|writer| writer.id).collect()
    }
}

fn record(name: &str, fields: &str) -> String {
    format!(r#"{{"type":"record","name":"{name}","fields":[{fields}]}}"#)
}

const A: &str = r#"{"name":"a","type":"int"}"#;
const AB: &str = r#"{"name":"a","type":"int"},{"name":"b","type":"int","default":7}"#;
const AC: &str = r#"{"name":"a","type":"int"},{"name":"c","type":"int","default":7}"#;

#[test]
fn versions_of_a_subject_are_one_family_in_whatever_order_they_are_met() {
    for order in [[1, 2, 3], [3, 2, 1], [2, 3, 1], [3, 1, 2]] {
        let mut topic = Topic::new();
        for version in order {
            // The last one has lost a field again.
            topic.add(10 - version, Some(("s", version)), &record("R", [A, AB, AC][version as usize - 1]));
        }
        assert_eq!(topic.newest(), [7], "{order:?}");
    }
}

#[test]
fn types_of_other_names_are_never_one_family() {
    let mut topic = Topic::new();
    topic.add(1, Some(("t-Heartbeat", 1)), &record("Heartbeat", A));
    topic.add(2, Some(("t-Order", 1)), &record("Order", AB));
    assert_eq!(topic.newest(), [1, 2]);
    let order = topic.add(3, Some(("t-Order", 2)), &record("Order", AC));
    assert_eq!(topic.newest(), [1, 3]);
    let shape = topic.0.shape().unwrap().unwrap();
    assert!(matches!(topic.0.place(&order, &shape), Some((1, Way::Copy))));
}

#[test]
fn between_subjects_only_what_keeps_every_field_is_one_family() {
    let mut topic = Topic::new();
    topic.add(1, Some(("mirror", 1)), &record("R", AB));
    topic.add(2, Some(("source", 1)), &record("R", A));
    assert_eq!(topic.newest(), [1], "the smaller one gets its default");
    topic.add(3, None, &record("R", AC));
    assert_eq!(topic.newest(), [1, 3], "neither could hold the other");
}

#[test]
fn a_number_that_would_mean_something_else_is_another_family() {
    let time = |unit: &str| {
        record("R", &format!(r#"{{"name":"t","type":{{"type":"long","logicalType":"timestamp-{unit}"}}}}"#))
    };
    let price = |scale: u32| {
        record(
            "P",
            &format!(
                r#"{{"name":"p","type":{{"type":"bytes","logicalType":"decimal","precision":9,"scale":{scale}}}}}"#
            ),
        )
    };
    let mut topic = Topic::new();
    topic.add(1, Some(("s", 1)), &time("millis"));
    topic.add(2, Some(("s", 2)), &time("micros"));
    topic.add(3, Some(("p", 1)), &price(2));
    topic.add(4, Some(("p", 2)), &price(4));
    assert_eq!(topic.newest(), [1, 2, 3, 4]);
}

#[test]
fn a_version_whose_data_would_not_all_fit_is_another_family() {
    let mut topic = Topic::new();
    let symbols = |all: &str| format!(r#"{{"type":"enum","name":"E","symbols":[{all}]}}"#);
    topic.add(1, Some(("s", 1)), &symbols(r#""A","B""#));
    topic.add(2, Some(("s", 2)), &symbols(r#""A""#));
    assert_eq!(topic.newest(), [1, 2]);
}

#[test]
fn a_topic_of_one_family_has_the_schema_that_it_had_before_there_were_families() {
    let mut topic = Topic::new();
    for (index, released) in contract::schemas::released().iter().enumerate() {
        topic.add(index as u32 + 1, Some(("s", index as u32 + 1)), released.source);
    }
    let value = serde_json::from_str(contract::schemas::newest().source).unwrap();
    assert_eq!(topic.0.shape().unwrap().unwrap().schema(), contract::file::record_schema(&[value]).to_string());
}
