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
