//! Merge schemas: how the fields of a workload's config merge, and of what type they are.

use crate::policy::WorkloadType;
use crate::{schema_experiment, schema_task};

/// How a value merges and what it may be. A policy must fit it; a user's value that does not fit merges as what it is.
#[derive(Debug)]
pub(crate) enum Kind {
    /// Anything; maps merge by field.
    Any,
    Bool,
    Integer,
    Number,
    Text,
    /// One text, or a list of them; whole.
    TextOrTexts,
    /// A number of bytes, or text with a unit; whole.
    ByteSize,
    /// A number, or a map of one unit to a number; whole.
    Length,
    /// A list whose items are of one kind; the winner's replaces.
    List(&'static Kind),
    /// A map with known fields.
    Fields(&'static [Field]),
    /// A map with fields that depend on its kind.
    Union(&'static Union),
    /// A list whose items have keys.
    Keyed(&'static Keyed),
    /// `NAME=value` texts, in a list or per device.
    Variables,
    /// One text, or one per device.
    Image,
    /// Hyperparameters by name, nested or not.
    Hyperparameters,
    /// A set of texts.
    Labels,
}

/// A known field of a map.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
}

/// A map whose other fields depend on one field, its tag.
#[derive(Debug)]
pub(crate) struct Union {
    pub(crate) tag: &'static str,
    /// Fields that every kind has, the tag aside.
    pub(crate) common: &'static [Field],
    /// The fields of each kind by the tag's value.
    pub(crate) kinds: &'static [(&'static str, &'static [Field])],
}

/// A list whose items have keys.
#[derive(Debug)]
pub(crate) struct Keyed {
    /// The field of an item that is its key.
    pub(crate) key: &'static str,
    pub(crate) form: KeyForm,
    pub(crate) fields: &'static [Field],
    pub(crate) shorthand: Option<Shorthand>,
}

/// How keys compare.
#[derive(Clone, Copy, Debug)]
pub(crate) enum KeyForm {
    /// As paths: `/data/` is `/data`.
    Path,
    /// As numbers: `8888` is `"8888"`.
    Port,
    /// As text.
    Text,
}

/// How an item may be written as one text.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shorthand {
    /// `host:container[:ro|rw]`.
    Mount,
    /// `host:container[:mode]`.
    Device,
}

impl Kind {
    /// What a value of this kind is called in messages.
    pub(crate) fn expected(&self) -> &'static str {
        match self {
            Self::Any => "anything",
            Self::Bool => "a boolean",
            Self::Integer => "an integer",
            Self::Number => "a number",
            Self::Text => "text",
            Self::TextOrTexts => "text or a list of text",
            Self::ByteSize => "a number of bytes or text with a unit",
            Self::Length => "a number or a map of one unit to a number",
            Self::List(_) | Self::Keyed(_) => "a list",
            Self::Fields(_) | Self::Union(_) | Self::Hyperparameters => "a map",
            Self::Variables => "a list of `NAME=value`, or a map of such lists by `cpu`, `cuda` and `rocm`",
            Self::Image => "text, or a map of text by `cpu`, `cuda` and `rocm`",
            Self::Labels => "a list of text",
        }
    }
}

impl Union {
    /// The fields that only this kind has; `None` for a kind that is not known.
    pub(crate) fn fields_of(&self, kind: &str) -> Option<&'static [Field]> {
        self.kinds.iter().find(|(name, _)| *name == kind).map(|(_, fields)| *fields)
    }

    pub(crate) fn is_common(&self, name: &str) -> bool {
        field(self.common, name).is_some()
    }

    /// The kind of a field that any of the kinds has.
    pub(crate) fn field_of_any(&self, name: &str) -> Option<&'static Kind> {
        field(self.common, name).or_else(|| self.kinds.iter().find_map(|(_, fields)| field(fields, name)))
    }
}

/// The kind of a known field.
pub(crate) fn field(fields: &'static [Field], name: &str) -> Option<&'static Kind> {
    fields.iter().find(|field| field.name == name).map(|field| &field.kind)
}

/// The merge schema of a workload type.
pub(crate) fn schema(workload: WorkloadType) -> &'static Kind {
    match workload {
        WorkloadType::Experiment => &schema_experiment::EXPERIMENT,
        WorkloadType::Task => &schema_task::TASK,
    }
}

/// A known field, for the tables of schemas.
pub(crate) const fn known(name: &'static str, kind: Kind) -> Field {
    Field { name, kind }
}
