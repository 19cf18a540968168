//! A part of the world that is cheap to store and to copy as long as it stays as it is.
//!
//! The world is stored after each call that changes it, and copied before, in case the call is refused; a call changes
//! one or two objects of hundreds.

use std::collections::{BTreeMap, btree_map};
use std::iter::Map;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::{RawValue, to_raw_value};

/// A value, its copies, and its JSON once it was stored. Whoever takes it mutably makes it be written anew.
#[derive(Clone, Debug, Default)]
pub struct Kept<T> {
    value: Arc<T>,
    text: OnceLock<Arc<RawValue>>,
}

impl<T> Kept<T> {
    /// The value, for somebody who keeps it longer.
    #[must_use]
    pub fn share(&self) -> Arc<T> {
        Arc::clone(&self.value)
    }
}

impl<T> From<T> for Kept<T> {
    fn from(value: T) -> Self {
        Self { value: Arc::new(value), text: OnceLock::new() }
    }
}

impl<T> Deref for Kept<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: Clone> DerefMut for Kept<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.text = OnceLock::new();
        Arc::make_mut(&mut self.value)
    }
}

impl<T: PartialEq> PartialEq for Kept<T> {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.value, &other.value) || self.value == other.value
    }
}

impl<T: Eq> Eq for Kept<T> {}

impl<T: Serialize> Serialize for Kept<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = match self.text.get() {
            Some(text) => text,
            None => {
                let text = to_raw_value(&self.value).map_err(serde::ser::Error::custom)?;
                self.text.get_or_init(|| Arc::from(text))
            }
        };
        text.serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Kept<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer).map(Self::from)
    }
}

/// Objects by their ids or names, each of them [`Kept`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Table<T>(BTreeMap<String, Kept<T>>);

/// Objects in the order of their ids.
pub type Values<'t, T> = Map<btree_map::Values<'t, String, Kept<T>>, fn(&'t Kept<T>) -> &'t T>;

/// Objects with their ids, in that order.
pub type Iter<'t, T> = Map<btree_map::Iter<'t, String, Kept<T>>, fn((&'t String, &'t Kept<T>)) -> (&'t String, &'t T)>;

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T> Table<T> {
    /// The object with an id.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&T> {
        self.0.get(id).map(|kept| &**kept)
    }

    /// The object with an id, and that id.
    #[must_use]
    pub fn get_key_value(&self, id: &str) -> Option<(&String, &T)> {
        self.0.get_key_value(id).map(|(id, kept)| (id, &**kept))
    }

    /// Whether there is one with an id.
    #[must_use]
    pub fn contains_key(&self, id: &str) -> bool {
        self.0.contains_key(id)
    }

    /// All of them, in the order of their ids.
    pub fn values(&self) -> Values<'_, T> {
        self.0.values().map(Kept::deref)
    }

    /// All of them with their ids, in that order.
    pub fn iter(&self) -> Iter<'_, T> {
        self.0.iter().map(|(id, kept)| (id, &**kept))
    }

    /// Their ids, in order.
    pub fn keys(&self) -> btree_map::Keys<'_, String, Kept<T>> {
        self.0.keys()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Puts one in; gives what had the id before.
    pub fn insert(&mut self, id: String, object: impl Into<Kept<T>>) -> Option<Kept<T>> {
        self.0.insert(id, object.into())
    }

    /// Takes one out.
    pub fn remove(&mut self, id: &str) -> Option<Kept<T>> {
        self.0.remove(id)
    }
}

impl<T: Clone> Table<T> {
    /// The object with an id, to be changed.
    pub fn get_mut(&mut self, id: &str) -> Option<&mut T> {
        self.0.get_mut(id).map(|kept| &mut **kept)
    }

    /// All of them, in the order of their ids; those that are only looked at stay as they are stored.
    pub fn values_mut(&mut self) -> btree_map::ValuesMut<'_, String, Kept<T>> {
        self.0.values_mut()
    }

    /// Takes out all for which it is false.
    pub fn retain(&mut self, mut keep: impl FnMut(&String, &T) -> bool) {
        self.0.retain(|id, kept| keep(id, kept));
    }
}

impl<'t, T> IntoIterator for &'t Table<T> {
    type Item = (&'t String, &'t T);
    type IntoIter = Iter<'t, T>;

    fn into_iter(self) -> Iter<'t, T> {
        self.iter()
    }
}

impl<T> Extend<(String, T)> for Table<T> {
    fn extend<I: IntoIterator<Item = (String, T)>>(&mut self, objects: I) {
        self.0.extend(objects.into_iter().map(|(id, object)| (id, object.into())));
    }
}

impl<T> FromIterator<(String, T)> for Table<T> {
    fn from_iter<I: IntoIterator<Item = (String, T)>>(objects: I) -> Self {
        let mut table = Self::default();
        table.extend(objects);
        table
    }
}

impl<T> std::ops::Index<&str> for Table<T> {
    type Output = T;

    fn index(&self, id: &str) -> &T {
        &self.0[id]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_is_what_it_is_now() {
        let mut kept = Kept::from(vec![1, 2]);
        assert_eq!(serde_json::to_string(&kept).expect("it is stored"), "[1,2]");
        let before = kept.clone();
        kept.push(3);
        assert_eq!(serde_json::to_string(&kept).expect("it is stored"), "[1,2,3]");
        assert_eq!(serde_json::to_string(&before).expect("it is stored"), "[1,2]");
        assert_ne!(kept, before);
        assert_eq!(serde_json::from_str::<Kept<Vec<u8>>>("[1,2]").expect("it is read"), Kept::from(vec![1, 2]));
        assert_eq!(serde_json::to_value(&kept).expect("it is a value"), serde_json::json!([1, 2, 3]));
    }
}
