//! The resolution: workspace override over link over default, each field with its source.

use std::collections::BTreeSet;

use crate::refusal::{Refusal, RefusalRule, RootCause, RootField};
use crate::{
    AbsolutePath, AgentId, AgentUser, Gecos, Nss, Override, RootTasks, Settings, Source, Sourced, UnixName, Warning,
};

/// An agent user with the source of each field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// The user id.
    pub uid: Sourced<AgentId>,
    /// The user's name.
    pub user: Sourced<UnixName>,
    /// The primary group id.
    pub gid: Sourced<AgentId>,
    /// The primary group's name.
    pub group: Sourced<UnixName>,
    /// Further groups: each gid once, the primary one left out.
    pub supplementary: Sourced<Vec<ResolvedGroup>>,
    /// The home directory, if one is set; otherwise it is the task's working directory.
    pub home: Option<Sourced<AbsolutePath>>,
    /// The login shell, if one is set.
    pub shell: Option<Sourced<AbsolutePath>>,
    /// The comment field, if one is set.
    pub gecos: Option<Sourced<Gecos>>,
}

/// A supplementary group, named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolvedGroup {
    /// The group id.
    pub gid: AgentId,
    /// Its name, `gid-N` if it was given none.
    pub name: UnixName,
}

/// The fields of a Kubernetes PodSecurityContext.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecurityContext {
    /// `runAsUser`
    pub run_as_user: u32,
    /// `runAsGroup`
    pub run_as_group: u32,
    /// `supplementalGroups`
    pub supplemental_groups: Vec<u32>,
    /// `fsGroup`: the primary gid, so that mounted volumes are the task's.
    pub fs_group: u32,
}

/// Who a task of `username` in `workspace` runs as: the workspace's override field by field, over the user's whole link, over
/// the configured default.
///
/// # Errors
/// A result that is root, by uid or by name, where the configuration refuses it.
pub fn resolve(
    username: &str,
    workspace: &str,
    link: Option<&AgentUser>,
    overrides: Option<&Override>,
    settings: &Settings,
) -> Result<Resolved, Refusal> {
    let default = &settings.default_task;
    let own = match link {
        Some(link) => (link.uid, &link.user, link.gid, &link.group, Source::Link),
        None => (default.uid, &default.user, default.gid, &default.group, Source::Default),
    };
    let (uid, user, gid, group, source) = own;
    let overridden = overrides.cloned().unwrap_or_default();
    let gid = pick(overridden.gid, gid, &source, workspace);
    let linked = link.map_or(&[][..], |link| link.supplementary.as_slice());
    let further = linked.iter().map(|group| ResolvedGroup {
        gid: group.gid,
        name: group.name.clone().unwrap_or_else(|| UnixName::of_unnamed_group(group.gid)),
    });
    let mut seen = BTreeSet::from([gid.value]);
    let supplementary = further.filter(|group| seen.insert(group.gid)).collect();
    let resolved = Resolved {
        uid: pick(overridden.uid, uid, &source, workspace),
        user: pick(overridden.user, user.clone(), &source, workspace),
        gid,
        group: pick(overridden.group, group.clone(), &source, workspace),
        supplementary: Sourced { value: supplementary, source },
        home: of_link(link.and_then(|link| link.home.as_ref())),
        shell: of_link(link.and_then(|link| link.shell.as_ref())),
        gecos: of_link(link.and_then(|link| link.gecos.as_ref())),
    };
    match refused_by(settings) {
        Some(rule) => {
            let causes = resolved.root_causes();
            if causes.is_empty() {
                return Ok(resolved);
            }
            Err(Refusal { username: username.to_owned(), workspace: workspace.to_owned(), rule, causes })
        }
        None => Ok(resolved),
    }
}

/// The first rule of the configuration that refuses root, if any does.
fn refused_by(settings: &Settings) -> Option<RefusalRule> {
    if settings.root_tasks == RootTasks::Refused {
        return Some(RefusalRule::AllowRoot);
    }
    let launcher = settings.launcher_user.as_ref().filter(|launcher| !launcher.is_root())?;
    Some(RefusalRule::Launcher(launcher.clone()))
}

/// The workspace's value if it has one, or else the user's own.
fn pick<T>(over: Option<T>, own: T, source: &Source, workspace: &str) -> Sourced<T> {
    match over {
        Some(value) => Sourced { value, source: Source::Workspace(workspace.to_owned()) },
        None => Sourced { value: own, source: source.clone() },
    }
}

fn of_link<T: Clone>(value: Option<&T>) -> Option<Sourced<T>> {
    value.map(|value| Sourced { value: value.clone(), source: Source::Link })
}

impl Resolved {
    /// Each field that has a value, as the contract names it, with its source.
    pub fn sources(&self) -> Vec<(&'static str, &Source)> {
        let whole = [
            ("uid", &self.uid.source),
            ("user", &self.user.source),
            ("gid", &self.gid.source),
            ("group", &self.group.source),
            ("supplementary_groups", &self.supplementary.source),
        ];
        let optional = [
            self.home.as_ref().map(|home| ("home", &home.source)),
            self.shell.as_ref().map(|shell| ("shell", &shell.source)),
            self.gecos.as_ref().map(|gecos| ("gecos", &gecos.source)),
        ];
        whole.into_iter().chain(optional.into_iter().flatten()).collect()
    }

    /// The lines that a container's passwd, shadow and group files need.
    pub fn nss(&self) -> Nss {
        Nss::of(self)
    }

    /// `UID:GID`, for `docker run --user`.
    pub fn docker_user(&self) -> String {
        format!("{}:{}", self.uid.value, self.gid.value)
    }

    /// What a Kubernetes pod needs.
    pub fn security_context(&self) -> SecurityContext {
        SecurityContext {
            run_as_user: self.uid.value.get(),
            run_as_group: self.gid.value.get(),
            supplemental_groups: self.supplementary.value.iter().map(|group| group.gid.get()).collect(),
            fs_group: self.gid.value.get(),
        }
    }

    /// What is unusual about it.
    pub fn warnings(&self) -> Vec<Warning> {
        let gids = std::iter::once(self.gid.value).chain(self.supplementary.value.iter().map(|group| group.gid));
        Warning::of_ids(Some(self.uid.value), gids)
    }

    /// The fields that make it root; empty if none does.
    fn root_causes(&self) -> Vec<RootCause> {
        let uid = (self.uid.value == AgentId::ROOT)
            .then(|| RootCause { field: RootField::Uid, source: self.uid.source.clone() });
        let user =
            self.user.value.is_root().then(|| RootCause { field: RootField::User, source: self.user.source.clone() });
        uid.into_iter().chain(user).collect()
    }
}
