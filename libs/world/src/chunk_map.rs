//! An ordered map whose copies share what they have in common.
//!
//! Two levels: a vector of chunks, each a sorted vector. A copy costs one reference count; a change copies one chunk and
//! the vector of chunks, and nothing at all while no other copy exists, as when a snapshot is loaded. Lookups are two binary searches.

use std::borrow::Borrow;
use std::collections::HashSet;
use std::sync::Arc;

/// Most entries of a chunk; a full one is split in two.
const CHUNK_MAX: usize = 256;

type Chunk<K, V> = Arc<Vec<(K, V)>>;

/// An ordered map with cheap copies.
#[derive(Debug)]
pub struct ChunkMap<K, V> {
    /// Never empty chunks, in key order.
    chunks: Arc<Vec<Chunk<K, V>>>,
    len: usize,
}

impl<K, V> Clone for ChunkMap<K, V> {
    fn clone(&self) -> Self {
        Self { chunks: Arc::clone(&self.chunks), len: self.len }
    }
}

impl<K, V> Default for ChunkMap<K, V> {
    fn default() -> Self {
        Self { chunks: Arc::new(Vec::new()), len: 0 }
    }
}

impl<K: Ord + Clone, V: Clone> ChunkMap<K, V> {
    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The value of `key`.
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        let chunk = self.chunks.get(self.chunk_of(key)?)?;
        let at = chunk.binary_search_by(|(k, _)| k.borrow().cmp(key)).ok()?;
        chunk.get(at).map(|(_, value)| value)
    }

    /// Sets the value of `key`; answers what it was.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        let at = self.chunk_of(&key).unwrap_or(0);
        let chunks = Arc::make_mut(&mut self.chunks);
        let Some(chunk) = chunks.get_mut(at) else {
            chunks.push(Arc::new(vec![(key, value)]));
            self.len += 1;
            return None;
        };
        let entries = Arc::make_mut(chunk);
        match entries.binary_search_by(|(k, _)| k.cmp(&key)) {
            Ok(found) => entries.get_mut(found).map(|entry| std::mem::replace(&mut entry.1, value)),
            Err(free) => {
                entries.insert(free, (key, value));
                self.len += 1;
                if entries.len() > CHUNK_MAX {
                    let upper = entries.split_off(CHUNK_MAX / 2);
                    chunks.insert(at + 1, Arc::new(upper));
                }
                None
            }
        }
    }

    /// Removes `key`; answers what it was.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let at = self.chunk_of(key)?;
        let found = self.chunks.get(at)?.binary_search_by(|(k, _)| k.borrow().cmp(key)).ok()?;
        let chunks = Arc::make_mut(&mut self.chunks);
        let entries = Arc::make_mut(chunks.get_mut(at)?);
        let (_, value) = entries.remove(found);
        if entries.is_empty() {
            chunks.remove(at);
        }
        self.len -= 1;
        Some(value)
    }

    /// Every entry, in key order.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.chunks.iter().flat_map(|chunk| chunk.iter()).map(|(key, value)| (key, value))
    }

    /// The entries whose keys come after `key`, in key order; none means all.
    pub fn after(&self, key: Option<&K>) -> impl Iterator<Item = (&K, &V)> {
        let chunk = key.and_then(|key| self.chunk_of(key)).unwrap_or(0);
        let rest = self.chunks.get(chunk..).unwrap_or_default();
        let entries = rest.iter().flat_map(|chunk| chunk.iter()).map(|(key, value)| (key, value));
        entries.skip_while(move |(k, _)| key.is_some_and(|key| *k <= key))
    }

    /// The keys that this map has and `other` has not, in key order. What both share is not looked at, so between two states
    /// of one map this costs what changed.
    pub fn keys_not_in<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = &'a K> {
        // the vector itself is shared by copies that nobody has changed since
        let changed = if Arc::ptr_eq(&self.chunks, &other.chunks) { &[][..] } else { self.chunks.as_slice() };
        let shared: HashSet<*const Vec<(K, V)>> = match changed {
            [] => HashSet::new(),
            _ => other.chunks.iter().map(Arc::as_ptr).collect(),
        };
        let changed = changed.iter().filter(move |chunk| !shared.contains(&Arc::as_ptr(chunk)));
        changed.flat_map(|chunk| chunk.iter()).map(|(key, _)| key).filter(|key| other.get(*key).is_none())
    }

    /// The chunk that holds `key`, or would: the last that does not begin after it, or else the first.
    fn chunk_of<Q: Ord + ?Sized>(&self, key: &Q) -> Option<usize>
    where
        K: Borrow<Q>,
    {
        if self.chunks.is_empty() {
            return None;
        }
        let begins_by = |chunk: &Chunk<K, V>| chunk.first().is_some_and(|(first, _)| first.borrow() <= key);
        Some(self.chunks.partition_point(begins_by).saturating_sub(1))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_behaves_as_a_btree_map_and_copies_stay_as_they_were(
            ops in prop::collection::vec((any::<bool>(), 0u16..2000, any::<u8>()), 0..3000),
            cut in 0usize..3000,
            from in 0u16..2000,
        ) {
            let (mut map, mut model) = (ChunkMap::default(), BTreeMap::new());
            let mut copy = None;
            for (at, (insert, key, value)) in ops.into_iter().enumerate() {
                if at == cut {
                    copy = Some((map.clone(), model.clone()));
                }
                if insert {
                    prop_assert_eq!(map.insert(key, value), model.insert(key, value));
                } else {
                    prop_assert_eq!(map.remove(&key), model.remove(&key));
                }
                prop_assert_eq!(map.len(), model.len());
            }
            if let Some((earlier, was)) = &copy {
                prop_assert!(map.keys_not_in(earlier).eq(model.keys().filter(|key| !was.contains_key(key))));
                prop_assert!(earlier.keys_not_in(&map).eq(was.keys().filter(|key| !model.contains_key(key))));
                let same = map.clone();
                prop_assert!(map.keys_not_in(&same).next().is_none());
            }
            for (map, model) in copy.into_iter().chain([(map, model)]) {
                prop_assert!(map.iter().eq(model.iter()));
                prop_assert!(map.after(Some(&from)).eq(model.range(from + 1..)));
                prop_assert!((0..2000).all(|key| map.get(&key) == model.get(&key)));
            }
        }
    }
}
