//! The built-in permissions: `noun.verb`, each with the lowest scope at which it may be assigned and asked.

use std::fmt;

use crate::nearest::nearest;

/// The lowest scope at which a permission may be assigned and asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LowestScope {
    /// On `cluster` only.
    Cluster,
    /// On a workspace and on everything below it; and on `cluster`, where it stands for the cluster itself.
    Workspace,
}

/// A built-in permission, such as `workload.submit`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Permission(Index);

/// A text that names no permission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownPermission {
    /// What was given, printable and cut to a bounded length.
    pub given: String,
    /// The known permission that is nearest to it, if any is near.
    pub nearest: Option<Permission>,
}

macro_rules! permissions {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal at $scope:ident;)+) => {
        /// The position of a permission in [`Permission::ALL`].
        #[expect(non_camel_case_types, reason = "one list names the constants and their positions")]
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        enum Index { $($name),+ }

        impl Permission {
            $($(#[doc = $doc])+ pub const $name: Self = Self(Index::$name);)+

            /// Every built-in permission, the cluster-only ones first.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The written form: `noun.verb`.
            pub const fn as_str(self) -> &'static str {
                match self.0 { $(Index::$name => $text),+ }
            }

            /// The lowest scope at which it may be assigned and asked.
            pub const fn lowest_scope(self) -> LowestScope {
                match self.0 { $(Index::$name => LowestScope::$scope),+ }
            }

            /// Reads the written form, exactly.
            ///
            /// # Errors
            /// Any other text, with the nearest known name.
            pub fn parse(text: &str) -> Result<Self, UnknownPermission> {
                match text {
                    $($text => Ok(Self::$name),)+
                    _ => Err(UnknownPermission {
                        given: crate::nearest::printable(text),
                        nearest: nearest(text, Self::ALL, |known| known.as_str()),
                    }),
                }
            }
        }
    };
}

