//! What is contradictory or without effect in the policies themselves.

use reeve_config_policy::{Consequences, LimitPrecedence, Scope, Section, check};

use super::world::World;

fn consequences(world: &World) -> Consequences {
    check(world.workload, &world.applicable(), &world.settings)
}

#[test]
fn an_own_default_above_an_own_limit_is_a_contradiction() {
    let world = World::new(
        Some("defaults: {resources: {slots_per_trial: 16}}\nconstraints: {resources: {max_slots: 8}}"),
        None,
    );
    let found = consequences(&world);
    let [contradiction] = found.contradictions.as_slice() else { panic!("{found:?}") };
    assert_eq!(contradiction.section, Section::Defaults);
    assert_eq!(contradiction.violation.path, "resources.slots_per_trial");
    assert_eq!(
        contradiction.message,
        "`defaults.resources.slots_per_trial` of cluster, version 7, cannot stand: `resources.slots_per_trial` is `16`, \
         more than the `8` allowed by `constraints.resources.max_slots` (policy of cluster, version 7)"
    );
}

#[test]
fn a_workspaces_invariant_above_the_clusters_limit_is_a_contradiction() {
    let world =
        World::new(Some("constraints: {priority_limit: 10}"), Some("invariant_config: {resources: {priority: 5}}"));
    let found = consequences(&world);
    let [contradiction] = found.contradictions.as_slice() else { panic!("{found:?}") };
    assert_eq!(contradiction.scope, Scope::Workspace("vision".to_owned()));
    assert_eq!(contradiction.violation.scope, Scope::Cluster);
}

#[test]
fn what_takes_no_effect_contradicts_nothing() {
    let world = World::new(
        Some("invariant_config: {resources: {slots_per_trial: 4}}\nconstraints: {resources: {max_slots: 8}}"),
        Some("defaults: {resources: {slots_per_trial: 16}}"),
    );
    let found = consequences(&world);
    assert_eq!(found.contradictions, []);
    let [warning] = found.warnings.as_slice() else { panic!("{found:?}") };
    assert_eq!(warning.path, "defaults.resources.slots_per_trial");
    assert_eq!(warning.message, "overridden by `invariant_config` of cluster, version 7");
}

#[test]
fn a_default_search_is_capped_and_contradicts_nothing() {
    let world =
        World::new(Some("defaults: {searcher: {name: random}}\nconstraints: {resources: {max_slots: 8}}"), None);
    assert_eq!(consequences(&world), Consequences::default());
}

#[test]
fn a_workspace_tightens_without_a_word_and_loosens_with_a_warning() {
    let cluster = Some("constraints: {resources: {max_slots: 8}, priority_limit: 10}");
    let tighter = World::new(cluster, Some("constraints: {resources: {max_slots: 4}, priority_limit: 20}"));
    assert_eq!(consequences(&tighter), Consequences::default());
    let equal = World::new(cluster, Some("constraints: {resources: {max_slots: 8}, priority_limit: 10}"));
    assert_eq!(consequences(&equal), Consequences::default());
    let looser = World::new(cluster, Some("constraints: {resources: {max_slots: 16}, priority_limit: 5}"));
    let messages: Vec<_> =
        consequences(&looser).warnings.into_iter().map(|w| format!("{}: {}", w.path, w.message)).collect();
    assert_eq!(
        messages,
        [
            "constraints.resources.max_slots: the limit `16` is looser than the cluster's `8` and has no effect",
            "constraints.priority_limit: the limit `5` is looser than the cluster's `10` and has no effect",
        ]
    );
}

#[test]
fn an_overriding_cluster_warns_of_what_it_replaces() {
    let mut world =
        World::new(Some("constraints: {resources: {max_slots: 8}}"), Some("constraints: {resources: {max_slots: 4}}"));
    world.settings.limit_precedence = LimitPrecedence::ClusterOverrides;
    let found = consequences(&world);
    let [warning] = found.warnings.as_slice() else { panic!("{found:?}") };
    assert_eq!(warning.message, "the limit `4` is replaced by the cluster's `8` and has no effect");
}

#[test]
fn a_workspaces_invariant_under_the_clusters_is_a_warning() {
    let world = World::new(
        Some("invariant_config: {checkpoint_storage: {type: gcs, bucket: a}}"),
        Some("invariant_config: {checkpoint_storage: {type: s3, bucket: b, prefix: p}}"),
    );
    let found = consequences(&world);
    assert_eq!(found.contradictions, []);
    let mut paths: Vec<_> = found.warnings.iter().map(|warning| warning.path.as_str()).collect();
    paths.sort_unstable();
    let storage = "invariant_config.checkpoint_storage";
    assert_eq!(paths, [format!("{storage}.bucket"), format!("{storage}.prefix"), format!("{storage}.type")]);
}
