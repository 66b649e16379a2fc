//! What is wrong with a request, field by field, all at once.

/// One field that is wrong, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldViolation {
    /// The field's path in the request, as the contract names it: `grants[2].role`.
    pub field: String,
    /// What is wrong with it and what would be right.
    pub description: String,
}

/// Collects every wrong field of a request before it is refused.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Violations(Vec<FieldViolation>);

impl Violations {
    /// Nothing wrong so far.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Notes that `field` is wrong.
    pub fn add(&mut self, field: impl Into<String>, description: impl ToString) {
        self.0.push(FieldViolation { field: field.into(), description: description.to_string() });
    }

    /// The value, or a note that `field` is wrong.
    pub fn take<T, E: ToString>(&mut self, field: impl Into<String>, result: Result<T, E>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                self.add(field, error.to_string());
                None
            }
        }
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What is wrong, in the order it was found.
    pub fn into_vec(self) -> Vec<FieldViolation> {
        self.0
    }

    /// What is wrong, in the order it was found.
    pub fn as_slice(&self) -> &[FieldViolation] {
        &self.0
    }
}
