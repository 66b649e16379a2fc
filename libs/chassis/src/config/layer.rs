//! One source of configuration: what it says, and its name.

use std::collections::BTreeMap;
use std::path::Path;
use std::str::FromStr as _;

use figment::providers::{Format, Toml, Yaml};
use figment::value::{Dict, Value};
use figment::{Metadata, Profile, Provider};
use serde::Serialize;

use super::{ConfigError, MAX_CONFIG_BYTES};

/// What the names of environment variables begin with.
pub const ENV_PREFIX: &str = "REEVE_";
/// What stands between the parts of a key there. A variable without it is no configuration key: `REEVE_SERVER` is the
/// command line's.
const ENV_SEPARATOR: &str = "__";

/// The environment variables of Reeve that are text. Others with the prefix cannot be meant.
pub fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

/// What the command line says, over everything else.
#[derive(Clone, Debug, Default)]
pub struct Overrides(Dict);

impl Overrides {
    /// Nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Says that the key at the dotted `path` is `value`; nothing where it is none.
    ///
    /// # Errors
    /// A value that has no form in a configuration.
    pub fn set(mut self, path: &str, value: Option<impl Serialize>) -> Result<Self, ConfigError> {
        let Some(value) = value else { return Ok(self) };
        let value = Value::serialize(value).map_err(|error| ConfigError {
            key: path.to_owned(),
            origin: "a flag".to_owned(),
            problem: error.kind.to_string(),
        })?;
        insert(&mut self.0, &path.split('.').map(str::to_owned).collect::<Vec<_>>(), value);
        Ok(self)
    }
}

/// What one source says.
pub(super) struct Layer {
    pub(super) dict: Dict,
    name: String,
    /// Environment variables by the path of their key.
    variables: BTreeMap<String, (String, String)>,
}

impl Layer {
    /// What a flag says.
    pub(super) fn of_overrides(overrides: Overrides) -> Self {
        Self { dict: overrides.0, name: "a flag".to_owned(), variables: BTreeMap::new() }
    }

    /// What a file says: TOML, or YAML where its name ends so.
    pub(super) fn of_file(path: &Path) -> Result<Self, ConfigError> {
        let name = path.display().to_string();
        let wrong = |problem: String| ConfigError { key: String::new(), origin: name.clone(), problem };
        let size = std::fs::metadata(path).map_err(|error| wrong(error.to_string()))?.len();
        if size > MAX_CONFIG_BYTES {
            return Err(wrong(format!("it is larger than {MAX_CONFIG_BYTES} bytes")));
        }
        let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
        let is_yaml = path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
        let data = if text.trim().is_empty() {
            Ok(BTreeMap::new())
        } else if is_yaml {
            Yaml::string(&text).data()
        } else {
            Toml::string(&text).data()
        };
        let mut data = data.map_err(|error| wrong(without_excerpt(&error.kind.to_string())))?;
        let dict = data.remove(&Profile::Default).unwrap_or_default();
        Ok(Self { dict, name, variables: BTreeMap::new() })
    }

    /// What the environment says. A value stays text where the key's default is text or absent; only elsewhere is it
    /// read as a number, a truth value or a list.
    pub(super) fn of_environment(
        variables: impl Iterator<Item = (String, String)>,
        defaults: &Value,
    ) -> Result<Self, Vec<ConfigError>> {
        let mut layer = Self { dict: Dict::new(), name: "environment".to_owned(), variables: BTreeMap::new() };
        let mut errors = Vec::new();
        let keys = variables.filter_map(|(name, value)| Some((path_of(&name)?, name, value)));
        // In order, so that the same environment always reads the same.
        for (path, name, text) in keys.collect::<std::collections::BTreeSet<_>>() {
            let key = path.join(".");
            let value = match defaults.find_ref(&key) {
                None | Some(Value::String(..) | Value::Char(..) | Value::Empty(..)) => Value::from(text.as_str()),
                Some(Value::Bool(..) | Value::Num(..) | Value::Dict(..) | Value::Array(..)) => parsed(&text),
            };
            if !insert(&mut layer.dict, &path, value) {
                let problem = "it is both a value and a section".to_owned();
                errors.push(ConfigError { key, origin: variable(&name), problem });
                continue;
            }
            layer.variables.insert(key, (name, text));
        }
        if errors.is_empty() { Ok(layer) } else { Err(errors) }
    }

