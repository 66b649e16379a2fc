//! One immutable snapshot of the published records, and how the next one is made.

use std::sync::Arc;

use reeve_agent_user::{AgentUser, Override};
use reeve_credentials::KeySet;
use reeve_model::{
    BindingId, Fold, GroupId, PrincipalId, Revision, RobotId, SessionId, Timestamp, UserId, WorkspaceId,
};

use crate::config::CompiledPolicy;
use crate::grants::GrantIndex;
use crate::{Access, Binding, ChunkMap, Group, Record, RecordKey, Robot, SigningKey, Token, User, Workspace};

/// The published records at one revision. Copies are cheap and share what they have in common.
#[derive(Clone, Debug, Default)]
pub struct World {
    revision: Revision,
    pub(crate) users: ChunkMap<UserId, Arc<User>>,
    pub(crate) user_names: ChunkMap<Fold, UserId>,
    pub(crate) groups: ChunkMap<GroupId, Arc<Group>>,
    pub(crate) group_names: ChunkMap<Fold, GroupId>,
    pub(crate) groups_of: ChunkMap<PrincipalId, Arc<[GroupId]>>,
    pub(crate) members_of: ChunkMap<GroupId, ChunkMap<PrincipalId, ()>>,
    pub(crate) robots: ChunkMap<RobotId, Arc<Robot>>,
    pub(crate) robot_names: ChunkMap<Fold, RobotId>,
    pub(crate) tokens: ChunkMap<[u8; 32], Arc<Token>>,
    pub(crate) ended_sessions: ChunkMap<SessionId, Timestamp>,
    pub(crate) signing_keys: ChunkMap<String, Arc<SigningKey>>,
    pub(crate) key_set: Arc<KeySet>,
    pub(crate) access: Access,
    pub(crate) workspaces: ChunkMap<WorkspaceId, Arc<Workspace>>,
    pub(crate) workspace_names: ChunkMap<String, WorkspaceId>,
    pub(crate) bindings: ChunkMap<BindingId, Arc<Binding>>,
    pub(crate) grants: GrantIndex,
    pub(crate) config_policies: ChunkMap<(Option<WorkspaceId>, &'static str), CompiledPolicy>,
    pub(crate) user_links: ChunkMap<UserId, Arc<AgentUser>>,
    pub(crate) workspace_agent_users: ChunkMap<WorkspaceId, Arc<Override>>,
}

impl World {
    /// The revision that this World shows.
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// The World at `revision`, with `upserts` written and `deletes` removed; nothing else differs.
    #[must_use]
    pub fn next(
        mut self,
        revision: Revision,
        upserts: impl IntoIterator<Item = Record>,
        deletes: impl IntoIterator<Item = RecordKey>,
    ) -> Self {
        for key in deletes {
            self.remove(&key);
        }
        for record in upserts {
            self.remove(&record.key());
            self.insert(record);
        }
        self.revision = revision;
        self
    }

    fn insert(&mut self, record: Record) {
        match record {
            Record::User(user) => {
                self.user_names.insert(user.username.fold(), user.uid);
                self.users.insert(user.uid, Arc::new(user));
            }
            Record::Group(group) => {
                self.group_names.insert(group.name.fold(), group.uid);
                self.groups.insert(group.uid, Arc::new(group));
            }
            Record::Membership(membership) => {
                let others = self.groups_of.get(&membership.member).map_or(&[][..], |groups| groups);
                let mut groups: Vec<GroupId> = others.iter().copied().chain([membership.group]).collect();
                groups.sort_unstable();
                self.groups_of.insert(membership.member, groups.into());
                let mut members = self.members_of.remove(&membership.group).unwrap_or_default();
                members.insert(membership.member, ());
                self.members_of.insert(membership.group, members);
            }
            Record::Robot(robot) => {
                self.robot_names.insert(robot.name.fold(), robot.uid);
                self.robots.insert(robot.uid, Arc::new(robot));
            }
            Record::Token(token) => {
                self.tokens.insert(*token.hash.as_bytes(), Arc::new(token));
            }
            Record::EndedSession(session) => {
                self.ended_sessions.insert(session.sid, session.forget_time);
            }
            Record::SigningKey(key) => {
                self.signing_keys.insert(key.public.id().to_string(), Arc::new(key));
                self.prepare_keys();
            }
            Record::Access(access) => self.access = access,
            Record::Workspace(workspace) => {
                self.workspace_names.insert(workspace.name.to_string(), workspace.uid);
                self.workspaces.insert(workspace.uid, Arc::new(workspace));
            }
            Record::Binding(binding) => {
                self.grants.insert(&binding);
                self.bindings.insert(binding.uid, Arc::new(binding));
            }
            Record::ConfigPolicy(policy) => {
                let key = (policy.workspace, policy.workload.as_str());
                self.config_policies.insert(key, CompiledPolicy::new(policy));
            }
            Record::UserLink(link) => {
                self.user_links.insert(link.user, Arc::new(link.agent_user));
            }
            Record::WorkspaceAgentUser(own) => {
                self.workspace_agent_users.insert(own.workspace, Arc::new(own.overrides));
            }
        }
    }

