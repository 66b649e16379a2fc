//! Hostile and broken input: a clear refusal, no crash, nothing written.

use std::fmt::Write as _;

use prost_reflect::{DynamicMessage, Kind, ReflectMessage as _, Value};
use reeve_api::admission::{AdmitRequest, AdmitResponse, Verdict};
use reeve_api::policy::{ConfigPolicy, GetConfigPolicyRequest, SetConfigPolicyRequest};
use tonic::{Code, Status};

use crate::client::{Client, text};
use crate::cluster::{Cluster, Written};
use crate::deployment::Deployment;
use crate::raw;
use crate::refusal::{assert_refused, fields, violations};

tests! {
    [
        a_policy_that_is_wrong_is_refused_with_every_place,
        a_configuration_that_cannot_be_read_is_refused_with_the_place,
        ten_mebibytes_are_refused_before_they_are_read,
        a_value_of_the_wrong_type_is_a_violation_where_it_is_limited_and_gives_way_where_it_is_pinned,
        bytes_that_are_no_message_are_refused_by_every_method,
        strange_text_in_every_field_is_refused_without_harm,
    ]
    on up = Deployment::Up, apart = Deployment::Apart(Door::Agentmap),
}

async fn admit(client: &Client, config: &str) -> Result<AdmitResponse, Status> {
    let request = AdmitRequest {
        workspace: "default".to_owned(),
        workload_type: "experiment".to_owned(),
        config: text(config),
        ..Default::default()
    };
    // larger than what the client would send by itself
    Ok(client.admission().max_encoding_message_size(usize::MAX).admit(request).await?.into_inner())
}

async fn set(client: &Client, document: &str) -> Status {
    let policy = ConfigPolicy {
        scope: "cluster".to_owned(),
        workload_type: "experiment".to_owned(),
        document: document.to_owned(),
        ..Default::default()
    };
    let request = SetConfigPolicyRequest { policy: Some(policy), allow_conflicts: false };
    let answer = client.policies().max_encoding_message_size(usize::MAX).set_config_policy(request).await;
    answer.expect_err("it was taken")
}

/// Nine levels, each nine times the one below: some hundred million nodes, in less than a kilobyte.
fn alias_bomb() -> String {
    let mut bomb = String::from("a: &a [x, x, x, x, x, x, x, x, x]\n");
    for (above, below) in ('b'..='i').zip('a'..) {
        let uses = vec![format!("*{below}"); 9].join(", ");
        writeln!(bomb, "{above}: &{above} [{uses}]").unwrap();
    }
    bomb
}

/// Checks that the server is well, that nothing but `written` stands in the store, and that there is no policy.
async fn nothing_happened(cluster: &Cluster, client: &Client, written: Written) {
    assert_eq!(cluster.written(client).await, written);
    let request = GetConfigPolicyRequest {
        scope: "cluster".to_owned(),
        workload_type: "experiment".to_owned(),
        ..Default::default()
    };
    assert_refused(client.policies().get_config_policy(request).await, Code::NotFound, "NOT_FOUND");
    assert_eq!(admit(client, "name: x").await.unwrap().verdict(), Verdict::Allow);
}

