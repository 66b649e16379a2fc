//! The generated server: decode with every violation, ask the gate, encode.

mod agent_user_service;
mod messages;

use std::sync::Arc;

use reeve_api::agentmap::agent_user_service_server::AgentUserServiceServer;
use reeve_chassis::{MAX_MESSAGE_BYTES, Services};

use crate::app::App;

/// The server of this service.
pub(crate) fn services(app: &Arc<App>) -> Services {
    let agent_users = agent_user_service::AgentUsers(Arc::clone(app));
    Services::new().mount(AgentUserServiceServer::new(agent_users).max_decoding_message_size(MAX_MESSAGE_BYTES))
}
