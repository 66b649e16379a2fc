//! `GroupService`.

use std::collections::HashMap;

use reeve_answers::{Moment, Page, Purpose, filter_matches};
use reeve_api::identity as api;
use reeve_api::identity::group_service_server::GroupService;
use reeve_chassis::{CallDeadline, Failure, filtered, need};
use reeve_model::{Fold, GroupId, GroupName, PrincipalId, PrincipalName, Resource, Violations};
use reeve_rbac::Permission;
use reeve_world::Group;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::encode::{self, Sight};
use super::read::{MAX_DESCRIPTION_CHARS, all_right, filter, free_text, required, seen};
use crate::IdentityService;
use crate::app::add_members::add_members;
use crate::app::create_group::create_group;
use crate::app::delete_group::delete_group;
use crate::app::remove_members::remove_members;
use crate::groups::may_view;
use crate::rows::{ADD_MEMBERS, CREATE_GROUP, DELETE_GROUP, GET_GROUP, LIST_GROUPS, LIST_MEMBERS, REMOVE_MEMBERS};

/// Most members of one request.
const MAX_MEMBERS: usize = 100;

#[tonic::async_trait]
impl GroupService for IdentityService {
    async fn create_group(
        &self,
        request: Request<api::CreateGroupRequest>,
    ) -> Result<Response<api::CreateGroupResponse>, Status> {
        let moment = self.moment_for_write(request.metadata()).await?;
        let granted = need(request.extensions(), &CREATE_GROUP, &moment, &Resource::cluster())?;
        let request = request.get_ref();
        let mut violations = Violations::new();
        let name = violations.take("name", GroupName::parse(&request.name));
        let description = free_text("description", &request.description, MAX_DESCRIPTION_CHARS, &mut violations);
        let Some(name) = name else { return Err(Failure::Invalid(violations).into()) };
        all_right(violations)?;
        let (created, proof) = create_group(&granted, &self.shared, name, description).await?;
        let group = Some(encode::group(moment.world(), &created, Sight::Whole));
        Ok(Response::new(api::CreateGroupResponse { group, consistency_token: proof.to_string() }))
    }

    async fn get_group(
        &self,
        request: Request<api::GetGroupRequest>,
    ) -> Result<Response<api::GetGroupResponse>, Status> {
        filtered(request.extensions(), &GET_GROUP)?;
        let (metadata, request) = (request.metadata(), request.get_ref());
        let name = required("name", &request.name)?;
        let moment = self.shared.reader.at(metadata, request.consistency.as_ref(), Purpose::Administration).await?;
        let found = moment.world().group_by_name(name);
        let found = found.ok_or_else(|| Failure::not_found(format!("group:{name}")))?;
        let group = encode::group(moment.world(), found, sight(&moment, found)?);
        Ok(Response::new(api::GetGroupResponse { group: Some(group) }))
    }

    async fn list_groups(
        &self,
        request: Request<api::ListGroupsRequest>,
    ) -> Result<Response<api::ListGroupsResponse>, Status> {
        filtered(request.extensions(), &LIST_GROUPS)?;
        let consistency = request.get_ref().consistency.as_ref();
        let moment = self.shared.reader.at(request.metadata(), consistency, Purpose::Administration).await?;
        let request = request.get_ref();
        let mut violations = Violations::new();
        let page = Page::read(request.page_size, &request.page_token, &mut violations);
        filter(&request.filter, &mut violations);
        let Some(page) = page else { return Err(Failure::Invalid(violations).into()) };
        all_right(violations)?;
        let world = moment.world();
        let after = page.after.map(GroupId::from_uuid);
        let wanted = world.groups_after(after.as_ref());
        let wanted = wanted.filter(|group| filter_matches(&request.filter, &[group.name.as_str()]));
        let (groups, next_page_token) = page.take(wanted, |group| *group.uid.as_uuid());
        let shown = |found| Ok(encode::group(world, found, sight(&moment, found)?));
        Ok(Response::new(api::ListGroupsResponse {
            groups: groups.into_iter().map(|found| shown(found)).collect::<Result<_, Failure>>()?,
            next_page_token,
            revision: moment.revision().get(),
        }))
    }

    async fn delete_group(
        &self,
        request: Request<api::DeleteGroupRequest>,
    ) -> Result<Response<api::DeleteGroupResponse>, Status> {
        let moment = self.moment_for_write(request.metadata()).await?;
        let granted = need(request.extensions(), &DELETE_GROUP, &moment, &Resource::cluster())?;
        let name = required("name", &request.get_ref().name)?;
        let (etag, deadline) = (seen(&request.get_ref().etag), CallDeadline::of(request.extensions()));
        let proof = delete_group(&granted, &moment, &self.shared, name, etag, deadline).await?;
        Ok(Response::new(api::DeleteGroupResponse { consistency_token: proof.to_string() }))
    }

