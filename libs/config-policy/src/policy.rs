//! Policies as somebody wrote them, parsed strictly.

use std::fmt;

use crate::input_error::InputErrors;

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
}

impl Policy {
    /// Reads a policy document (YAML 1.2 core schema or JSON).
    ///
    /// # Errors
    /// Every unknown section, unknown field, wrong type and negative limit; an empty policy; what is no document.
    pub fn parse(text: &str, workload: WorkloadType) -> Result<Self, InputErrors> {
        crate::document::parse_config(text.as_bytes())?;
        Ok(Self { workload })
    }

    /// The workload type it was written for.
    pub fn workload(&self) -> WorkloadType {
        self.workload
    }
}
