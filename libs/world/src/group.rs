//! Groups of a World: who is in them, which come with workspaces, and what is left of those that are gone.

use std::sync::Arc;

use reeve_model::{GroupId, PrincipalId, RobotId, UserId};
use uuid::Uuid;

use crate::{Group, Parent, RecordKey, Workspace, World};

impl World {
    /// The next members of a group after the one with the id `after`, `most` of them, in the order of their ids. Of `everyone`
    /// all active users; of another group deactivated ones too, as they are still in it.
    pub fn members_after(&self, group: &GroupId, after: Option<&Uuid>, most: usize) -> Vec<PrincipalId> {
        if *group == GroupId::EVERYONE {
            let after = after.copied().map(UserId::from_uuid);
            let active = self.users_after(after.as_ref()).filter(|user| user.active);
            return active.map(|user| PrincipalId::User(user.uid)).take(most).collect();
        }
        let Some(members) = self.members_of.get(group).filter(|_| self.group_by_id(group).is_some()) else {
            return Vec::new();
        };
        let after_user = after.copied().map(|uid| PrincipalId::User(UserId::from_uuid(uid)));
        let after_robot = PrincipalId::Robot(RobotId::from_uuid(after.copied().unwrap_or(Uuid::nil())));
        let users = members.after(after_user.as_ref()).map(|(member, ())| *member);
        let users = users.take_while(|member| matches!(member, PrincipalId::User(_)));
        let robots = members.after(Some(&after_robot)).map(|(member, ())| *member);
        let there = |member: &PrincipalId| self.exists(member);
        // each kind stands in the order of its ids, after the other
        let mut next: Vec<_> = users.filter(there).take(most).chain(robots.filter(there).take(most)).collect();
        next.sort_unstable_by_key(uid_of);
        next.truncate(most);
        next
    }

    /// The workspaces whose group can be made: they have none, and its name is nobody's but perhaps that of a group whose own
    /// workspace is gone. Of `parent`, or all; any may have waited for the name of a group that is gone.
    pub fn workspaces_awaiting_a_group(&self, parent: Option<Parent>) -> impl Iterator<Item = &Arc<Workspace>> {
        let asked = move |workspace: &Workspace| match parent {
            None | Some(Parent::Group(_)) => true,
            Some(Parent::Workspace(uid)) => workspace.uid == uid,
            Some(Parent::User(_) | Parent::Robot(_)) => false,
        };
        self.workspaces_after(None).filter(move |workspace| asked(workspace)).filter(|workspace| {
            self.groups.get(&GroupId::of_workspace(&workspace.uid)).is_none()
                && self.group_by_name(workspace.name.as_str()).is_none()
        })
    }

    /// The groups of workspaces that are gone: of `parent`, or all. Of a workspace that is there, one that still has its name.
    pub fn stray_groups(&self, parent: Option<Parent>) -> impl Iterator<Item = &Arc<Group>> {
        let name = match parent {
            Some(Parent::Workspace(uid)) => self.workspaces.get(&uid).map(|workspace| workspace.name.fold()),
            _ => None,
        };
        let asked = move |group: &Group| match parent {
            None => true,
            Some(Parent::Workspace(uid)) => group.workspace == Some(uid) || name == Some(group.name.fold()),
            Some(Parent::Group(uid)) => group.uid == uid,
            Some(Parent::User(_) | Parent::Robot(_)) => false,
        };
        self.groups.iter().map(|(_, group)| group).filter(move |group| asked(group) && self.is_left_over(group))
    }

    /// Whether a group came with a workspace that is gone: then it counts for nothing, and is nowhere listed.
    pub fn is_left_over(&self, group: &Group) -> bool {
        group.workspace.is_some_and(|uid| !self.has(&Parent::Workspace(uid)))
    }

    /// The memberships whose group or member is gone: of `parent`, or all. Any membership of a group that may still come, as
    /// that of a workspace, is not one of them: nobody is in a group before it is there.
    pub fn stray_memberships(&self, parent: Option<Parent>) -> Vec<RecordKey> {
        let of_member = |member: PrincipalId| {
            let groups = self.groups_of.get(&member).filter(|_| !self.exists(&member)).map_or(&[][..], |groups| groups);
            groups.iter().map(|group| RecordKey::Membership(*group, member)).collect()
        };
        let of_group = |group: GroupId| match self.members_of.get(&group) {
            Some(members) if self.group_by_id(&group).is_none() => {
                members.iter().map(|(member, ())| RecordKey::Membership(group, *member)).collect()
            }
            _ => Vec::new(),
        };
        match parent {
            Some(Parent::User(uid)) => of_member(PrincipalId::User(uid)),
            Some(Parent::Robot(uid)) => of_member(PrincipalId::Robot(uid)),
            Some(Parent::Group(uid)) => of_group(uid),
            Some(Parent::Workspace(uid)) => of_group(GroupId::of_workspace(&uid)),
            None => self
                .members_of
                .iter()
                .flat_map(|(group, members)| {
                    let gone = self.group_by_id(group).is_none();
                    let strays = members.iter().filter(move |(member, ())| gone || !self.exists(member));
                    strays.map(|(member, ())| RecordKey::Membership(*group, *member))
                })
                .collect(),
        }
    }
}

fn uid_of(principal: &PrincipalId) -> Uuid {
    match principal {
        PrincipalId::User(uid) => *uid.as_uuid(),
        PrincipalId::Robot(uid) => *uid.as_uuid(),
        PrincipalId::Root => Uuid::nil(),
    }
}
