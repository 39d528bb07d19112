//! What the warehouse knows by name: databases to tasks, as plain values that one commit stores together with the rows.
//!
//! A catalogue is a value: a snapshot's never changes, and a transaction edits a copy that shares every object it leaves
//! alone. Names are folded already (see [`crate::parse`]); children point to their parents by name.

mod history;
mod name;
mod object;

pub use history::{FileLoad, LoadStatus, LoadTarget, RunState, TaskRun};
pub use name::{QualifiedName, quoted};
pub use object::{
    Column, Database, Entity, FileFormat, Header, Key, Object, Pipe, Retention, Schedule, Schema, Stage,
    StageCredentials, StageFormat, Stream, StreamMode, Table, Task, TaskState, View, ViewColumn, Warehouse,
};

use crate::{SqlError, parse::ObjectKind};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::Arc,
};

/// Identifies one object for as long as it exists; `CREATE OR REPLACE` makes a new one. Never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ObjectId(pub u64);

/// The [`ObjectId`] of a table, under which its rows are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TableId(pub u64);

impl From<TableId> for ObjectId {
    fn from(id: TableId) -> Self {
        Self(id.0)
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Display for TableId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Kinds that share one set of names: a table, a view and a stream of one name cannot be told apart in FROM.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum NameSpace {
    Relation,
    Other(ObjectKind),
}

impl NameSpace {
    fn of(kind: ObjectKind) -> Self {
        match kind {
            ObjectKind::Table | ObjectKind::View | ObjectKind::Stream => Self::Relation,
            other => Self::Other(other),
        }
    }
}

/// Something that FROM may name.
#[derive(Debug, Clone, Copy)]
pub enum Relation<'a> {
    Table(&'a Table),
    View(&'a View),
    Stream(&'a Stream),
}

/// All objects, by id and by name. See the module.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    objects: HashMap<ObjectId, Arc<Object>>,
    names: BTreeMap<(NameSpace, QualifiedName), ObjectId>,
    last_id: u64,
}

impl Catalog {
    /// An id that no object has or had.
    pub fn new_id(&mut self) -> ObjectId {
        self.last_id += 1;
        ObjectId(self.last_id)
    }

    /// The object of kind `T` with this name, if there is one.
    pub fn find<T: Entity>(&self, name: &QualifiedName) -> Option<&T> {
        let id = self.names.get(&(NameSpace::of(T::KIND), name.clone()))?;
        T::of(self.objects.get(id)?)
    }

    /// As [`find`](Self::find), with Snowflake's error 002003 when it is not there.
    pub fn get<T: Entity>(&self, name: &QualifiedName) -> Result<&T, SqlError> {
        self.find(name).ok_or_else(|| SqlError::does_not_exist(T::KIND, name))
    }

    /// The object of kind `T` with this id, if it still exists.
    pub fn by_id<T: Entity>(&self, id: impl Into<ObjectId>) -> Option<&T> {
        T::of(self.objects.get(&id.into())?)
    }

    /// All objects of kind `T`, ordered by name.
    pub fn list<T: Entity>(&self) -> impl Iterator<Item = &T> {
        // A handful of objects: filtering all names costs less than bounds on an enum would explain.
        self.names.values().filter_map(|id| T::of(self.objects.get(id)?))
    }

    /// What a name in FROM stands for.
    pub fn relation(&self, name: &QualifiedName) -> Result<Relation<'_>, SqlError> {
        let found = self.names.get(&(NameSpace::Relation, name.clone())).and_then(|id| self.objects.get(id));
        match found.map(AsRef::as_ref) {
            Some(Object::Table(table)) => Ok(Relation::Table(table)),
            Some(Object::View(view)) => Ok(Relation::View(view)),
            Some(Object::Stream(stream)) => Ok(Relation::Stream(stream)),
            _ => Err(SqlError::object_does_not_exist(name)),
        }
    }

    /// Whatever holds the name that an object of `kind` would want.
    pub fn holder(&self, kind: ObjectKind, name: &QualifiedName) -> Option<&Object> {
        self.names.get(&(NameSpace::of(kind), name.clone())).and_then(|id| self.objects.get(id)).map(AsRef::as_ref)
    }

    /// Adds an object whose parents exist.
    ///
    /// # Errors
    /// 002002 when the name is taken, 002003 when its database or schema is not there.
    pub fn insert(&mut self, object: impl Into<Object>) -> Result<(), SqlError> {
        let object = object.into();
        let (kind, header) = (object.kind(), object.header());
        self.require_parents(kind, &header.name)?;
        let key = (NameSpace::of(kind), header.name.clone());
        if self.names.contains_key(&key) {
            return Err(SqlError::already_exists(&header.name));
        }
        self.last_id = self.last_id.max(header.id.0);
        self.names.insert(key, header.id);
        self.objects.insert(header.id, Arc::new(object));
        Ok(())
    }

    /// Edits an object in place. `change` must leave its id and name alone.
    ///
    /// # Errors
    /// 002003 when it is not there.
    pub fn update<T: Entity>(&mut self, name: &QualifiedName, change: impl FnOnce(&mut T)) -> Result<(), SqlError> {
        let missing = || SqlError::does_not_exist(T::KIND, name);
        let id = *self.names.get(&(NameSpace::of(T::KIND), name.clone())).ok_or_else(missing)?;
        let object = self.objects.get_mut(&id).ok_or_else(missing)?;
        change(T::of_mut(Arc::make_mut(object)).ok_or_else(missing)?);
        Ok(())
    }

    /// Gives any object another comment.
    ///
    /// # Errors
    /// 002003 when it is not there.
    pub fn set_comment(
        &mut self,
        kind: ObjectKind,
        name: &QualifiedName,
        comment: Option<String>,
    ) -> Result<(), SqlError> {
        let found = self.names.get(&(NameSpace::of(kind), name.clone())).and_then(|id| self.objects.get_mut(id));
        let found = found.filter(|object| object.kind() == kind);
        let object = found.ok_or_else(|| SqlError::does_not_exist(kind, name))?;
        Arc::make_mut(object).header_mut().comment = comment;
        Ok(())
    }

    /// Gives an object another name. Whatever refers to it by name keeps the old one, as on Snowflake.
    ///
    /// # Errors
    /// 002003 when it or the new parent is not there, 002002 when the new name is taken.
    pub fn rename(&mut self, kind: ObjectKind, from: &QualifiedName, to: &QualifiedName) -> Result<(), SqlError> {
        self.require_parents(kind, to)?;
        let space = NameSpace::of(kind);
        if self.names.contains_key(&(space, to.clone())) {
            return Err(SqlError::already_exists(to));
        }
        let missing = || SqlError::does_not_exist(kind, from);
        let id = *self.names.get(&(space, from.clone())).ok_or_else(missing)?;
        let object = self.objects.get_mut(&id).filter(|object| object.kind() == kind).ok_or_else(missing)?;
        Arc::make_mut(object).header_mut().name = to.clone();
        self.names.remove(&(space, from.clone()));
        self.names.insert((space, to.clone()), id);
        Ok(())
    }

    /// Removes an object and, of a database or schema, everything in it.
    ///
    /// # Errors
    /// 002003 when it is not there.
    pub fn remove(&mut self, kind: ObjectKind, name: &QualifiedName) -> Result<(), SqlError> {
        let key = (NameSpace::of(kind), name.clone());
        let id = self.holder(kind, name).filter(|object| object.kind() == kind).map(|object| object.header().id);
        let id = id.ok_or_else(|| SqlError::does_not_exist(kind, name))?;
        self.names.remove(&key);
        self.objects.remove(&id);
        if matches!(kind, ObjectKind::Database | ObjectKind::Schema) {
            let objects = &mut self.objects;
            self.names.retain(|(_, child), id| {
                let inside = child.is_inside(kind, name);
                if inside {
                    objects.remove(id);
                }
                !inside
            });
        }
        Ok(())
    }

    /// The committed objects, as the store found them.
    pub(crate) fn restore(objects: Vec<Object>, last_id: u64) -> Self {
        let mut catalog = Self { last_id, ..Self::default() };
        for object in objects {
            let (key, id) = ((NameSpace::of(object.kind()), object.header().name.clone()), object.header().id);
            catalog.names.insert(key, id);
            catalog.objects.insert(id, Arc::new(object));
        }
        catalog
    }

    pub(crate) fn objects(&self) -> &HashMap<ObjectId, Arc<Object>> {
        &self.objects
    }

    pub(crate) fn last_id(&self) -> u64 {
        self.last_id
    }

    /// Whether any object was added, changed or removed.
    pub(crate) fn differs(&self, other: &Self) -> bool {
        let same = |(id, object): (&ObjectId, &Arc<Object>)| {
            other.objects.get(id).is_some_and(|other| Arc::ptr_eq(object, other))
        };
        self.objects.len() != other.objects.len() || !self.objects.iter().all(same)
    }

    /// As [`update`](Self::update), for an object that is known by its id; does nothing when it is not there.
    pub(crate) fn update_by_id<T: Entity>(&mut self, id: ObjectId, change: impl FnOnce(&mut T)) {
        if let Some(object) = self.objects.get_mut(&id).and_then(|object| T::of_mut(Arc::make_mut(object))) {
            change(object);
        }
    }

    fn require_parents(&self, kind: ObjectKind, name: &QualifiedName) -> Result<(), SqlError> {
        match kind {
            ObjectKind::Database | ObjectKind::Warehouse => Ok(()),
            ObjectKind::Schema => self.get::<Database>(&name.parent_database()).map(drop),
            _ => {
                self.get::<Database>(&name.parent_database())?;
                self.get::<Schema>(&name.parent_schema()).map(drop)
            }
        }
    }
}
