//! The generated servers: decode with every violation, ask the gate, encode.

mod binding_service;
mod config_policy_service;
mod decode;
mod encode;
mod role_service;
mod workspace_service;

use std::sync::Arc;

use reeve_api::policy::binding_service_server::BindingServiceServer;
use reeve_api::policy::config_policy_service_server::ConfigPolicyServiceServer;
use reeve_api::policy::role_service_server::RoleServiceServer;
use reeve_api::policy::workspace_service_server::WorkspaceServiceServer;
use reeve_chassis::{MAX_MESSAGE_BYTES, Services};

use crate::app::App;

/// Every server of this service.
pub(crate) fn services(app: &Arc<App>) -> Services {
    let workspaces = workspace_service::Workspaces(Arc::clone(app));
    let bindings = binding_service::Bindings(Arc::clone(app));
    let policies = config_policy_service::ConfigPolicies(Arc::clone(app));
    Services::new()
        .mount(WorkspaceServiceServer::new(workspaces).max_decoding_message_size(MAX_MESSAGE_BYTES))
        .mount(RoleServiceServer::new(role_service::Roles).max_decoding_message_size(MAX_MESSAGE_BYTES))
        .mount(BindingServiceServer::new(bindings).max_decoding_message_size(MAX_MESSAGE_BYTES))
        .mount(ConfigPolicyServiceServer::new(policies).max_decoding_message_size(MAX_MESSAGE_BYTES))
}
