//! Configs that cannot be resolved at all.

use reeve_config_policy::{InputErrors, MAX_NODES, parse_config, resolve};

use super::world::World;

fn refusal(world: &World, config: &str) -> InputErrors {
    let document = parse_config(config.as_bytes()).unwrap();
    resolve(world.workload, &document, &world.applicable(), &world.settings).unwrap_err()
}

#[test]
fn a_users_items_need_their_keys_once() {
    let config = "bind_mounts:\n  - host_path: /a\n  - /a:/b\n  - /c:/b/\nenvironment:\n  image: {gpu: a, cuda: b}\n";
    let expected = [
        "line 2, column 5: `bind_mounts[0]`: must have the field `container_path`, its key in the list",
        "line 4, column 5: `bind_mounts[2]`: the `container_path` `/b` stands twice in one list",
        "line 6, column 19: `environment.image.cuda`: `gpu` means `cuda`: give one of them",
    ];
    assert_eq!(refusal(&World::new(None, None), config).to_string(), expected.join("; "));
}

#[test]
fn a_result_beyond_the_bounds_names_the_bound() {
    let half = MAX_NODES / 2 + 100;
    let items =
        |prefix: &str| (0..half).map(|n| [prefix, &n.to_string(), ": 1"].concat()).collect::<Vec<_>>().join(", ");
    let world = World::new(Some(&format!("defaults: {{data: {{{}}}}}", items("c"))), None);
    let errors = refusal(&world, &format!("data: {{{}}}", items("u")));
    assert_eq!(errors.to_string(), format!("the result holds {} values, more than {MAX_NODES}", 2 * half + 2));
}

#[test]
fn json_cannot_hold_what_a_yaml_policy_may() {
    let world = World::new(Some("defaults: {resources: {weight: .inf}}"), None);
    assert!(refusal(&world, "{\"name\": \"x\"}").to_string().contains("which JSON cannot write"));
}
