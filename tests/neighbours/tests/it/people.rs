//! What the tests do as root, at whichever owner's it is.

use reeve_api::agentmap::agent_user_service_client::AgentUserServiceClient;
use reeve_api::identity::group_service_client::GroupServiceClient;
use reeve_api::identity::user_service_client::UserServiceClient;
use reeve_api::policy::binding_service_client::BindingServiceClient;
use reeve_api::policy::config_policy_service_client::ConfigPolicyServiceClient;
use reeve_api::policy::workspace_service_client::WorkspaceServiceClient;
use reeve_api::{agentmap, identity, policy};
use reeve_chassis::Owner;
use tonic::{Request, Status};

use crate::cluster::Cluster;

impl Cluster {
    /// A request of root's.
    pub(crate) fn asked<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.metadata_mut().insert("authorization", format!("Bearer {}", self.root_token).parse().unwrap());
        request
    }

    pub(crate) async fn create_user(&self, name: &str) -> Result<(), Status> {
        let request = identity::CreateUserRequest {
            username: name.to_owned(),
            password: "Correct1Horse".to_owned(),
            ..Default::default()
        };
        let mut client = UserServiceClient::new(self.channel(Owner::Identity));
        client.create_user(self.asked(request)).await.map(drop)
    }

    pub(crate) async fn delete_user(&self, name: &str) -> Result<(), Status> {
        let request = identity::DeleteUserRequest { username: name.to_owned(), ..Default::default() };
        let mut client = UserServiceClient::new(self.channel(Owner::Identity));
        client.delete_user(self.asked(request)).await.map(drop)
    }

    pub(crate) async fn create_group(&self, name: &str) -> Result<(), Status> {
        let request = identity::CreateGroupRequest { name: name.to_owned(), ..Default::default() };
        let mut client = GroupServiceClient::new(self.channel(Owner::Identity));
        client.create_group(self.asked(request)).await.map(drop)
    }

    pub(crate) async fn delete_group(&self, name: &str) -> Result<(), Status> {
        let request = identity::DeleteGroupRequest { name: name.to_owned(), ..Default::default() };
        let mut client = GroupServiceClient::new(self.channel(Owner::Identity));
        client.delete_group(self.asked(request)).await.map(drop)
    }

    pub(crate) async fn join(&self, group: &str, member: &str) -> Result<(), Status> {
        let request = identity::AddMembersRequest { group: group.to_owned(), members: vec![member.to_owned()] };
        let mut client = GroupServiceClient::new(self.channel(Owner::Identity));
        client.add_members(self.asked(request)).await.map(drop)
    }

    pub(crate) async fn create_workspace(&self, name: &str) -> Result<policy::CreateWorkspaceResponse, Status> {
        let request = policy::CreateWorkspaceRequest { name: name.to_owned(), ..Default::default() };
        let mut client = WorkspaceServiceClient::new(self.channel(Owner::Policy));
        Ok(client.create_workspace(self.asked(request)).await?.into_inner())
    }

    pub(crate) async fn delete_workspace(&self, name: &str) -> Result<String, Status> {
        let request = policy::DeleteWorkspaceRequest { name: name.to_owned(), ..Default::default() };
        let mut client = WorkspaceServiceClient::new(self.channel(Owner::Policy));
        Ok(client.delete_workspace(self.asked(request)).await?.into_inner().consistency_token)
    }

    pub(crate) async fn bind(&self, principal: &str, role: &str, resource: &str) -> Result<(), Status> {
        let grant = policy::Grant {
            principal: principal.to_owned(),
            role: role.to_owned(),
            resource: resource.to_owned(),
            ..Default::default()
        };
        let mut client = BindingServiceClient::new(self.channel(Owner::Policy));
        client.bind(self.asked(policy::BindRequest { grants: vec![grant] })).await.map(drop)
    }

    pub(crate) async fn set_policy(&self, workspace: &str) -> Result<(), Status> {
        let config_policy = policy::ConfigPolicy {
            scope: format!("workspaces/{workspace}"),
            workload_type: "task".to_owned(),
            document: "defaults: {debug: true}".to_owned(),
            ..Default::default()
        };
        let request = policy::SetConfigPolicyRequest { policy: Some(config_policy), allow_conflicts: false };
        let mut client = ConfigPolicyServiceClient::new(self.channel(Owner::Policy));
        client.set_config_policy(self.asked(request)).await.map(drop)
    }

    pub(crate) async fn link(&self, username: &str, uid: u32) -> Result<(), Status> {
        let agent_user = agentmap::AgentUser {
            uid: Some(uid),
            user: username.to_owned(),
            gid: Some(uid),
            group: username.to_owned(),
            ..Default::default()
        };
        let request = agentmap::LinkUserRequest {
            username: username.to_owned(),
            agent_user: Some(agent_user),
            allow_shared: true,
        };
        let mut client = AgentUserServiceClient::new(self.channel(Owner::Agentmap));
        client.link_user(self.asked(request)).await.map(drop)
    }

    pub(crate) async fn set_gid(&self, workspace: &str) -> Result<(), Status> {
        let agent_user = agentmap::WorkspaceAgentUser { gid: Some(100), ..Default::default() };
        let request = agentmap::SetWorkspaceAgentUserRequest {
            workspace: workspace.to_owned(),
            agent_user: Some(agent_user),
            update_mask: None,
        };
        let mut client = AgentUserServiceClient::new(self.channel(Owner::Agentmap));
        client.set_workspace_agent_user(self.asked(request)).await.map(drop)
    }
}
