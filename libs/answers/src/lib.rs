//! The read services over a World: decisions, resolution, admission, and the feed.
//!
//! Mounted by the policy service and by sidecars alike. Every call reads one [`Moment`]: one snapshot and one instant.

mod admission;
mod agent_user;
mod answers;
mod authenticate;
mod bearer;
mod config;
mod decision;
mod feed;
mod moment;
mod news;
mod page;
mod reader;
mod rows;
mod structs;

pub use answers::{Answers, Settings};
pub use feed::Feed;
pub use moment::Moment;
pub use page::{DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE, Page, filter_matches, next_page_token};
pub use reader::{Purpose, Reader, Staleness};
pub use rows::{ADMIT, FEED_ROWS, RESOLVE_AGENT_USER, RESOLVE_CONFIG, ROWS};
