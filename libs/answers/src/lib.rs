//! The read services over a World: decisions, resolution, admission.
//!
//! Mounted by the policy service and by sidecars alike. Every call reads one [`Moment`]: one snapshot and one instant.

mod moment;
mod page;
mod reader;

pub use moment::Moment;
pub use page::{DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE, Page, filter_matches, next_page_token};
pub use reader::{Purpose, Reader, Staleness};
