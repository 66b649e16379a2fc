//! Config policies: defaults, invariants and limits to an effective config, changes and violations.
//!
//! A [`Policy`] is parsed once per version; a [`Document`] is what somebody submits. [`resolve`] applies the policies of
//! the cluster and of one workspace to it and answers with the effective config, every change attributed to the section
//! and version that made it, and every violation. [`check`] says what is contradictory in the policies themselves.
//! Everything here is values in, values out.
//!
//! ```
//! use reeve_config_policy::{
//!     Applicable, Attributed, LimitPrecedence, Policy, PriorityOrder, Scope, Settings, WorkloadType, parse_config, resolve,
//! };
//!
//! let text = "defaults: {max_restarts: 2}\nconstraints: {resources: {max_slots: 8}}";
//! let policy = Policy::parse(text, WorkloadType::Experiment)?;
//! let policies = Applicable {
//!     cluster: Some(Attributed { policy: &policy, scope: Scope::Cluster, version: 1 }),
//!     workspace: None,
//! };
//! let settings = Settings {
//!     limit_precedence: LimitPrecedence::StrictestWins,
//!     priority_order: PriorityOrder::LowerIsHigher,
//!     default_priority: None,
//! };
//! let config = parse_config(b"resources:\n  slots_per_trial: 16\n")?;
//! let resolution = resolve(WorkloadType::Experiment, &config, &policies, &settings)?;
//! assert_eq!(resolution.effective, "resources:\n  slots_per_trial: 16\nmax_restarts: 2\n");
//! assert_eq!(resolution.changes[0].path, "max_restarts");
//! assert_eq!(resolution.violations[0].path, "resources.slots_per_trial");
//! # Ok::<(), reeve_config_policy::InputErrors>(())
//! ```

mod builder;
mod caps;
mod check;
mod constraints;
mod diff;
mod document;
mod emit;
mod input_error;
mod json;
mod keyed;
mod layers;
mod limits;
mod merge;
mod node;
mod number;
mod path;
mod policy;
mod rebuild;
mod resolution;
mod resolve;
mod schema;
mod schema_experiment;
mod schema_shared;
mod schema_task;
mod scope;
mod shaper;
mod shapes;
mod traced;
mod value;
mod yaml;

pub use check::{Consequences, Contradiction, Warning, check};
pub use document::{Document, Format, MAX_BYTES, MAX_DEPTH, MAX_NODES, parse_config};
pub use emit::emit;
pub use input_error::{InputError, InputErrors};
pub use number::{Number, NumberKind};
pub use policy::{Policy, Section, WorkloadType};
pub use resolution::{Change, Resolution, Violation};
pub use resolve::resolve;
pub use scope::{Applicable, Attributed, LimitPrecedence, PriorityOrder, Scope, Settings};
pub use value::{Map, Value};
