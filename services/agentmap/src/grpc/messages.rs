//! Agent users and overrides as they travel.

use reeve_agent_user::{AgentUser, AgentUserDraft, IdentityDraft, Override, SupplementaryGroupDraft};
use reeve_api::agentmap as wire;

/// What a message says, before it is checked. An empty text is none: proto3 does not tell them apart.
pub(super) fn agent_user_draft(message: wire::AgentUser) -> AgentUserDraft {
    let group = |group: wire::SupplementaryGroup| SupplementaryGroupDraft { gid: group.gid, name: given(group.name) };
    AgentUserDraft {
        identity: IdentityDraft {
            uid: message.uid,
            user: given(message.user),
            gid: message.gid,
            group: given(message.group),
        },
        supplementary: message.supplementary_groups.into_iter().map(group).collect(),
        home: given(message.home),
        shell: given(message.shell),
        gecos: given(message.gecos),
    }
}

pub(super) fn agent_user(link: &AgentUser) -> wire::AgentUser {
    let group = |group: &reeve_agent_user::SupplementaryGroup| wire::SupplementaryGroup {
        gid: Some(group.gid.get()),
        name: group.name.as_ref().map(ToString::to_string).unwrap_or_default(),
    };
    wire::AgentUser {
        uid: Some(link.uid.get()),
        user: link.user.to_string(),
        gid: Some(link.gid.get()),
        group: link.group.to_string(),
        supplementary_groups: link.supplementary.iter().map(group).collect(),
        home: link.home.as_ref().map(ToString::to_string).unwrap_or_default(),
        shell: link.shell.as_ref().map(ToString::to_string).unwrap_or_default(),
        gecos: link.gecos.as_ref().map(ToString::to_string).unwrap_or_default(),
    }
}

/// What a message says, before it is checked. Here a text that is there and empty is a value, and a wrong one.
pub(super) fn override_draft(message: wire::WorkspaceAgentUser) -> IdentityDraft {
    let wire::WorkspaceAgentUser { uid, user, gid, group } = message;
    IdentityDraft { uid, user, gid, group }
}

pub(super) fn workspace_agent_user(overrides: &Override) -> wire::WorkspaceAgentUser {
    wire::WorkspaceAgentUser {
        uid: overrides.uid.map(reeve_agent_user::AgentId::get),
        user: overrides.user.as_ref().map(ToString::to_string),
        gid: overrides.gid.map(reeve_agent_user::AgentId::get),
        group: overrides.group.as_ref().map(ToString::to_string),
    }
}

fn given(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}
