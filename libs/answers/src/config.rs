//! `ResolveConfig`, and how configs, changes and violations travel.

use reeve_api::policy::workload_config::Form;
use reeve_api::policy::{
    ConfigChange, ConfigViolation, PriorityOrder as WirePriorityOrder, ResolveConfigRequest, ResolveConfigResponse,
    WorkloadConfig,
};
use reeve_chassis::{Authority, Failure, filtered};
use reeve_config_policy::{
    Change, Document, Format, InputErrors, PriorityOrder, Resolution, Value, Violation, WorkloadType, emit,
    parse_config,
};
use reeve_model::{Resource, Violations, WorkspaceName};
use reeve_world::{ConfigError, World};
use tonic::Request;

use crate::answers::{all_right, known_workspace};
use crate::rows::RESOLVE_CONFIG;
use crate::structs::{from_struct, to_struct};
use crate::{Answers, Purpose};

impl Answers {
    /// Applies the policies that hold in a workspace to a config.
    ///
    /// # Errors
    /// [`Failure::Invalid`], and [`Failure::Denied`] for who may not submit there.
    pub async fn resolve_config(
        &self,
        request: Request<ResolveConfigRequest>,
    ) -> Result<ResolveConfigResponse, Failure> {
        let granted = filtered(request.extensions(), &RESOLVE_CONFIG)?;
        let (metadata, request) = (request.metadata(), request.get_ref());
        let mut violations = Violations::new();
        let workspace = violations.take("workspace", WorkspaceName::parse(&request.workspace));
        let workload = read_workload(&request.workload_type, &mut violations);
        let config = read_config(request.config.as_ref(), &mut violations);
        let order = self.priority_order(request.priority_order, &mut violations);
        let (Some(workspace), Some(workload), Some(config), Some(order)) = (workspace, workload, config, order) else {
            return Err(Failure::Invalid(violations));
        };
        all_right(violations)?;
        let moment = self.reader.at(metadata, request.consistency.as_ref(), Purpose::Decision).await?;
        let known = known_workspace(&moment, granted.caller(), &workspace)?;
        let (permission, resource) = (World::submission_permission(workload), Resource::workspace(&workspace));
        if !moment.holds(granted.caller(), permission, &resource)? {
            return Err(Failure::Denied { permission, resource });
        }
        let default_priority = request.default_priority.or(self.settings.default_priority);
        let resolution = moment
            .world()
            .resolve_config(known, workload, &config.document, order, default_priority)
            .map_err(unresolved)?;
        Ok(ResolveConfigResponse {
            effective_config: Some(config.answer(&resolution)),
            changes: resolution.changes.iter().map(change).collect(),
            violations: resolution.violations.iter().map(violation).collect(),
            revision: moment.revision().get(),
        })
    }

    /// What a request says of priorities, or else the configuration.
    pub(crate) fn priority_order(&self, wire: i32, violations: &mut Violations) -> Option<PriorityOrder> {
        match WirePriorityOrder::try_from(wire) {
            Ok(WirePriorityOrder::Unspecified) => Some(self.settings.priority_order),
            Ok(WirePriorityOrder::LowerIsHigher) => Some(PriorityOrder::LowerIsHigher),
            Ok(WirePriorityOrder::HigherIsHigher) => Some(PriorityOrder::HigherIsHigher),
            Ok(WirePriorityOrder::None) => Some(PriorityOrder::None),
            Err(_) => {
                violations.add("priority_order", format!("{wire} is not one of the enum's values"));
                None
            }
        }
    }
}

/// A config, and the form it came in.
pub(crate) struct ReadConfig {
    pub(crate) document: Document,
    form: ConfigForm,
}

#[derive(Clone, Copy)]
enum ConfigForm {
    Text,
    Object,
}

impl ReadConfig {
    /// The effective config, in the form that the config came in.
    pub(crate) fn answer(&self, resolution: &Resolution) -> WorkloadConfig {
        let form = match self.form {
            ConfigForm::Text => Form::Text(resolution.effective.clone()),
            ConfigForm::Object => Form::Object(to_struct(&resolution.effective_value)),
        };
        WorkloadConfig { form: Some(form) }
    }
}

pub(crate) fn read_config(config: Option<&WorkloadConfig>, violations: &mut Violations) -> Option<ReadConfig> {
    let (document, form, field) = match config.and_then(|config| config.form.as_ref()) {
        Some(Form::Text(text)) => (parse_config(text.as_bytes()), ConfigForm::Text, "config.text"),
        Some(Form::Object(object)) => match from_struct(object) {
            Ok(value) => (Document::from_value(value, Format::Json), ConfigForm::Object, "config.object"),
            Err(error) => {
                violations.add("config.object", error);
                return None;
            }
        },
        None => {
            violations.add("config", "is missing: give the configuration as `text` or as `object`");
            return None;
        }
    };
    match document {
        Ok(document) => Some(ReadConfig { document, form }),
        Err(errors) => {
            add_all(errors, field, violations);
            None
        }
    }
}

fn add_all(errors: InputErrors, field: &str, violations: &mut Violations) {
    for error in errors.0 {
        violations.add(field, error);
    }
}

pub(crate) fn read_workload(text: &str, violations: &mut Violations) -> Option<WorkloadType> {
    let workload = WorkloadType::parse(text);
    if workload.is_none() {
        let shown: String = text.chars().take(80).flat_map(char::escape_default).collect();
        violations.add("workload_type", format!("`{shown}` is not a workload type: it is `experiment` or `task`"));
    }
    workload
}

pub(crate) fn unresolved(error: ConfigError) -> Failure {
    match error {
        ConfigError::Input(errors) => {
            let mut violations = Violations::new();
            add_all(errors, "config", &mut violations);
            Failure::Invalid(violations)
        }
        ConfigError::Defect(defect) => Failure::internal(defect),
    }
}

fn json(value: Option<&Value>) -> String {
    value.map(|value| emit(value, Format::Json).trim_end().to_owned()).unwrap_or_default()
}

pub(crate) fn change(change: &Change) -> ConfigChange {
    ConfigChange {
        path: change.path.clone(),
        from_json: json(change.from.as_ref()),
        to_json: json(change.to.as_ref()),
        section: change.section.as_str().to_owned(),
        scope: change.scope.to_string(),
        policy_version: change.version,
    }
}

pub(crate) fn violation(violation: &Violation) -> ConfigViolation {
    ConfigViolation {
        path: violation.path.clone(),
        value_json: json(violation.value.as_ref()),
        limit: violation.limit_name.to_owned(),
        limit_json: json(Some(&violation.limit)),
        scope: violation.scope.to_string(),
        policy_version: violation.version,
        message: violation.message.clone(),
    }
}
