//! Random transactions against a model that keeps everything in plain maps.

use super::*;
use rand::{RngExt, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use std::collections::{BTreeSet, HashMap};

type Rows = BTreeMap<u64, (i32, String)>;

#[derive(Clone, Default)]
struct Model {
    tables: HashMap<TableId, Rows>,
    /// What each stream holds.
    streams: HashMap<ObjectId, (TableId, Rows)>,
}

/// What one transaction does, on both sides.
struct Run<'a> {
    random: &'a mut StdRng,
    transaction: &'a mut Transaction,
    model: &'a mut Model,
    appended: HashMap<TableId, BTreeSet<u64>>,
    consumed: BTreeSet<ObjectId>,
}

impl Run<'_> {
    fn step(&mut self, table: TableId) {
        let live: Vec<u64> = self.model.tables[&table].keys().copied().collect();
        let some: Vec<u64> = live.iter().copied().filter(|_| self.random.random_bool(0.2)).collect();
        match self.random.random_range(0..10) {
            0..4 => {
                let count = self.random.random_range(0..60);
                let new: Vec<(i32, String)> = (0..count).map(|_| self.row()).collect();
                self.transaction.insert(table, &batch(&new)).unwrap();
                let known: BTreeSet<u64> = live.into_iter().collect();
                let after = table_rows(&self.transaction.snapshot(), table);
                let added: Vec<u64> = after.keys().copied().filter(|id| !known.contains(id)).collect();
                assert_eq!(added.len(), new.len());
                self.appended.entry(table).or_default().extend(&added);
                self.model.tables.get_mut(&table).unwrap().extend(added.into_iter().zip(new));
            }
            4..7 => {
                let new: Vec<(i32, String)> = some.iter().map(|_| self.row()).collect();
                self.transaction.update(table, &some, &batch(&new)).unwrap();
                self.model.tables.get_mut(&table).unwrap().extend(some.into_iter().zip(new));
            }
            7..9 => {
                self.transaction.delete(table, &some).unwrap();
                self.model.tables.get_mut(&table).unwrap().retain(|id, _| !some.contains(id));
            }
            _ if self.random.random_bool(0.2) => {
                assert_eq!(self.transaction.truncate(table).unwrap(), live.len() as u64);
                self.model.tables.get_mut(&table).unwrap().clear();
            }
            _ => {
                let streams: Vec<ObjectId> = self.model.streams.keys().copied().collect();
                let stream = *streams.choose(self.random).unwrap();
                self.transaction.consume_stream(stream).unwrap();
                self.consumed.insert(stream);
            }
        }
    }

    fn row(&mut self) -> (i32, String) {
        (self.random.random_range(0..1000), "x".repeat(self.random.random_range(0..40)))
    }

    /// The model's side of the commit.
    fn commit(self) {
        for (stream, (table, held)) in &mut self.model.streams {
            if self.consumed.contains(stream) {
                held.clear();
            }
            let own = self.appended.get(table).into_iter().flatten();
            let left = own.filter_map(|id| self.model.tables[table].get(id).map(|row| (*id, row.clone())));
            held.extend(left);
        }
    }
}

fn batch(values: &[(i32, String)]) -> RecordBatch {
    rows(&values.iter().map(|(key, value)| (*key, value.as_str())).collect::<Vec<_>>())
}

fn check(store: &Store, model: &Model) {
    let snapshot = store.snapshot();
    for (table, expected) in &model.tables {
        assert_eq!(&table_rows(&snapshot, *table), expected);
        assert_eq!(snapshot.row_count(*table), expected.len() as u64);
    }
    for (stream, (_, expected)) in &model.streams {
        assert_eq!(&stream_rows(&snapshot, *stream), expected);
    }
}

#[tokio::test]
async fn any_sequence_of_transactions_merges_and_restarts_gives_what_the_model_gives() {
    for seed in 0..12 {
        println!("seed {seed}");
        let mut random = StdRng::seed_from_u64(seed);
        let (dir, mut store, first) = fixture().await;
        let mut transaction = store.begin(WAIT).await.unwrap();
        let second = create_table(&mut transaction, "T2");
        let mut model = Model::default();
        for (stream, table) in [("S1", first), ("S2", first), ("S3", second)] {
            let id = create_stream(&mut transaction, stream, table);
            model.tables.insert(table, Rows::new());
            model.streams.insert(id, (table, Rows::new()));
        }
        transaction.commit().await.unwrap();
        for _ in 0..25 {
            let mut transaction = store.begin(WAIT).await.unwrap();
            let mut after = model.clone();
            let (consumed, appended) = (BTreeSet::new(), HashMap::new());
            let mut run =
                Run { random: &mut random, transaction: &mut transaction, model: &mut after, appended, consumed };
            for _ in 0..run.random.random_range(1..6) {
                let table = *[first, second].choose(run.random).unwrap();
                run.step(table);
            }
            run.commit();
            if random.random_bool(0.8) {
                transaction.commit().await.unwrap();
                model = after;
            } else {
                drop(transaction);
            }
            if random.random_bool(0.3) {
                store.compact().await.unwrap();
            }
            if random.random_bool(0.1) {
                drop(store);
                store = open(dir.path());
            }
            check(&store, &model);
        }
    }
}
