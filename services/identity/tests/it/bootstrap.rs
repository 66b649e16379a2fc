//! The first start, the second, two at once, and the wrong key.

use std::sync::Arc;

use reeve_credentials::{ClusterKey, PasswordFault, Sealer, SecretString};
use reeve_identity::{Bootstrap, BootstrapError, BootstrapOutcome, Deps, IdentityService, StartError, is_bootstrapped};
use reeve_model::GroupId;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::calls::reason;
use crate::stand::{Ground, PASSWORD, config};

#[tokio::test(flavor = "multi_thread")]
async fn a_first_start_makes_both_accounts_the_groups_and_the_root_token() {
    let (ground, identity) = Ground::started().await;
    let admin = identity.who_am_i(&identity.admin().await).await.unwrap();
    assert_eq!((admin.principal.as_str(), admin.cluster_admin), ("user:admin", true));
    assert_eq!(admin.groups, ["everyone", "admins"]);
    let plain = identity.who_am_i(&identity.login("reeve").await.access_token).await.unwrap();
    assert_eq!(
        (plain.principal.as_str(), plain.cluster_admin, plain.groups),
        ("user:reeve", false, vec!["everyone".to_owned()])
    );
    let root = identity.who_am_i(&ground.root_token).await.unwrap();
    assert_eq!((root.principal.as_str(), root.uid.as_str(), root.cluster_admin), ("root", "", true));
    assert_eq!(root.token_expire_time, None);
    let world = identity.newest().await;
    assert!(world.group_by_id(&GroupId::EVERYONE).is_some() && world.group_by_id(&GroupId::ADMINS).is_some());
    assert!(world.has_lasting_admin());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_start_changes_nothing_and_needs_no_password() {
    let ground = Ground::new();
    assert!(!is_bootstrapped(ground.store.as_ref()).await.unwrap());
    let first = ground.bootstrap(&ground.sealer, Some(ground.first(PASSWORD))).await.unwrap();
    assert_eq!(first, BootstrapOutcome::Created);
    assert!(is_bootstrapped(ground.store.as_ref()).await.unwrap());
    let later = ground.bootstrap(&ground.sealer, Some(ground.first("Another1Password"))).await.unwrap();
    assert_eq!(later, BootstrapOutcome::AlreadyThere);
    assert_eq!(ground.bootstrap(&ground.sealer, None).await.unwrap(), BootstrapOutcome::AlreadyThere);
    let identity = ground.identity(config()).await;
    assert_eq!(reason(identity.try_login("admin", "Another1Password").await), "INVALID_CREDENTIALS");
    identity.login("admin").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_first_starts_at_once_make_one_cluster() {
    let ground = Ground::new();
    let start = || ground.bootstrap(&ground.sealer, Some(ground.first(PASSWORD)));
    let (a, b, c) = tokio::join!(start(), start(), start());
    let mut outcomes = [a.unwrap(), b.unwrap(), c.unwrap()].map(|outcome| outcome == BootstrapOutcome::Created);
    outcomes.sort_unstable();
    assert_eq!(outcomes, [false, false, true]);
    assert_eq!(ground.count("world/user/").await, 2);
    assert_eq!(ground.count("world/signing-key/").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_cluster_key_is_refused_before_anything_is_written() {
    let ground = Ground::new();
    ground.bootstrap(&ground.sealer, Some(ground.first(PASSWORD))).await.unwrap();
    let before = ground.store.list_revision().await;
    let other = Sealer::new(ClusterKey::generate(ground.entropy.as_ref()).unwrap(), Vec::new());
    let refused = ground.bootstrap(&other, Some(ground.first(PASSWORD))).await;
    assert!(matches!(refused, Err(BootstrapError::WrongClusterKey(_))), "{refused:?}");
    assert_eq!(ground.store.list_revision().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_first_starts_with_different_keys_leave_one_that_knows_it_lost() {
    let ground = Ground::new();
    let other = Sealer::new(ClusterKey::generate(ground.entropy.as_ref()).unwrap(), Vec::new());
    let (one, two) = tokio::join!(
        ground.bootstrap(&ground.sealer, Some(ground.first(PASSWORD))),
        ground.bootstrap(&other, Some(ground.first(PASSWORD))),
    );
    let won = [&one, &two].into_iter().filter(|outcome| matches!(outcome, Ok(BootstrapOutcome::Created))).count();
    let lost = [&one, &two].into_iter().filter(|o| matches!(o, Err(BootstrapError::WrongClusterKey(_)))).count();
    assert_eq!((won, lost), (1, 1), "{one:?} {two:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_start_without_a_password_or_with_a_weak_one_writes_nothing() {
    let ground = Ground::new();
    let missing = ground.bootstrap(&ground.sealer, None).await;
    assert!(matches!(&missing, Err(BootstrapError::PasswordMissing)));
    assert!(missing.unwrap_err().to_string().contains("REEVE_INITIAL_PASSWORD"));
    let weak = ground.bootstrap(&ground.sealer, Some(ground.first("reeve"))).await;
    let Err(BootstrapError::PasswordRefused(faults)) = weak else { panic!("{weak:?}") };
    for fault in [PasswordFault::TooShort(8), PasswordFault::NoUpper, PasswordFault::NoDigit, PasswordFault::IsUsername]
    {
        assert!(faults.contains(&fault), "{faults:?}");
    }
    let (initial_password, root_token) = (SecretString::from(PASSWORD), SecretString::from("reeve_root_short"));
    let token = ground.bootstrap(&ground.sealer, Some(Bootstrap { initial_password, root_token })).await;
    assert!(matches!(token, Err(BootstrapError::RootTokenMalformed)), "{token:?}");
    assert_eq!(ground.count("").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_stands_in_the_store() {
    let (ground, identity) = Ground::started().await;
    let tokens = identity.login("admin").await;
    identity.robot(&tokens.access_token, "ci").await.unwrap();
    let bot = identity.mint(&tokens.access_token, "ci", None).await.unwrap();
    let everything = ground.store.everything().await;
    for secret in [PASSWORD, "$argon2id", &ground.root_token, &tokens.refresh_token, &tokens.access_token, &bot] {
        assert!(!everything.windows(secret.len()).any(|window| window == secret.as_bytes()), "{secret}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_identity_starts_over_an_empty_store_or_with_another_key() {
    let ground = Ground::new();
    let (tasks, shutdown) = (TaskTracker::new(), CancellationToken::new());
    let start = async |sealer: &Arc<Sealer>| {
        let deps = Deps { sealer: sealer.clone(), ..ground.deps(config(), &shutdown).await };
        IdentityService::start(deps, &tasks, shutdown.clone()).await.map(|_| ()).unwrap_err()
    };
    let empty = start(&ground.sealer).await;
    assert!(matches!(empty, StartError::Cluster(BootstrapError::NotBootstrapped)), "{empty:?}");
    ground.bootstrap(&ground.sealer, Some(ground.first(PASSWORD))).await.unwrap();
    let other = Arc::new(Sealer::new(ClusterKey::generate(ground.entropy.as_ref()).unwrap(), Vec::new()));
    let wrong = start(&other).await;
    assert!(matches!(wrong, StartError::Cluster(BootstrapError::WrongClusterKey(_))), "{wrong:?}");
    // A key that was replaced still opens what it sealed.
    let rotated = ClusterKey::generate(ground.entropy.as_ref()).unwrap();
    let rotated = Arc::new(Sealer::new(rotated, vec![ground.key.clone()]));
    let deps = Deps { sealer: rotated, ..ground.deps(config(), &shutdown).await };
    IdentityService::start(deps, &tasks, shutdown.clone()).await.unwrap();
    shutdown.cancel();
    tasks.close();
    tasks.wait().await;
}
