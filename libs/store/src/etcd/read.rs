//! Reads: one key, or a page of them.

use std::sync::atomic::Ordering;

use bytes::Bytes;
use etcd_client::GetOptions;
use etcd_client::proto::PbKeyValue;
use reeve_model::Revision;

use super::core::{Core, Range};
use super::failure::Failure;
use super::keys::{Known, after as next_key, number, revision};
use crate::{Key, MAX_PAGE_BYTES, MAX_PAGE_ITEMS, Page, StoreError, Versioned, is_reserved};

/// Items that are asked for at once at first, and at most. The client decodes four mebibytes at once.
pub(super) const CHUNK: usize = 256;
const LARGEST_CHUNK: usize = 1024;

impl Core {
    /// The key's value now.
    pub(super) async fn get(&self, key: &Key) -> Result<Option<Versioned>, StoreError> {
        if key.as_str().is_empty() || is_reserved(key) {
            return Ok(None);
        }
        let range = self.range(self.space.physical(key.as_str()), GetOptions::new()).await?;
        range.items.into_iter().next().map(|item| versioned(key.clone(), item)).transpose()
    }

    /// Keys under `prefix`.
    pub(super) async fn list(
        &self,
        prefix: &str,
        after: Option<&Key>,
        limit: usize,
        at: Option<Revision>,
    ) -> Result<Page, StoreError> {
        let limit = limit.min(MAX_PAGE_ITEMS);
        let (start, end) = self.space.range(prefix);
        let after = after.map(|key| next_key(self.space.physical(key.as_str())));
        let mut listing = Listing { start: after.map_or(start.clone(), |after| after.max(start)), end, limit, at };
        let mut page = Page { items: Vec::new(), revision: Revision::ZERO, more: true };
        let mut bytes = 0;
        loop {
            let range = self.chunk(&listing, limit + 1 - page.items.len()).await?;
            let shown = *listing.at.get_or_insert(range.revision);
            page.revision = shown;
            for item in range.items {
                listing.start = next_key(item.key.clone());
                let Known::Key(key) = self.space.known(&item.key)? else { continue };
                bytes += item.key.len() + item.value.len();
                if page.items.len() == listing.limit || (bytes > MAX_PAGE_BYTES && !page.items.is_empty()) {
                    return Ok(page);
                }
                page.items.push(versioned(key, item)?);
            }
            if !range.more {
                page.more = false;
                return Ok(page);
            }
        }
    }

    /// The next keys of a list: as many as are wanted, or as fit into an answer.
    async fn chunk(&self, listing: &Listing, wanted: usize) -> Result<Range, StoreError> {
        loop {
            let most = self.chunk.load(Ordering::Relaxed);
            let count = wanted.min(most);
            match self.range(listing.from(), listing.options(count)).await {
                Ok(range) => {
                    if range.more && count == most {
                        // Answers that fit may be larger again, slowly: one that does not fit was made for nothing.
                        self.chunk.store((most + most / 4 + 1).min(LARGEST_CHUNK), Ordering::Relaxed);
                    }
                    return Ok(range);
                }
                Err(Failure::TooLarge) if count > 1 => self.chunk.store((count / 2).max(1), Ordering::Relaxed),
                Err(failure) => match listing.at {
                    Some(at) => {
                        if let Some(error) = self.at_a_revision(at, failure).await {
                            return Err(error);
                        }
                    }
                    None => return Err(failure.into()),
                },
            }
        }
    }
}

/// What is still to be listed.
struct Listing {
    start: Vec<u8>,
    end: Vec<u8>,
    limit: usize,
    at: Option<Revision>,
}

impl Listing {
    fn from(&self) -> Vec<u8> {
        self.start.clone()
    }

    fn options(&self, count: usize) -> GetOptions {
        let options = if self.start < self.end {
            GetOptions::new().with_range(self.end.clone()).with_limit(i64::try_from(count).unwrap_or(i64::MAX))
        } else {
            // Nothing can follow: what is asked for is the revision alone.
            GetOptions::new().with_count_only()
        };
        match self.at {
            Some(at) => options.with_revision(number(at)),
            None => options,
        }
    }
}

fn versioned(key: Key, item: PbKeyValue) -> Result<Versioned, StoreError> {
    Ok(Versioned { key, value: Bytes::from(item.value), mod_revision: revision(item.mod_revision)? })
}