permissions! {
    /// Create a workspace.
    WORKSPACE_CREATE = "workspace.create" at Cluster;
    /// Write and delete custom roles.
    ROLE_ADMINISTER = "role.administer" at Cluster;
    /// See what is known of users.
    USER_VIEW = "user.view" at Cluster;
    /// Create, change, deactivate and delete users.
    USER_ADMINISTER = "user.administer" at Cluster;
    /// See groups and their members.
    GROUP_VIEW = "group.view" at Cluster;
    /// Create, change and delete groups and their memberships.
    GROUP_ADMINISTER = "group.administer" at Cluster;
    /// Create, change and delete robots and their tokens.
    ROBOT_ADMINISTER = "robot.administer" at Cluster;
    /// See and revoke other people's sessions and tokens.
    TOKEN_ADMINISTER = "token.administer" at Cluster;
    /// Configure upstream identity providers.
    CONNECTOR_ADMINISTER = "connector.administer" at Cluster;
    /// Open, activate and close the cluster.
    ACCESS_ADMINISTER = "access.administer" at Cluster;
    /// Rotate signing keys.
    KEY_ADMINISTER = "key.administer" at Cluster;
    /// Link users with agent users.
    AGENT_USER_SET = "agentUser.set" at Cluster;
    /// Follow the feed of published records.
    FEED_FOLLOW = "feed.follow" at Cluster;
    /// See the cluster's state and settings.
    CLUSTER_VIEW = "cluster.view" at Cluster;
    /// Change the cluster's settings.
    CLUSTER_ADMINISTER = "cluster.administer" at Cluster;
    /// Submit a workload.
    WORKLOAD_SUBMIT = "workload.submit" at Workspace;
    /// Submit a workload of an interactive type.
    WORKLOAD_SUBMIT_INTERACTIVE = "workload.submitInteractive" at Workspace;
    /// See a workload's name, state and owner.
    WORKLOAD_LIST = "workload.list" at Workspace;
    /// See a workload's details.
    WORKLOAD_VIEW = "workload.view" at Workspace;
    /// Read a workload's logs.
    WORKLOAD_LOGS = "workload.logs" at Workspace;
    /// Run commands inside a workload.
    WORKLOAD_EXEC = "workload.exec" at Workspace;
    /// Change a workload.
    WORKLOAD_UPDATE = "workload.update" at Workspace;
    /// Stop a workload.
    WORKLOAD_STOP = "workload.stop" at Workspace;
    /// Delete a workload.
    WORKLOAD_DELETE = "workload.delete" at Workspace;
    /// Read artifacts.
    ARTIFACT_VIEW = "artifact.view" at Workspace;
    /// Write artifacts.
    ARTIFACT_WRITE = "artifact.write" at Workspace;
    /// Delete artifacts.
    ARTIFACT_DELETE = "artifact.delete" at Workspace;
    /// See a project.
    PROJECT_VIEW = "project.view" at Workspace;
    /// Create a project.
    PROJECT_CREATE = "project.create" at Workspace;
    /// Change a project.
    PROJECT_UPDATE = "project.update" at Workspace;
    /// Delete a project.
    PROJECT_DELETE = "project.delete" at Workspace;
    /// See that a workspace exists, and its settings.
    WORKSPACE_VIEW = "workspace.view" at Workspace;
    /// Change a workspace.
    WORKSPACE_UPDATE = "workspace.update" at Workspace;
    /// Delete a workspace.
    WORKSPACE_DELETE = "workspace.delete" at Workspace;
    /// See bindings, and ask about others' permissions.
    ROLE_VIEW = "role.view" at Workspace;
    /// Bind and unbind roles.
    ROLE_BIND = "role.bind" at Workspace;
    /// See config policies.
    CONFIG_POLICY_VIEW = "configPolicy.view" at Workspace;
    /// Set config policies.
    CONFIG_POLICY_SET = "configPolicy.set" at Workspace;
    /// See agent users.
    AGENT_USER_VIEW = "agentUser.view" at Workspace;
    /// See everybody's tasks.
    TASK_VIEW = "task.view" at Workspace;
    /// Register a task.
    TASK_REGISTER = "task.register" at Workspace;
    /// End a task.
    TASK_END = "task.end" at Workspace;
    /// Issue a task's token.
    TASK_ISSUE_TOKEN = "task.issueToken" at Workspace;
}

impl Permission {
    /// Its position in [`Self::ALL`].
    pub(crate) const fn index(self) -> u32 {
        self.0 as u32
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for UnknownPermission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not a permission", self.given)?;
        self.nearest.map_or(Ok(()), |nearest| write!(f, ": the nearest is `{nearest}`"))
    }
}

impl std::error::Error for UnknownPermission {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_permission_reads_back_from_its_text() {
        for (at, permission) in Permission::ALL.iter().enumerate() {
            assert_eq!(permission.index() as usize, at);
            assert_eq!(Permission::parse(permission.as_str()), Ok(*permission));
        }
    }

    #[test]
    fn an_unknown_permission_is_refused_with_the_nearest_known_one() {
        let error = Permission::parse("workload.submitt").unwrap_err();
        assert_eq!(error.to_string(), "`workload.submitt` is not a permission: the nearest is `workload.submit`");
        assert_eq!(Permission::parse("Workload.Submit").unwrap_err().nearest, Some(Permission::WORKLOAD_SUBMIT));
        assert_eq!(Permission::parse("workloads.submit").unwrap_err().nearest, Some(Permission::WORKLOAD_SUBMIT));
        assert_eq!(Permission::parse("").unwrap_err().to_string(), "`` is not a permission");
        assert_eq!(Permission::parse("quite.different").unwrap_err().nearest, None);
    }

    #[test]
    fn an_error_is_printable_and_short() {
        let error = Permission::parse(&"\u{1b}[2J".repeat(10_000)).unwrap_err().to_string();
        assert!(error.len() < 1000 && !error.contains('\u{1b}'), "{error}");
    }
}