async fn a_policy_that_is_wrong_is_refused_with_every_place(on: Deployment) {
    let cluster = Cluster::start(on).await;
    let admin = cluster.admin().await;
    let written = cluster.written(&admin).await;
    let mut missing = Vec::new();
    let bomb = format!("defaults:\n  hyperparameters:\n    {}", alias_bomb().replace('\n', "\n    "));
    for (document, wrong) in [
        (
            "default: {debug: true}\nconstraint: {}\n",
            &["default", "constraint", "line 1, column 1", "line 2, column 1"][..],
        ),
        ("defaults:\n  resources: {slots_per_trail: 1}\n", &["slots_per_trail", "line 2, column 15"]),
        ("constraints: {resources: {max_slots: eight}}", &["max_slots", "integer"]),
        ("constraints: {resources: {max_slots: -1}, priority_limit: x}", &["max_slots", "priority_limit"]),
        ("constraints: {resources: {max_slots: null}}", &["max_slots"]),
        ("defaults: {resources: 5}", &["resources"]),
        ("invariant_config: {environment: {environment_variables: {cuda: 1}}}", &["environment_variables"]),
        ("defaults: {max_restarts: 1}\ndefaults: {debug: true}\n", &["line 2, column 1", "defaults"]),
        ("defaults: [", &["line "]),
        ("defaults: {debug: !custom true}", &["line "]),
        ("defaults: {max_restarts: 010}", &["010"]),
        ("- a\n- list\n", &[]),
        ("", &[]),
        ("defaults: {}", &[]),
        (&bomb, &[]),
        (&format!("defaults: {}", "[".repeat(100_000)), &[]),
        (&format!("defaults: {{name: {}}}", "x".repeat(2 << 20)), &[]),
    ] {
        let status = set(&admin, document).await;
        assert_eq!(fields(&status), ["policy.document"], "{}", &document[..document.len().min(80)]);
        let said = violations(&status).into_iter().map(|(_, text)| text).collect::<Vec<_>>().join("\n");
        for part in wrong.iter().filter(|part| !said.contains(**part)) {
            missing.push(format!("{document}: no `{part}` in {said}"));
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
    nothing_happened(&cluster, &admin, written).await;
}

async fn a_configuration_that_cannot_be_read_is_refused_with_the_place(on: Deployment) {
    let cluster = Cluster::start(on).await;
    let admin = cluster.admin().await;
    let written = cluster.written(&admin).await;
    let mut missing = Vec::new();
    for (config, wrong) in [
        ("resources: {slots: 1}\nresources: {slots: 2}\n", "line 2, column 1"),
        ("name: [", "line "),
        ("name: {a: b", "line "),
        ("a: b\n\tc: d\n", "tab"),
        ("base: &b {x: 1}\nother: {<<: *b}\n", "<<"),
        ("a: *nowhere\n", "unknown anchor"),
        ("slots: 010\n", "010"),
        ("- a\n", ""),
        ("just text", ""),
        ("a: 1\n---\nb: 2\n", "line 2"),
        ("1: a\n", ""),
        ("a: !!python/object x\n", "line "),
        (&alias_bomb(), ""),
        (&"[".repeat(100_000), ""),
        (&"{a: ".repeat(100_000), ""),
        (&format!("a: {}", "[1, ".repeat(65)), ""),
        (&format!("list: [{}]", "1, ".repeat(20_000)), "10000"),
        (&format!("# {}", "x".repeat(2 << 20)), "1048576"),
    ] {
        let status = admit(&admin, config).await.expect_err("it was read");
        assert_eq!(fields(&status), ["config.text"], "{}", &config[..config.len().min(80)]);
        let said = violations(&status).into_iter().map(|(_, text)| text).collect::<Vec<_>>().join("\n");
        if !said.contains(wrong) {
            missing.push(format!("{}: no `{wrong}` in {said}", &config[..config.len().min(80)]));
        }
    }
    assert!(
        missing.is_empty(),
        "{}",
        missing.join(
            "
"
        )
    );
    nothing_happened(&cluster, &admin, written).await;
}

async fn ten_mebibytes_are_refused_before_they_are_read(on: Deployment) {
    let cluster = Cluster::start(on).await;
    let admin = cluster.admin().await;
    let written = cluster.written(&admin).await;
    let large = format!("name: {}", "x".repeat(10 << 20));
    for status in [admit(&admin, &large).await.unwrap_err(), set(&admin, &large).await] {
        assert_eq!(fields(&status), [""], "{status:?}");
        assert!(status.message().contains("larger than 4194304 bytes"), "{status:?}");
    }
    nothing_happened(&cluster, &admin, written).await;
}

async fn a_value_of_the_wrong_type_is_a_violation_where_it_is_limited_and_gives_way_where_it_is_pinned(on: Deployment) {
    let cluster = Cluster::start(on).await;
    let admin = cluster.admin().await;
    let policy =
        "invariant_config: {checkpoint_storage: {type: s3, bucket: b}}\nconstraints: {resources: {max_slots: 8}}";
    admin.set_policy("cluster", "experiment", policy).await.unwrap();
    for (config, path) in [
        ("resources: {slots_per_trial: many}", "resources.slots_per_trial"),
        ("resources: [16]", "resources"),
        ("resources: {slots_per_trial: 4.5}", "resources.slots_per_trial"),
    ] {
        let answer = admit(&admin, config).await.unwrap();
        assert_eq!(answer.verdict(), Verdict::Deny, "{config}");
        assert_eq!(answer.violations[0].path, path, "{config}");
    }
    let answer = admit(&admin, "checkpoint_storage: 5\n").await.unwrap();
    assert_eq!(answer.verdict(), Verdict::Allow);
    assert_eq!((answer.changes[0].path.as_str(), answer.changes[0].from_json.as_str()), ("checkpoint_storage", "5"));
}

/// Everything wrong in the encoding of each method's first string: not UTF-8, cut short, of another wire type.
async fn bytes_that_are_no_message_are_refused_by_every_method(on: Deployment) {
    let cluster = Cluster::start(on).await;
    let admin = cluster.admin().await;
    let written = cluster.written(&admin).await;
    let mut tried = 0;
    for (path, method) in raw::methods() {
        let Some(field) = method.input().fields().find(|field| matches!(field.kind(), Kind::String)) else { continue };
        tried += 1;
        let tag = u8::try_from(field.number() << 3 | 2).unwrap();
        for bytes in [
            vec![tag, 2, 0xc3, 0x28],
            vec![tag, 1, 0xff],
            vec![tag, 4, 0xf4, 0x90, 0x80, 0x80],
            vec![tag, 3, 0xed, 0xa0, 0x80],
            vec![tag, 100, b'a'],
            vec![tag, 0xff, 0xff, 0xff, 0xff, 0x0f],
            vec![tag - 2, 1],
            vec![tag | 7],
            vec![0],
        ] {
            let answer = raw::call(&admin, &path, method.is_server_streaming(), bytes).await;
            let status = answer.expect_err("it was read");
            assert_eq!(fields(&status), [""], "{path}");
            assert!(status.message().starts_with("the request cannot be read"), "{status:?}");
        }
    }
    assert!(tried > 20, "{tried}");
    nothing_happened(&cluster, &admin, written).await;
}

/// Text that no field wants, in every string of every method at once.
async fn strange_text_in_every_field_is_refused_without_harm(on: Deployment) {
    let cluster = Cluster::start(on).await;
    let admin = cluster.admin().await;
    let written = cluster.written(&admin).await;
    let long = "x".repeat(100_000);
    for strange in
        ["\0", "\u{202e}evil\u{0}", "../../etc/passwd", "a\r\nb", "'; DROP TABLE users; --", " ", "%s%n", &long]
    {
        for (path, method) in raw::methods() {
            // these take no text that could be wrong, or end the session that this test goes on with
            if ["/Logout", "/GetServerInfo", "/ListRoles", "/WhoAmI"].iter().any(|end| path.ends_with(end)) {
                continue;
            }
            let mut message = DynamicMessage::new(method.input());
            fill(&mut message, strange, 0);
            let request = prost::Message::encode_to_vec(&message);
            if let Err(status) = raw::call(&admin, &path, method.is_server_streaming(), request).await {
                let clear = [Code::InvalidArgument, Code::NotFound, Code::Unauthenticated];
                assert!(clear.contains(&status.code()), "{path}: {status:?}");
                crate::refusal::reason(&status);
                // details travel in a header
                assert!(status.details().len() + status.message().len() < 8192, "{path}: {}", status.details().len());
            }
        }
    }
    nothing_happened(&cluster, &admin, written).await;
}

fn fill(message: &mut DynamicMessage, strange: &str, depth: usize) {
    for field in message.descriptor().fields() {
        let value = match field.kind() {
            Kind::String => Value::String(strange.to_owned()),
            Kind::Message(inner) if depth < 3 && !inner.full_name().starts_with("google.") => {
                let mut below = DynamicMessage::new(inner);
                fill(&mut below, strange, depth + 1);
                Value::Message(below)
            }
            _ => continue,
        };
        let value = if field.is_list() { Value::List(vec![value]) } else { value };
        message.set_field(&field, value);
    }
}