    fn remove(&mut self, key: &RecordKey) {
        match key {
            RecordKey::User(uid) => {
                if let Some(user) = self.users.remove(uid) {
                    forget_name(&mut self.user_names, &user.username.fold(), uid);
                }
            }
            RecordKey::Group(uid) => {
                if let Some(group) = self.groups.remove(uid) {
                    forget_name(&mut self.group_names, &group.name.fold(), uid);
                }
            }
            RecordKey::Membership(group, member) => self.remove_membership(group, member),
            RecordKey::Robot(uid) => {
                if let Some(robot) = self.robots.remove(uid) {
                    forget_name(&mut self.robot_names, &robot.name.fold(), uid);
                }
            }
            RecordKey::Token(hash) => {
                self.tokens.remove(hash.as_bytes());
            }
            RecordKey::EndedSession(sid) => {
                self.ended_sessions.remove(sid);
            }
            RecordKey::SigningKey(kid) => {
                if self.signing_keys.remove(kid.as_str()).is_some() {
                    self.prepare_keys();
                }
            }
            RecordKey::Access => self.access = Access::default(),
            RecordKey::Workspace(uid) => {
                if let Some(workspace) = self.workspaces.remove(uid) {
                    forget_name(&mut self.workspace_names, workspace.name.as_str(), uid);
                }
            }
            RecordKey::Binding(uid) => {
                if let Some(binding) = self.bindings.remove(uid) {
                    self.grants.remove(&binding);
                }
            }
            RecordKey::ConfigPolicy(workspace, workload) => {
                self.config_policies.remove(&(*workspace, workload.as_str()));
            }
            RecordKey::UserLink(user) => {
                self.user_links.remove(user);
            }
            RecordKey::WorkspaceAgentUser(workspace) => {
                self.workspace_agent_users.remove(workspace);
            }
        }
    }

    fn remove_membership(&mut self, group: &GroupId, member: &PrincipalId) {
        let groups = self.groups_of.get(member).map_or(&[][..], |groups| groups);
        let rest: Arc<[GroupId]> = groups.iter().filter(|other| *other != group).copied().collect();
        if rest.is_empty() {
            self.groups_of.remove(member);
        } else {
            self.groups_of.insert(*member, rest);
        }
        if let Some(mut members) = self.members_of.remove(group) {
            members.remove(member);
            if !members.is_empty() {
                self.members_of.insert(*group, members);
            }
        }
    }

    /// Prepares the verification keys anew; they change rarely and are used with every token.
    fn prepare_keys(&mut self) {
        self.key_set = Arc::new(KeySet::new(self.signing_keys.iter().map(|(_, key)| key.public.clone())));
    }

    /// A user, by id.
    pub fn user_by_id(&self, uid: &UserId) -> Option<&Arc<User>> {
        self.users.get(uid)
    }

    /// A user, by name, whatever its case.
    pub fn user_by_name(&self, name: &str) -> Option<&Arc<User>> {
        self.users.get(self.user_names.get(&Fold::of(name))?)
    }

    /// The users after `uid`, in the order of their ids.
    pub fn users_after(&self, uid: Option<&UserId>) -> impl Iterator<Item = &Arc<User>> {
        self.users.after(uid).map(|(_, user)| user)
    }

    /// A robot, by id.
    pub fn robot_by_id(&self, uid: &RobotId) -> Option<&Arc<Robot>> {
        self.robots.get(uid)
    }

    /// A robot, by name, whatever its case.
    pub fn robot_by_name(&self, name: &str) -> Option<&Arc<Robot>> {
        self.robots.get(self.robot_names.get(&Fold::of(name))?)
    }

    /// The robots after `uid`, in the order of their ids.
    pub fn robots_after(&self, uid: Option<&RobotId>) -> impl Iterator<Item = &Arc<Robot>> {
        self.robots.after(uid).map(|(_, robot)| robot)
    }

    /// A group, by id. One of a workspace that is gone is gone with it.
    pub fn group_by_id(&self, uid: &GroupId) -> Option<&Arc<Group>> {
        self.groups.get(uid).filter(|group| !self.is_left_over(group))
    }

