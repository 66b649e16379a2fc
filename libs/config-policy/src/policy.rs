//! Policies as somebody wrote them, parsed strictly.

use std::fmt;

use crate::constraints::Constraints;
use crate::document::parse_config;
use crate::input_error::{InputError, InputErrors};
use crate::node::{Entry, NodeKind};
use crate::path::shown;
use crate::schema::schema;
use crate::shaper::{Author, Shaper, names};
use crate::traced::Traced;

/// A kind of workload that policies are set for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum WorkloadType {
    /// Training: one trial or a search over many.
    Experiment,
    /// Notebooks, shells, commands and TensorBoards.
    Task,
}

impl WorkloadType {
    /// Every workload type.
    pub const ALL: [Self; 2] = [Self::Experiment, Self::Task];

    /// The type of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|workload| workload.as_str() == name)
    }

    /// Its name on the wire and in commands.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Experiment => "experiment",
            Self::Task => "task",
        }
    }

    /// Whether a person sits before it while it runs.
    pub fn is_interactive(self) -> bool {
        match self {
            Self::Experiment => false,
            Self::Task => true,
        }
    }
}

impl fmt::Display for WorkloadType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A section of a policy document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Section {
    /// Used where the user says nothing.
    Defaults,
    /// Always so.
    InvariantConfig,
    /// Limits on what is left.
    Constraints,
}

impl Section {
    /// Every section, in the order they are applied.
    pub const ALL: [Self; 3] = [Self::Defaults, Self::InvariantConfig, Self::Constraints];

    /// Its name in a policy document.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Defaults => "defaults",
            Self::InvariantConfig => "invariant_config",
            Self::Constraints => "constraints",
        }
    }
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A policy for one workload type, ready to be applied.
#[derive(Clone, Debug)]
pub struct Policy {
    workload: WorkloadType,
    defaults: Option<Traced>,
    invariants: Option<Traced>,
    constraints: Constraints,
}

impl Policy {
    /// Reads a policy document (YAML 1.2 core schema or JSON).
    ///
    /// # Errors
    /// Every unknown section, unknown field, wrong type and negative limit; an empty policy; what is no document.
    pub fn parse(text: &str, workload: WorkloadType) -> Result<Self, InputErrors> {
        let document = parse_config(text.as_bytes())?;
        let root = document.root();
        let mut policy = Self { workload, defaults: None, invariants: None, constraints: Constraints::default() };
        let mut shaper = Shaper::new(Author::Policy);
        if let NodeKind::Map(entries) = &root.kind {
            for entry in entries {
                shaper.at_field(&entry.key, |shaper| policy.read_section(shaper, entry));
            }
        }
        if !shaper.errors.is_empty() {
            return Err(InputErrors(shaper.errors));
        }
        if policy.defaults.is_none() && policy.invariants.is_none() && policy.constraints.is_empty() {
            return Err(InputErrors::from(InputError {
                path: String::new(),
                line: root.at.line,
                column: root.at.column,
                message: format!("the policy is empty: it needs one of the sections {}", section_names()),
            }));
        }
        Ok(policy)
    }

    /// The workload type it was written for.
    pub fn workload(&self) -> WorkloadType {
        self.workload
    }

    /// What the section sets; `None` where it sets nothing.
    pub(crate) fn values(&self, section: Section) -> Option<&Traced> {
        match section {
            Section::Defaults => self.defaults.as_ref(),
            Section::InvariantConfig => self.invariants.as_ref(),
            Section::Constraints => None,
        }
    }

    pub(crate) fn constraints(&self) -> &Constraints {
        &self.constraints
    }

    /// An empty section is an absent section.
    fn read_section(&mut self, shaper: &mut Shaper, entry: &Entry) {
        let Some(section) = Section::ALL.into_iter().find(|section| section.as_str() == entry.key) else {
            let known = section_names();
            let key = shown(&entry.key);
            shaper.refuse(entry.at, format!("the section `{key}` is not known; known sections: {known}"));
            return;
        };
        let node = &entry.node;
        if node.is_null() {
            return;
        }
        let NodeKind::Map(fields) = &node.kind else {
            shaper.refuse(node.at, format!("must be a map, not {}", node.type_name()));
            return;
        };
        let values = |shaper: &mut Shaper| {
            let shaped = shaper.shape(node, schema(self.workload));
            (!fields.is_empty()).then_some(shaped)
        };
        match section {
            Section::Defaults => self.defaults = values(shaper),
            Section::InvariantConfig => self.invariants = values(shaper),
            Section::Constraints => self.constraints = Constraints::read(shaper, node),
        }
    }
}

fn section_names() -> String {
    names(Section::ALL.iter().map(|section| section.as_str()))
}
