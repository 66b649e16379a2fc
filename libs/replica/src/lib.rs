//! One reflector: a store watch or a gRPC feed becomes the current World; and the feed server.
//!
//! A [`Replica`] is the lock-free pointer to the newest [`Snapshot`]. The reflector ([`follow`]) keeps it current from a
//! [`Source`]: the store's watch in a service ([`StoreSource`]), another service's feed in a sidecar ([`FeedSource`]). Both are
//! the same records at the same revisions, applied by the same code.

mod digest;
mod feed_server;
mod feed_source;
mod history;
mod reflector;
mod removed;
mod replica;
mod snapshot;
mod source;
mod store_source;
mod trouble;
mod wire;

pub use digest::Digest;
pub use feed_server::{Feed, FeedError, FeedServer, HEARTBEAT_INTERVAL};
pub use feed_source::{Connect, FeedSource};
pub use reflector::follow;
pub use replica::{Barrier, ReadError, Replica, View};
pub use snapshot::Snapshot;
pub use source::{Source, SourceError, SourceEvent, StoredRecord};
pub use store_source::StoreSource;
pub use wire::{DecodeError, SCHEMA, decode, encode, etag};