    async fn add_members(
        &self,
        request: Request<api::AddMembersRequest>,
    ) -> Result<Response<api::AddMembersResponse>, Status> {
        let granted = filtered(request.extensions(), &ADD_MEMBERS)?;
        let (group, members) = change(&request.get_ref().group, &request.get_ref().members)?;
        let moment = self.moment_for_write(request.metadata()).await?;
        let proof = add_members(&granted, &moment, &self.shared, group, &members).await?;
        Ok(Response::new(api::AddMembersResponse { consistency_token: proof.to_string() }))
    }

    async fn remove_members(
        &self,
        request: Request<api::RemoveMembersRequest>,
    ) -> Result<Response<api::RemoveMembersResponse>, Status> {
        let granted = filtered(request.extensions(), &REMOVE_MEMBERS)?;
        let (group, members) = change(&request.get_ref().group, &request.get_ref().members)?;
        let moment = self.moment_for_write(request.metadata()).await?;
        let proof = remove_members(&granted, &moment, &self.shared, group, &members).await?;
        Ok(Response::new(api::RemoveMembersResponse { consistency_token: proof.to_string() }))
    }

    async fn list_members(
        &self,
        request: Request<api::ListMembersRequest>,
    ) -> Result<Response<api::ListMembersResponse>, Status> {
        filtered(request.extensions(), &LIST_MEMBERS)?;
        let (metadata, request) = (request.metadata(), request.get_ref());
        let mut violations = Violations::new();
        let name = violations.take("group", required("group", &request.group).map_err(|_| "it is required"));
        let page = Page::read(request.page_size, &request.page_token, &mut violations);
        let (Some(name), Some(page)) = (name, page) else { return Err(Failure::Invalid(violations).into()) };
        let moment = self.shared.reader.at(metadata, request.consistency.as_ref(), Purpose::Administration).await?;
        let world = moment.world();
        let found = world.group_by_name(name).ok_or_else(|| Failure::not_found(format!("group:{name}")))?;
        if sight(&moment, found)? == Sight::Name {
            let (permission, resource) = (Permission::GROUP_VIEW, Resource::cluster());
            return Err(Failure::Denied { permission, resource }.into());
        }
        // one more than the page tells that there is another
        let wanted = world.members_after(&found.uid, page.after.as_ref(), page.size + 1);
        let (members, next_page_token) = page.take(wanted.into_iter(), uid);
        Ok(Response::new(api::ListMembersResponse {
            members: members.iter().map(|member| encode::member(world, member)).collect(),
            next_page_token,
            revision: moment.revision().get(),
        }))
    }
}

fn sight(moment: &Moment, group: &Group) -> Result<Sight, Failure> {
    Ok(if may_view(moment, group)? { Sight::Whole } else { Sight::Name })
}

fn uid(member: &PrincipalId) -> Uuid {
    match member {
        PrincipalId::User(uid) => *uid.as_uuid(),
        PrincipalId::Robot(uid) => *uid.as_uuid(),
        PrincipalId::Root => Uuid::nil(),
    }
}

/// Reads a change of members: who comes or goes, each once, with everything that is wrong.
fn change<'a>(group: &'a str, given: &[String]) -> Result<(&'a str, Vec<PrincipalName>), Failure> {
    let mut violations = Violations::new();
    let group = group.trim();
    if group.is_empty() {
        violations.add("group", "it is required");
    }
    if given.is_empty() || given.len() > MAX_MEMBERS {
        violations.add("members", format!("there are {}: a request has 1 to {MAX_MEMBERS}", given.len()));
    }
    let mut members = Vec::with_capacity(given.len().min(MAX_MEMBERS));
    let mut first = HashMap::new();
    for (at, text) in given.iter().enumerate().take(MAX_MEMBERS) {
        let field = format!("members[{at}]");
        let Some(name) = violations.take(field.as_str(), PrincipalName::parse(text)) else { continue };
        let same = match &name {
            PrincipalName::User(name) => ("user", Fold::of(name)),
            PrincipalName::Robot(name) => ("robot", Fold::of(name)),
            PrincipalName::Group(_) | PrincipalName::AllUsers | PrincipalName::Root => {
                violations
                    .add(field, format!("`{name}` cannot be in a group: a member is `user:NAME` or `robot:NAME`"));
                continue;
            }
        };
        if let Some(first) = first.get(&same) {
            violations.add(field, format!("it is the same as members[{first}]: name each once"));
            continue;
        }
        first.insert(same, at);
        members.push(name);
    }
    all_right(violations)?;
    Ok((group, members))
}