    /// Where this source says the key, for people.
    pub(super) fn origin(&self, key: &str) -> String {
        let variable_name = self.variables.get(key).map(|(name, _)| variable(name));
        variable_name.unwrap_or_else(|| self.name.clone())
    }

    /// Reads a text from the environment once more, now as a number, a truth value or a list: what is absent by
    /// default does not say what it would be. Says whether that made a difference.
    pub(super) fn reread(&mut self, path: &[String]) -> bool {
        let Some((_, text)) = self.variables.get(&path.join(".")) else { return false };
        let value = parsed(text);
        if value == Value::from(text.as_str()) || value_at(&self.dict, path) == Some(&value) {
            return false;
        }
        insert(&mut self.dict, path, value)
    }

    /// Takes back what is said at the longest part of `path` that this source says anything at.
    pub(super) fn forget(&mut self, path: &[String]) -> Option<Vec<String>> {
        let said = (1..=path.len()).rev().filter_map(|length| path.get(..length)).find(|part| {
            // A section as a whole is not what is wrong with a key that it does not say.
            value_at(&self.dict, part).is_some_and(|value| part.len() == path.len() || value.as_dict().is_none())
        })?;
        remove(&mut self.dict, said);
        Some(said.to_vec())
    }
}

impl Provider for &Layer {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.name.clone())
    }

    fn data(&self) -> Result<figment::value::Map<Profile, Dict>, figment::Error> {
        Ok(BTreeMap::from([(Profile::Default, self.dict.clone())]))
    }
}

fn variable(name: &str) -> String {
    format!("environment variable {name}")
}

fn parsed(text: &str) -> Value {
    match Value::from_str(text) {
        Ok(value) => value,
        Err(never) => match never {},
    }
}

/// `REEVE_SERVER__LISTEN`: `server`, `listen`. None for a variable that is no configuration key.
fn path_of(name: &str) -> Option<Vec<String>> {
    let key = name.strip_prefix(ENV_PREFIX).filter(|key| key.contains(ENV_SEPARATOR))?;
    Some(key.split(ENV_SEPARATOR).map(str::to_lowercase).collect())
}

/// Puts a value at a path; not below, nor over a section of, something that is a value already.
fn insert(dict: &mut Dict, path: &[String], value: Value) -> bool {
    let Some((first, rest)) = path.split_first() else { return false };
    if rest.is_empty() {
        let clash = matches!(dict.get(first), Some(Value::Dict(..))) && value.as_dict().is_none();
        return !clash && {
            dict.insert(first.clone(), value);
            true
        };
    }
    let section = dict.entry(first.clone()).or_insert_with(|| Value::from(Dict::new()));
    match section {
        Value::Dict(_, inner) => insert(inner, rest, value),
        _ => false,
    }
}

fn value_at<'a>(dict: &'a Dict, path: &[String]) -> Option<&'a Value> {
    let (first, rest) = path.split_first()?;
    let value = dict.get(first)?;
    if rest.is_empty() { Some(value) } else { value_at(value.as_dict()?, rest) }
}

fn remove(dict: &mut Dict, path: &[String]) {
    match path.split_first() {
        Some((first, [])) => {
            dict.remove(first);
        }
        Some((first, rest)) => {
            if let Some(Value::Dict(_, inner)) = dict.get_mut(first) {
                remove(inner, rest);
            }
        }
        None => {}
    }
}

/// A parser's message without the line of the file that it shows: that line may hold a secret.
fn without_excerpt(text: &str) -> String {
    let kept: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.contains('|')).collect();
    kept.join(": ")
}
