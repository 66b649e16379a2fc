//! Signing keys: written ahead, rotated once, believed until their tokens are gone.

use std::time::Duration;

use crate::stand::{Ground, config};

const DAY: Duration = Duration::from_hours(24);

#[tokio::test(flavor = "multi_thread")]
async fn keys_rotate_once_however_many_look_after_them_and_old_tokens_stay_good() {
    let (ground, identity) = Ground::started().await;
    let other = ground.identity(config()).await;
    assert_eq!(ground.count("world/signing-key/").await, 1);
    identity.advance(&ground, 29 * DAY + Duration::from_mins(23 * 60 + 49)).await;
    identity.service.maintain().await.unwrap();
    assert_eq!(ground.count("world/signing-key/").await, 1);
    identity.advance(&ground, Duration::from_mins(2)).await;
    let (a, b, c) = tokio::join!(identity.service.maintain(), other.service.maintain(), identity.service.maintain());
    for kept in [a, b, c] {
        kept.unwrap();
    }
    assert_eq!(ground.count("world/signing-key/").await, 2);
    assert_eq!(ground.count("private/identity/signing-key/").await, 2);
    let kid = |token: &str| token.split('.').next().unwrap().to_owned();
    let before = identity.login("admin").await.access_token;
    identity.advance(&ground, Duration::from_mins(10)).await;
    let after = other.login("admin").await.access_token;
    assert_ne!(kid(&before), kid(&after));
    for token in [&before, &after] {
        identity.who_am_i(token).await.unwrap();
        other.advance(&ground, Duration::ZERO).await;
        other.who_am_i(token).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_nobody_believes_any_more_are_removed() {
    let (ground, identity) = Ground::started().await;
    for _ in 0..8 {
        identity.advance(&ground, 30 * DAY).await;
        identity.service.maintain().await.unwrap();
        identity.login("admin").await;
    }
    let kept = ground.count("world/signing-key/").await;
    assert!((2..=5).contains(&kept), "{kept}");
    assert_eq!(ground.count("private/identity/signing-key/").await, kept);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_signs_with_the_next_key_when_its_time_has_come_whoever_wrote_it() {
    let (ground, identity) = Ground::started().await;
    let (other, asleep) = (ground.identity(config()).await, ground.identity(config()).await);
    identity.advance(&ground, 29 * DAY + Duration::from_mins(23 * 60 + 51)).await;
    identity.service.maintain().await.unwrap();
    assert_eq!(ground.count("world/signing-key/").await, 2);
    let kid = |token: &str| token.split('.').next().unwrap().to_owned();
    let old = kid(&identity.login("admin").await.access_token);
    // the turn of the other's next minute: it knows the key, and keeps it for its time
    other.service.maintain().await.unwrap();
    assert_eq!(kid(&other.login("admin").await.access_token), old);
    identity.advance(&ground, Duration::from_mins(10)).await;
    for replica in [&identity, &other] {
        assert_ne!(kid(&replica.login("admin").await.access_token), old);
    }
    // one that has not looked yet goes on with the old key, and all believe each other
    let late = asleep.login("admin").await.access_token;
    assert_eq!(kid(&late), old);
    let new = other.login("admin").await.access_token;
    for replica in [&identity, &other, &asleep] {
        replica.advance(&ground, Duration::ZERO).await;
        for token in [&late, &new] {
            replica.who_am_i(token).await.unwrap();
        }
    }
    asleep.service.maintain().await.unwrap();
    assert_eq!(kid(&asleep.login("admin").await.access_token), kid(&new));
}
