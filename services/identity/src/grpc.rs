//! The wire: decode, authorise, call `app/`, encode. Messages of the contract stop here.

mod access;
mod encode;
mod group;
mod read;
mod robot;
mod session;
mod token;
mod user;

use reeve_api::identity::access_service_server::AccessServiceServer;
use reeve_api::identity::group_service_server::GroupServiceServer;
use reeve_api::identity::robot_service_server::RobotServiceServer;
use reeve_api::identity::session_service_server::SessionServiceServer;
use reeve_api::identity::token_service_server::TokenServiceServer;
use reeve_api::identity::user_service_server::UserServiceServer;
use reeve_chassis::{MAX_MESSAGE_BYTES, Services};

use crate::IdentityService;

impl IdentityService {
    /// The generated servers; their rows are [`ROWS`](crate::ROWS).
    pub fn services(&self) -> Services {
        Services::new()
            .mount(SessionServiceServer::new(self.clone()).max_decoding_message_size(MAX_MESSAGE_BYTES))
            .mount(UserServiceServer::new(self.clone()).max_decoding_message_size(MAX_MESSAGE_BYTES))
            .mount(GroupServiceServer::new(self.clone()).max_decoding_message_size(MAX_MESSAGE_BYTES))
            .mount(RobotServiceServer::new(self.clone()).max_decoding_message_size(MAX_MESSAGE_BYTES))
            .mount(TokenServiceServer::new(self.clone()).max_decoding_message_size(MAX_MESSAGE_BYTES))
            .mount(AccessServiceServer::new(self.clone()).max_decoding_message_size(MAX_MESSAGE_BYTES))
    }
}
