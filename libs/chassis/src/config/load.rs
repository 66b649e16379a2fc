//! Reads a configuration, and finds everything that is wrong with it.

use std::path::Path;

use figment::Figment;
use figment::providers::Serialized;
use figment::value::{Dict, Value};
use reeve_model::Violations;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::layer::Layer;
use super::{ConfigError, ConfigErrors, Overrides, Validate};

/// Most bytes of a configuration file.
pub const MAX_CONFIG_BYTES: u64 = 1024 * 1024;
/// Most wrong values that are looked for; whoever has more repairs those first.
pub const MAX_CONFIG_ERRORS: usize = 100;

/// The configuration that is in force: defaults, then `file`, then `environment`, then `overrides`.
///
/// `T`'s default, serialised, says which keys there are: every field must be in it, absent ones as none. A section
/// that is empty by default takes any key. Secrets have no default.
///
/// # Errors
/// Every unknown key, every value of the wrong form, and everything that [`Validate`] finds in what is left.
pub fn load<T: DeserializeOwned + Serialize + Default + Validate>(
    file: Option<&Path>,
    environment: impl Iterator<Item = (String, String)>,
    overrides: Overrides,
) -> Result<T, ConfigErrors> {
    let defaults = Value::serialize(T::default()).map_err(|error| {
        let problem = format!("the defaults have no form: {}", error.kind);
        ConfigErrors(vec![ConfigError { key: error.path.join("."), origin: String::new(), problem }])
    })?;
    let mut errors = Vec::new();
    let mut layers = Vec::new();
    if let Some(path) = file {
        layers.extend(Layer::of_file(path).map_err(|error| errors.push(error)));
    }
    layers.extend(Layer::of_environment(environment, &defaults).map_err(|more| errors.extend(more)));
    layers.push(Layer::of_overrides(overrides));
    let known = defaults.as_dict().cloned().unwrap_or_default();
    for layer in &mut layers {
        let mut unknown = Vec::new();
        let mut dict = std::mem::take(&mut layer.dict);
        take_unknown(&mut dict, &known, &mut Vec::new(), &mut unknown);
        layer.dict = dict;
        errors.extend(unknown.into_iter().map(|(key, problem)| {
            let origin = layer.origin(&key);
            ConfigError { key, origin, problem }
        }));
    }
    if let Some(config) = extract::<T>(&defaults, &mut layers, &mut errors) {
        let mut violations = Violations::new();
        config.validate(&mut violations);
        for violation in violations.into_vec() {
            let origin = origin_of(&layers, &violation.field);
            errors.push(ConfigError { key: violation.field, origin, problem: violation.description });
        }
        if errors.is_empty() {
            return Ok(config);
        }
    }
    Err(ConfigErrors(errors))
}

/// Reads the values. One that cannot be read is noted and taken back, until all others are read.
fn extract<T: DeserializeOwned>(defaults: &Value, layers: &mut [Layer], errors: &mut Vec<ConfigError>) -> Option<T> {
    for _ in 0..MAX_CONFIG_ERRORS {
        let base = Figment::from(Serialized::defaults(defaults));
        let figment = layers.iter().fold(base, |figment, layer| figment.merge(layer));
        let error = match figment.extract::<T>() {
            Ok(config) => return Some(config),
            Err(error) => error,
        };
        if layers.iter_mut().rev().any(|layer| layer.reread(&error.path)) {
            continue;
        }
        let problem = error.kind.to_string();
        let said = layers.iter_mut().rev().find_map(|layer| {
            let path = layer.forget(&error.path)?;
            let key = path.join(".");
            Some(ConfigError { origin: layer.origin(&key), key, problem: problem.clone() })
        });
        let Some(said) = said else {
            // Nobody said it, so it is the default that cannot be read: nothing else will repair it.
            errors.push(ConfigError { key: error.path.join("."), origin: "default".to_owned(), problem });
            return None;
        };
        errors.push(said);
    }
    None
}

fn origin_of(layers: &[Layer], key: &str) -> String {
    let said = layers.iter().rev().find(|layer| Value::from(layer.dict.clone()).find_ref(key).is_some());
    said.map(|layer| layer.origin(key)).unwrap_or_default()
}

/// Takes the keys out of `dict` that `known` does not have, and says which.
fn take_unknown(dict: &mut Dict, known: &Dict, path: &mut Vec<String>, unknown: &mut Vec<(String, String)>) {
    dict.retain(|key, value| {
        path.push(key.clone());
        let keep = match (known.get(key), value) {
            (None, _) => {
                let keys = known.keys().map(String::as_str).collect::<Vec<_>>().join("`, `");
                unknown.push((path.join("."), format!("there is no such key; here are: `{keys}`")));
                false
            }
            (Some(Value::Dict(_, below)), Value::Dict(_, inner)) if !below.is_empty() => {
                take_unknown(inner, below, path, unknown);
                true
            }
            (Some(_), _) => true,
        };
        path.pop();
        keep
    });
}
