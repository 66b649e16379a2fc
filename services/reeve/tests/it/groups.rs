//! `reeve group …`, and the test's server for it.

use reeve::Exit;
use reeve_api::identity::group_service_server::GroupService;
use reeve_api::identity::*;
use tonic::{Code, Request, Response, Status};

use crate::answers::root;
use crate::fake::{Fake, refused};

impl Fake {
    fn changed(&self, what: &str, group: &str, members: &[String]) -> String {
        self.state().changes.push(format!("{what} {group} {}", members.join(",")));
        "group".to_owned()
    }
}

fn vision() -> Group {
    let (workspace, description) = ("workspaces/vision".to_owned(), "those who see".to_owned());
    Group { uid: "u1".to_owned(), name: "vision".to_owned(), description, workspace, ..Group::default() }
}

#[tonic::async_trait]
impl GroupService for Fake {
    async fn create_group(
        &self,
        request: Request<CreateGroupRequest>,
    ) -> Result<Response<CreateGroupResponse>, Status> {
        let CreateGroupRequest { name, description } = request.into_inner();
        let consistency_token = self.changed("create", &name, std::slice::from_ref(&description));
        let group = Some(Group { name, description, ..Group::default() });
        Ok(Response::new(CreateGroupResponse { group, consistency_token }))
    }

    async fn get_group(&self, request: Request<GetGroupRequest>) -> Result<Response<GetGroupResponse>, Status> {
        let request = request.into_inner();
        self.noted(request.consistency)?;
        match request.name.as_str() {
            "vision" => Ok(Response::new(GetGroupResponse { group: Some(vision()) })),
            _ => Err(refused(Code::NotFound, "NOT_FOUND")),
        }
    }

    async fn list_groups(&self, request: Request<ListGroupsRequest>) -> Result<Response<ListGroupsResponse>, Status> {
        self.noted(request.into_inner().consistency)?;
        // of the second, the caller may know the name alone
        let groups = vec![vision(), Group { name: "admins".to_owned(), built_in: true, ..Group::default() }];
        Ok(Response::new(ListGroupsResponse { groups, next_page_token: String::new(), revision: 7 }))
    }

    async fn delete_group(
        &self,
        request: Request<DeleteGroupRequest>,
    ) -> Result<Response<DeleteGroupResponse>, Status> {
        let name = request.into_inner().name;
        if name == "vision" {
            return Err(refused(Code::FailedPrecondition, "WORKSPACE_GROUP"));
        }
        Ok(Response::new(DeleteGroupResponse { consistency_token: self.changed("delete", &name, &[]) }))
    }

    async fn add_members(&self, request: Request<AddMembersRequest>) -> Result<Response<AddMembersResponse>, Status> {
        let AddMembersRequest { group, members } = request.into_inner();
        Ok(Response::new(AddMembersResponse { consistency_token: self.changed("add", &group, &members) }))
    }

    async fn remove_members(
        &self,
        request: Request<RemoveMembersRequest>,
    ) -> Result<Response<RemoveMembersResponse>, Status> {
        let RemoveMembersRequest { group, members } = request.into_inner();
        Ok(Response::new(RemoveMembersResponse { consistency_token: self.changed("remove", &group, &members) }))
    }

    /// Two pages of one member each.
    async fn list_members(
        &self,
        request: Request<ListMembersRequest>,
    ) -> Result<Response<ListMembersResponse>, Status> {
        let request = request.into_inner();
        self.noted(request.consistency)?;
        let first = request.page_token.is_empty();
        let (principal, next) = if first { ("user:alice", "second") } else { ("robot:ci", "") };
        let members = vec![Member { principal: principal.to_owned(), uid: String::new(), active: first }];
        Ok(Response::new(ListMembersResponse { members, next_page_token: next.to_owned(), revision: 7 }))
    }
}

#[tokio::test]
async fn members_come_and_go_in_one_request() {
    let (fake, mut root) = root().await;
    let outcome = root.run(&["group", "create", "team", "--description", "us"]).await;
    assert_eq!(outcome.stdout, "created group team\n", "{outcome:?}");
    let outcome = root.run(&["group", "add", "team", "user:alice", "robot:ci"]).await;
    assert_eq!(outcome.stdout, "user:alice is in group team\nrobot:ci is in group team\n", "{outcome:?}");
    let outcome = root.run(&["group", "remove", "team", "user:alice"]).await;
    assert_eq!(outcome.stdout, "user:alice is no longer in group team\n", "{outcome:?}");
    let outcome = root.run(&["group", "delete", "team"]).await;
    assert_eq!(outcome.stdout, "deleted group team\n", "{outcome:?}");
    let outcome = root.run(&["user", "delete", "bob"]).await;
    assert_eq!(outcome.stdout, "deleted user bob\n", "{outcome:?}");
    let changes = fake.state().changes.clone();
    assert_eq!(
        changes,
        ["create team us", "add team user:alice,robot:ci", "remove team user:alice", "delete team ", "delete bob"]
    );
    assert_eq!(root.run(&["group", "add", "team"]).await.exit, Exit::Usage);
}

#[tokio::test]
async fn groups_and_members_are_shown_in_every_form() {
    let (_, mut root) = root().await;
    let outcome = root.run(&["group", "list"]).await;
    let lines: Vec<_> = outcome.stdout.lines().collect();
    assert!(lines[0].starts_with("NAME") && lines.len() == 3, "{outcome:?}");
    assert!(lines[1].contains("those who see") && lines[1].contains("workspaces/vision"), "{outcome:?}");
    let outcome = root.run(&["group", "show", "vision"]).await;
    assert!(outcome.stdout.contains("workspaces/vision") && outcome.stdout.contains("built in"), "{outcome:?}");
    let outcome = root.run(&["group", "members", "vision"]).await;
    let lines: Vec<_> = outcome.stdout.lines().collect();
    assert!(lines[1].starts_with("user:alice") && lines[1].ends_with("yes"), "{outcome:?}");
    assert!(lines[2].starts_with("robot:ci") && lines[2].ends_with("no"), "{outcome:?}");
    let outcome = root.run(&["group", "members", "vision", "-o", "json"]).await;
    assert!(outcome.stdout.contains("\"principal\": \"robot:ci\""), "{outcome:?}");
    let outcome = root.run(&["group", "show", "vision", "-o", "yaml"]).await;
    assert!(outcome.stdout.contains("builtIn: false"), "{outcome:?}");
}

#[tokio::test]
async fn the_group_of_a_workspace_says_how_it_goes() {
    let (_, mut root) = root().await;
    let outcome = root.run(&["group", "delete", "vision"]).await;
    assert_eq!(outcome.exit, Exit::No);
    assert!(outcome.stderr.contains("reason: WORKSPACE_GROUP\nnext: delete the workspace"), "{outcome:?}");
}
