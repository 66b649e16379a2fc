//! One config under the policies that apply.

use crate::diff::{Difference, differences};
use crate::document::{Document, write_bounded};
use crate::input_error::InputErrors;
use crate::layers::lay;
use crate::limits::findings;
use crate::policy::WorkloadType;
use crate::rebuild::rebuild;
use crate::resolution::{Change, Resolution};
use crate::schema::schema;
use crate::scope::{Applicable, Settings};
use crate::shaper::{Author, Shaper};
use crate::value::Value;

/// What a config becomes: defaults, the user's config, invariants and caps in that order, then every limit checked.
///
/// # Errors
/// List items without their key, or a key twice in one list; a result larger than the bounds of a document, or with a
/// number that its format cannot write.
pub fn resolve(
    workload: WorkloadType,
    config: &Document,
    policies: &Applicable<'_>,
    settings: &Settings,
) -> Result<Resolution, InputErrors> {
    let mut shaper = Shaper::new(Author::User);
    let before = shaper.shape(config.root(), schema(workload));
    if !shaper.errors.is_empty() {
        return Err(InputErrors(shaper.errors));
    }
    let after = lay(workload, &before, policies, settings);
    let violations =
        findings(workload, &after, policies, settings).into_iter().map(|finding| finding.violation).collect();
    let differences = differences(&before, &after);
    let (effective, effective_value) = if differences.is_empty() {
        (config.text().to_owned(), config.value().clone())
    } else {
        let value = rebuild(&after, Some((&before, config.value())));
        (write_bounded(&value, config.format())?, value)
    };
    let changes = differences.into_iter().map(|difference| change(difference, policies)).collect();
    Ok(Resolution { effective, effective_value, changes, violations })
}

fn change(difference: Difference, policies: &Applicable<'_>) -> Change {
    let Difference { path, from, to, source } = difference;
    let type_changed = match (&from, &to) {
        (Some(Value::Null) | None, _) | (_, Some(Value::Null) | None) => false,
        (Some(from), Some(to)) => from.type_name() != to.type_name(),
    };
    let (scope, version) = policies.attribution(source.level);
    Change { path, from, to, type_changed, section: source.section, scope, version }
}
