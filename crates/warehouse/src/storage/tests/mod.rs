//! The store's promises, tried on real folders.

mod commits;
mod compaction;
mod crashes;
mod random;
mod streams;

use super::{Snapshot, Step, Store, StoreOptions, Transaction, Version};
use crate::{
    catalog::{
        Column, Database, Header, ObjectId, QualifiedName, Retention, Schema, Stream, StreamMode, Table, TableId,
    },
    types::{Moment, SqlType},
};
use datafusion::arrow::{
    array::{AsArray, Int32Array, RecordBatch, StringArray},
    compute::cast,
    datatypes::{Decimal128Type, Field, Schema as ArrowSchema, UInt64Type},
};
use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};
use tempfile::TempDir;

/// Sees every step of a commit as it is reached.
pub(super) type Probe = Box<dyn FnMut(Step) + Send>;

const WAIT: Duration = Duration::from_secs(60);
/// Small enough that a few dozen rows spill and a few groups are "large".
const SMALL: StoreOptions = StoreOptions { cache_bytes: 16 << 10, group_bytes: 8 << 10 };

fn open(dir: &Path) -> Store {
    Store::open_with(dir, SMALL).unwrap()
}

fn header(transaction: &mut Transaction, name: QualifiedName) -> Header {
    let (id, owner, text) = (transaction.catalog_mut().new_id(), "TESTER".to_owned(), String::new());
    Header { id, name, created_on: Moment::now(), owner, comment: None, text }
}

fn name(name: &str) -> QualifiedName {
    QualifiedName::new("DB", "S", name)
}

fn column(id: u32, name: &str, data_type: SqlType) -> Column {
    Column { id, name: name.to_owned(), data_type, nullable: true, default: None, comment: None }
}

fn create_table(transaction: &mut Transaction, table: &str) -> TableId {
    let header = header(transaction, name(table));
    let id = TableId(header.id.0);
    let columns = vec![column(0, "K", SqlType::Number { precision: 10, scale: 0 }), column(1, "V", SqlType::VARCHAR)];
    let retention = Retention::default();
    let table =
        Table { header, retention, columns, keys: vec![], cluster_by: None, change_tracking: false, next_column_id: 2 };
    transaction.catalog_mut().insert(table).unwrap();
    id
}

fn create_stream(transaction: &mut Transaction, stream: &str, table: TableId) -> ObjectId {
    let header = header(transaction, name(stream));
    let (id, offset) = (header.id, transaction.version());
    let stream = Stream { header, table, table_name: name("T"), mode: StreamMode::AppendOnly, offset };
    transaction.catalog_mut().insert(stream).unwrap();
    id
}

/// A store with schema DB.S and table T.
async fn fixture() -> (TempDir, Store, TableId) {
    let dir = TempDir::new().unwrap();
    let store = open(dir.path());
    let mut transaction = store.begin(WAIT).await.unwrap();
    let database = header(&mut transaction, QualifiedName::account("DB"));
    let schema = header(&mut transaction, QualifiedName::schema("DB", "S"));
    let retention = Retention::default();
    transaction.catalog_mut().insert(Database { header: database, retention }).unwrap();
    transaction.catalog_mut().insert(Schema { header: schema, retention }).unwrap();
    let table = create_table(&mut transaction, "T");
    transaction.commit().await.unwrap();
    (dir, store, table)
}

/// Rows of table T.
fn rows(rows: &[(i32, &str)]) -> RecordBatch {
    let number = SqlType::Number { precision: 10, scale: 0 };
    let keys = cast(&Int32Array::from_iter_values(rows.iter().map(|row| row.0)), &number.to_arrow()).unwrap();
    let values = StringArray::from_iter_values(rows.iter().map(|row| row.1));
    let fields = vec![Field::new("K", number.to_arrow(), true), Field::new("V", SqlType::VARCHAR.to_arrow(), true)];
    RecordBatch::try_new(Arc::new(ArrowSchema::new(fields)), vec![keys, Arc::new(values)]).unwrap()
}

/// Row ids, keys and values.
fn read(batches: &[RecordBatch]) -> BTreeMap<u64, (i32, String)> {
    let mut found = BTreeMap::new();
    for batch in batches {
        let keys = batch.column(0).as_primitive::<Decimal128Type>();
        let values = batch.column(1).as_string::<i32>();
        let ids = batch.column(2).as_primitive::<UInt64Type>();
        for row in 0..batch.num_rows() {
            let image = (keys.value(row) as i32, values.value(row).to_owned());
            assert_eq!(found.insert(ids.value(row), image), None, "row {} came twice", ids.value(row));
        }
    }
    found
}

fn table_rows(snapshot: &Snapshot, table: TableId) -> BTreeMap<u64, (i32, String)> {
    read(&snapshot.scan(table).unwrap())
}

fn stream_rows(snapshot: &Snapshot, stream: ObjectId) -> BTreeMap<u64, (i32, String)> {
    let found = read(&super::snapshot::read_all(&snapshot.stream(stream).unwrap()).unwrap());
    assert_eq!(snapshot.stream_has_data(stream).unwrap(), !found.is_empty());
    found
}

fn keys(rows: &BTreeMap<u64, (i32, String)>) -> Vec<i32> {
    let mut keys: Vec<i32> = rows.values().map(|row| row.0).collect();
    keys.sort_unstable();
    keys
}

fn ids_of(snapshot: &Snapshot, table: TableId, key: i32) -> Vec<u64> {
    table_rows(snapshot, table).into_iter().filter(|(_, row)| row.0 == key).map(|(id, _)| id).collect()
}

async fn insert(store: &Store, table: TableId, values: &[(i32, &str)]) -> Version {
    let mut transaction = store.begin(WAIT).await.unwrap();
    transaction.insert(table, &rows(values)).unwrap();
    transaction.commit().await.unwrap()
}

fn files(dir: &Path) -> usize {
    std::fs::read_dir(dir.join(super::GROUP_FOLDER)).unwrap().count()
}
