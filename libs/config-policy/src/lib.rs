//! Config policies: defaults, invariants and limits to an effective config, changes and violations.
//!
//! A [`Policy`] is parsed once per version; a [`Document`] is what somebody submits. [`resolve`] applies the policies of
//! the cluster and of one workspace to it and answers with the effective config, every change attributed to the section
//! and version that made it, and every violation. [`check`] says what is contradictory in the policies themselves.
//! Everything here is values in, values out.

mod check;
mod document;
mod input_error;
mod number;
mod policy;
mod resolution;
mod resolve;
mod scope;
mod value;

pub use check::{Consequences, Contradiction, Warning, check};
pub use document::{Document, Format, MAX_BYTES, MAX_DEPTH, MAX_NODES, emit, parse_config};
pub use input_error::{InputError, InputErrors};
pub use number::{Number, NumberKind};
pub use policy::{Policy, Section, WorkloadType};
pub use resolution::{Change, Resolution, Violation};
pub use resolve::resolve;
pub use scope::{Applicable, Attributed, LimitPrecedence, PriorityOrder, Scope, Settings};
pub use value::{Map, Value};
