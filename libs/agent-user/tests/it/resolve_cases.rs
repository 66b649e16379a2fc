//! Resolutions as a table: the link, the override and the settings of each case, and the whole answer.

use reeve_agent_user::{
    AgentUser, AgentUserDraft, DefaultTask, IdentityDraft, Override, Resolved, RootTasks, Settings,
    SupplementaryGroupDraft, UnixName, resolve,
};
use serde_json::{Map, Value, json};

const CASES: &str = include_str!("../cases/resolve.json");

fn text(object: &Value, key: &str) -> Option<String> {
    object.get(key).map(|value| value.as_str().expect("a text").to_owned())
}

fn number(object: &Value, key: &str) -> Option<u32> {
    object.get(key).map(|value| u32::try_from(value.as_u64().expect("a number")).unwrap())
}

fn identity(object: &Value) -> IdentityDraft {
    IdentityDraft {
        uid: number(object, "uid"),
        user: text(object, "user"),
        gid: number(object, "gid"),
        group: text(object, "group"),
    }
}

fn link(object: &Value) -> AgentUser {
    let groups = object.get("supplementary_groups").and_then(Value::as_array).into_iter().flatten();
    let draft = AgentUserDraft {
        identity: identity(object),
        supplementary: groups
            .map(|group| SupplementaryGroupDraft { gid: number(group, "gid"), name: text(group, "name") })
            .collect(),
        home: text(object, "home"),
        shell: text(object, "shell"),
        gecos: text(object, "gecos"),
    };
    AgentUser::parse(&draft, "").unwrap()
}

fn settings(object: &Value) -> Settings {
    Settings {
        default_task: object
            .get("default_task")
            .map_or_else(DefaultTask::default, |default| DefaultTask::parse(&identity(default), "").unwrap()),
        root_tasks: RootTasks::of_allow_root(object.get("allow_root").is_none_or(|allow| *allow == true)),
        launcher_user: text(object, "launcher_user").map(|name| UnixName::parse(&name).unwrap()),
    }
}

fn written(resolved: &Resolved) -> Value {
    let sources: Map<String, Value> =
        resolved.sources().into_iter().map(|(field, source)| (field.to_owned(), source.to_string().into())).collect();
    let (nss, context) = (resolved.nss(), resolved.security_context());
    let mut answer = json!({
        "sources": sources,
        "passwd": nss.passwd,
        "shadow": nss.shadow,
        "group": nss.group,
        "docker_user": resolved.docker_user(),
        "security_context": {
            "run_as_user": context.run_as_user,
            "run_as_group": context.run_as_group,
            "supplemental_groups": context.supplemental_groups,
            "fs_group": context.fs_group,
        },
    });
    let warnings: Vec<Value> = resolved.warnings().iter().map(|warning| warning.to_string().into()).collect();
    if !warnings.is_empty() {
        answer["warnings"] = Value::Array(warnings);
    }
    answer
}

#[test]
fn resolutions_are_as_the_table_says() {
    let cases: Vec<Value> = serde_json::from_str(CASES).unwrap();
    assert!(cases.len() >= 12, "the table has {} cases", cases.len());
    for case in cases {
        let name = text(&case, "name").expect("a case has a name");
        let link = case.get("link").map(link);
        let overrides = case.get("override").map(|object| Override::parse(&identity(object), "").unwrap());
        let settings = settings(&case["settings"]);
        let answer = match resolve("alice", "vision", link.as_ref(), overrides.as_ref(), &settings) {
            Ok(resolved) => written(&resolved),
            Err(refusal) => json!({ "refused": refusal.to_string() }),
        };
        assert_eq!(answer, case["answer"], "{name}: {answer:#}");
    }
}
