//! What the messages of the API have in common, for this program.

use reeve_api::api::Consistency;
use reeve_api::{admission, agentmap, identity, policy};

/// A response that can be written in proto3 JSON.
pub(crate) trait Named: prost::Message {
    /// Its full name in the API.
    const NAME: &'static str;
}

/// A read, which says how fresh its answer must be.
pub(crate) trait Read {
    /// Where it says so.
    fn consistency(&mut self) -> &mut Option<Consistency>;
}

/// What a write answers.
pub(crate) trait Written {
    /// Proof of the write.
    fn consistency_token(&self) -> &str;
}

/// A request for one page of a list.
pub(crate) trait PageRequest: Read + Clone {
    /// How long a page is.
    fn page_size(&mut self) -> &mut i32;
    /// Where the page begins.
    fn page_token(&mut self) -> &mut String;
}

/// One page of a list.
pub(crate) trait Page {
    /// Where the next page begins; empty on the last.
    fn next_page_token(&self) -> &str;
    /// Puts the next page behind this one.
    fn append(&mut self, next: Self);
}

macro_rules! named {
    ($($package:ident: $($message:ident)*;)*) => {
        $($(impl Named for $package::$message {
            const NAME: &'static str = concat!("reeve.", stringify!($package), ".v1.", stringify!($message));
        })*)*

        /// Every name above.
        #[cfg(test)]
        const NAMES: &[&str] = &[$($(<$package::$message as Named>::NAME,)*)*];
    };
}

macro_rules! read {
    ($($package:ident: $($message:ident)*;)*) => {
        $($(impl Read for $package::$message {
            fn consistency(&mut self) -> &mut Option<Consistency> {
                &mut self.consistency
            }
        })*)*
    };
}

macro_rules! written {
    ($($package:ident: $($message:ident)*;)*) => {
        $($(impl Written for $package::$message {
            fn consistency_token(&self) -> &str {
                &self.consistency_token
            }
        })*)*
    };
}

macro_rules! paged {
    ($($package:ident: $request:ident $response:ident $items:ident;)*) => {
        $(impl PageRequest for $package::$request {
            fn page_size(&mut self) -> &mut i32 {
                &mut self.page_size
            }

            fn page_token(&mut self) -> &mut String {
                &mut self.page_token
            }
        }

        impl Page for $package::$response {
            fn next_page_token(&self) -> &str {
                &self.next_page_token
            }

            fn append(&mut self, next: Self) {
                self.$items.extend(next.$items);
                self.next_page_token = next.next_page_token;
                self.revision = next.revision;
            }
        })*
    };
}

named! {
    identity: WhoAmIResponse CreateUserResponse GetUserResponse ListUsersResponse ActivateUserResponse
        DeactivateUserResponse DeleteUserResponse CreateGroupResponse GetGroupResponse ListGroupsResponse
        DeleteGroupResponse AddMembersResponse RemoveMembersResponse ListMembersResponse CreateRobotResponse
        ListRobotsResponse DeleteRobotResponse CreateTokenResponse;
    policy: CreateWorkspaceResponse GetWorkspaceResponse ListWorkspacesResponse DeleteWorkspaceResponse
        ListRolesResponse BindResponse
        UnbindResponse ListBindingsResponse CheckResponse SetConfigPolicyResponse GetConfigPolicyResponse
        DeleteConfigPolicyResponse;
    agentmap: LinkUserResponse UnlinkUserResponse SetWorkspaceAgentUserResponse ClearWorkspaceAgentUserResponse
        ResolveAgentUserResponse;
    admission: AdmitResponse;
}

read! {
    identity: WhoAmIRequest GetUserRequest ListUsersRequest GetGroupRequest ListGroupsRequest ListMembersRequest
        ListRobotsRequest;
    policy: GetWorkspaceRequest ListWorkspacesRequest ListBindingsRequest CheckRequest GetConfigPolicyRequest;
    agentmap: ResolveAgentUserRequest;
    admission: AdmitRequest;
}

written! {
    identity: LoginResponse CreateUserResponse ActivateUserResponse DeactivateUserResponse DeleteUserResponse
        CreateGroupResponse DeleteGroupResponse AddMembersResponse RemoveMembersResponse CreateRobotResponse
        DeleteRobotResponse CreateTokenResponse;
    policy: CreateWorkspaceResponse DeleteWorkspaceResponse BindResponse UnbindResponse SetConfigPolicyResponse
        DeleteConfigPolicyResponse;
    agentmap: LinkUserResponse UnlinkUserResponse SetWorkspaceAgentUserResponse ClearWorkspaceAgentUserResponse;
}

paged! {
    identity: ListUsersRequest ListUsersResponse users;
    identity: ListGroupsRequest ListGroupsResponse groups;
    identity: ListMembersRequest ListMembersResponse members;
    identity: ListRobotsRequest ListRobotsResponse robots;
    policy: ListWorkspacesRequest ListWorkspacesResponse workspaces;
    policy: ListBindingsRequest ListBindingsResponse bindings;
}

#[cfg(test)]
mod tests {
    use prost_reflect::DescriptorPool;

    use super::*;

    #[test]
    fn every_name_is_in_the_api() {
        let pool = DescriptorPool::decode(reeve_api::DESCRIPTOR_SET).unwrap();
        for name in NAMES {
            assert!(pool.get_message_by_name(name).is_some(), "{name}");
        }
    }
}