    /// A group, by name, whatever its case.
    pub fn group_by_name(&self, name: &str) -> Option<&Arc<Group>> {
        self.group_by_id(self.group_names.get(&Fold::of(name))?)
    }

    /// The groups after `uid`, in the order of their ids.
    pub fn groups_after(&self, uid: Option<&GroupId>) -> impl Iterator<Item = &Arc<Group>> {
        self.groups.after(uid).map(|(_, group)| group).filter(|group| !self.is_left_over(group))
    }

    /// The members of a group, deactivated ones included, in the order of their ids. `everyone` has none: it is all active
    /// users. A member that is gone, and any member of a group that is gone, is not listed.
    pub fn members_of(&self, group: &GroupId) -> impl Iterator<Item = &PrincipalId> {
        let stored = self.members_of.get(group).filter(|_| self.group_by_id(group).is_some());
        let members = stored.into_iter().flat_map(|members| members.iter().map(|(member, ())| member));
        members.filter(|member| self.exists(member))
    }

    /// A workspace, by its exact name.
    pub fn workspace_by_name(&self, name: &str) -> Option<&Arc<Workspace>> {
        self.workspaces.get(self.workspace_names.get(name)?)
    }

    /// A workspace, by id.
    pub fn workspace_by_id(&self, uid: &WorkspaceId) -> Option<&Arc<Workspace>> {
        self.workspaces.get(uid)
    }

    /// The workspaces after `uid`, in the order of their ids.
    pub fn workspaces_after(&self, uid: Option<&WorkspaceId>) -> impl Iterator<Item = &Arc<Workspace>> {
        self.workspaces.after(uid).map(|(_, workspace)| workspace)
    }

    /// A binding, by id. One of a workspace or subject that is gone is not found.
    pub fn binding_by_id(&self, uid: &BindingId) -> Option<&Arc<Binding>> {
        self.bindings.get(uid).filter(|binding| self.stands(binding))
    }

    /// The bindings after `uid`, in the order of their ids. One of a workspace or subject that is gone, or not there yet, is
    /// not listed.
    pub fn bindings_after(&self, uid: Option<&BindingId>) -> impl Iterator<Item = &Arc<Binding>> {
        self.bindings.after(uid).map(|(_, binding)| binding).filter(|binding| self.stands(binding))
    }

    /// Whether what a binding names exists: its workspace, and its subject.
    fn stands(&self, binding: &Binding) -> bool {
        use reeve_model::Subject;
        let placed = match (binding.workspace, binding.resource.workspace_name()) {
            (None, None) => true,
            (Some(uid), Some(name)) => self.workspace_names.get(name) == Some(&uid),
            _ => false,
        };
        placed
            && match &binding.subject {
                Subject::User(uid) => self.users.get(uid).is_some(),
                Subject::Group(uid) => self.group_by_id(uid).is_some(),
                Subject::Robot(uid) => self.robots.get(uid).is_some(),
                Subject::AllUsers => true,
            }
    }

    /// The access state.
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// The public signing keys, by key id.
    pub fn signing_keys(&self) -> impl Iterator<Item = &Arc<SigningKey>> {
        self.signing_keys.iter().map(|(_, key)| key)
    }

    /// Sessions that have ended, with when each may be forgotten.
    pub fn ended_sessions(&self) -> impl Iterator<Item = (&SessionId, &Timestamp)> {
        self.ended_sessions.iter()
    }

    /// Opaque tokens' records.
    pub fn tokens(&self) -> impl Iterator<Item = &Arc<Token>> {
        self.tokens.iter().map(|(_, token)| token)
    }

    /// A user's agent user, if they are there and linked with one.
    pub fn user_link(&self, user: &UserId) -> Option<&Arc<AgentUser>> {
        self.user_links.get(user).filter(|_| self.users.get(user).is_some())
    }

    /// Every link whose user exists.
    pub fn user_links(&self) -> impl Iterator<Item = (&Arc<User>, &Arc<AgentUser>)> {
        self.user_links.iter().filter_map(|(user, link)| self.users.get(user).map(|user| (user, link)))
    }

    /// What a workspace that is there overrides of agent users.
    pub fn workspace_agent_user(&self, workspace: &WorkspaceId) -> Option<&Arc<Override>> {
        self.workspace_agent_users.get(workspace).filter(|_| self.workspaces.get(workspace).is_some())
    }
}

/// Forgets that `name` is `uid`'s, unless it has become another's since.
fn forget_name<K, V, Q>(names: &mut ChunkMap<K, V>, name: &Q, uid: &V)
where
    K: Ord + Clone + std::borrow::Borrow<Q>,
    V: Clone + PartialEq,
    Q: Ord + ?Sized,
{
    if names.get(name) == Some(uid) {
        names.remove(name);
    }
}
