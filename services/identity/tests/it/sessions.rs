//! Signing in, staying in, and being out.

use std::collections::BTreeSet;
use std::time::Duration;

use reeve_api::api::{Consistency, consistency::Requirement};
use reeve_api::identity as api;
use reeve_credentials::{SessionKey, refresh_token};
use reeve_identity::{HashConfig, IdentityConfig, MAX_SESSIONS_PER_USER, PasswordsConfig};
use reeve_model::SessionId;
use reeve_store::{Key, Store, Txn};

use crate::calls::{bearing, fields, new_user, reason};
use crate::stand::{Ground, PASSWORD, START, cheap, config};

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

#[tokio::test(flavor = "multi_thread")]
async fn a_login_gives_a_session_with_its_times() {
    let (_ground, identity) = Ground::started().await;
    let answer = identity.try_login("ADMIN", PASSWORD).await.unwrap();
    assert_eq!(answer.username, "admin");
    assert!(answer.consistency_token.starts_with("rt1."));
    let tokens = answer.tokens.unwrap();
    let seconds = START.as_secs();
    assert_eq!(tokens.access_token_expire_time.unwrap().seconds, seconds + 15 * 60);
    assert_eq!(tokens.session_expire_time.unwrap().seconds, seconds + 30 * 24 * 3600);
    let me = identity.who_am_i(&tokens.access_token).await.unwrap();
    assert_eq!(me.token_expire_time.unwrap().seconds, seconds + 15 * 60);
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_inactive_and_wrong_are_one_answer() {
    let (_ground, identity) = Ground::started().await;
    let admin = identity.admin().await;
    let mut shown = new_user("bob");
    shown.display_name = "Robert".to_owned();
    identity.create(&admin, shown).await.unwrap();
    identity.user(&admin, "carol").await;
    identity.deactivate(&admin, "carol").await.unwrap();
    let long = "x".repeat(100_000);
    let too_long = format!("{PASSWORD}{}", "x".repeat(512));
    let mut answers = BTreeSet::new();
    for (name, password) in [
        ("nobody", PASSWORD),
        ("bob", "Wrong1Password"),
        ("carol", PASSWORD),
        ("Robert", PASSWORD),
        ("not a name", PASSWORD),
        (&long, PASSWORD),
        ("bob", &too_long),
        ("bob", &long),
    ] {
        let status = identity.try_login(name, password).await.unwrap_err();
        answers.insert((status.code() as i32, status.message().to_owned(), reason(Err::<(), _>(status))));
    }
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert_eq!(answers.first().unwrap().2, "INVALID_CREDENTIALS");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_without_fields_or_with_a_long_client_names_them_all() {
    let (_ground, identity) = Ground::started().await;
    let client = "x".repeat(129);
    let request = api::LoginRequest { username: " ".to_owned(), password: String::new(), client };
    assert_eq!(fields(identity.sessions().login(request).await), ["username", "password", "client"]);
    let client = "a\u{1b}b".to_owned();
    let request = api::LoginRequest { username: "admin".to_owned(), password: PASSWORD.to_owned(), client };
    assert_eq!(fields(identity.sessions().login(request).await), ["client"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_just_created_can_sign_in_at_any_replica() {
    let (ground, identity) = Ground::started().await;
    let other = ground.identity(config()).await;
    let admin = identity.admin().await;
    for number in 0..10 {
        let name = format!("user-{number}");
        identity.user(&admin, &name).await;
        let tokens = other.login(&name).await;
        assert_eq!(other.who_am_i(&tokens.access_token).await.unwrap().principal, format!("user:{name}"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_hashed_anew_when_the_cost_has_changed() {
    let (ground, identity) = Ground::started().await;
    let stored = async || {
        let page = ground.store.list("private/identity/credential/", None, 10, None).await.unwrap();
        page.items.into_iter().map(|item| item.mod_revision).max().unwrap()
    };
    let before = stored().await;
    identity.login("admin").await;
    assert_eq!(stored().await, before);
    let passwords = PasswordsConfig { hash: HashConfig { passes: 2, ..cheap() }, ..PasswordsConfig::default() };
    let dearer = ground.identity(IdentityConfig { passwords, ..IdentityConfig::default() }).await;
    dearer.login("admin").await;
    let after = stored().await;
    assert!(after > before);
    dearer.login("admin").await;
    assert_eq!(stored().await, after);
}

#[tokio::test(flavor = "multi_thread")]
async fn refreshing_rotates_and_the_access_tokens_go_on() {
    let (ground, identity) = Ground::started().await;
    let mut tokens = identity.login("admin").await;
    let session_end = tokens.session_expire_time;
    for _ in 0..5 {
        identity.advance(&ground, 20 * MINUTE).await;
        assert_eq!(reason(identity.who_am_i(&tokens.access_token).await), "TOKEN_EXPIRED");
        let next = identity.refresh(&tokens.refresh_token).await.unwrap();
        assert_ne!(next.refresh_token, tokens.refresh_token);
        assert_eq!(next.session_expire_time, session_end);
        identity.who_am_i(&next.access_token).await.unwrap();
        tokens = next;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_within_a_minute_gives_the_same_token_and_writes_nothing() {
    let (ground, identity) = Ground::started().await;
    let first = identity.login("admin").await;
    let second = identity.refresh(&first.refresh_token).await.unwrap();
    let revision = ground.store.list_revision().await;
    identity.advance(&ground, MINUTE).await;
    let again = identity.refresh(&first.refresh_token).await.unwrap();
    assert_eq!(again.refresh_token, second.refresh_token);
    assert_eq!(ground.store.list_revision().await, revision);
    identity.who_am_i(&again.access_token).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_used_again_later_ends_the_session() {
    let (ground, identity) = Ground::started().await;
    let first = identity.login("admin").await;
    let second = identity.refresh(&first.refresh_token).await.unwrap();
    identity.advance(&ground, MINUTE + Duration::from_millis(1)).await;
    assert_eq!(reason(identity.refresh(&first.refresh_token).await), "SESSION_ENDED");
    assert_eq!(reason(identity.refresh(&second.refresh_token).await), "SESSION_ENDED");
    assert_eq!(reason(identity.who_am_i(&second.access_token).await), "SESSION_ENDED");
    assert_eq!(ground.count("private/identity/user-session/").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_token_ends_the_session_at_once() {
    let (_ground, identity) = Ground::started().await;
    let first = identity.login("admin").await;
    let second = identity.refresh(&first.refresh_token).await.unwrap();
    let third = identity.refresh(&second.refresh_token).await.unwrap();
    assert_eq!(reason(identity.refresh(&first.refresh_token).await), "SESSION_ENDED");
    assert_eq!(reason(identity.who_am_i(&third.access_token).await), "SESSION_ENDED");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_refreshes_at_once_make_one_rotation() {
    let (ground, identity) = Ground::started().await;
    let other = ground.identity(config()).await;
    let first = identity.login("admin").await;
    let calls = (0..24).map(|number| {
        let at = if number % 2 == 0 { identity.sessions() } else { other.sessions() };
        let refresh_token = first.refresh_token.clone();
        tokio::spawn(async move {
            let answer = { at }.refresh(api::RefreshRequest { refresh_token }).await.unwrap();
            answer.into_inner().tokens.unwrap().refresh_token
        })
    });
    let mut given = BTreeSet::new();
    for call in calls.collect::<Vec<_>>() {
        given.insert(call.await.unwrap());
    }
    assert_eq!(given.len(), 1);
    identity.refresh(given.first().unwrap()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_nobody_was_given_ends_nothing_and_tells_nothing() {
    let (ground, identity) = Ground::started().await;
    let tokens = identity.login("admin").await;
    for bad in ["x", "reeve_ses_x", &tokens.access_token, &ground.root_token] {
        assert_eq!(reason(identity.refresh(bad).await), "TOKEN_MALFORMED", "{bad}");
    }
    assert_eq!(fields(identity.refresh("").await), ["refresh_token"]);
    let forged = SessionKey::generate(ground.entropy.as_ref());
    let prefix = "private/identity/session/";
    let live =
        ground.store.list(prefix, None, 10, None).await.unwrap().items[0].key.as_str()[prefix.len()..].to_owned();
    let unknown = SessionId::new(START, ground.entropy.as_ref());
    for sid in [SessionId::parse(&live).unwrap(), unknown] {
        let token = refresh_token(sid, 0, &forged);
        assert_eq!(reason(identity.refresh(token.expose()).await), "SESSION_ENDED");
    }
    identity.refresh(&tokens.refresh_token).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_at_its_end_and_when_it_was_idle() {
    let (ground, identity) = Ground::started().await;
    let brief = IdentityConfig { session_idle: "1d".parse().unwrap(), session_life: "3d".parse().unwrap(), ..config() };
    let brief = ground.identity(brief).await;
    let (idle, mut kept) = (brief.login("admin").await, brief.login("admin").await);
    for _ in 0..5 {
        brief.advance(&ground, DAY / 2).await;
        kept = brief.refresh(&kept.refresh_token).await.unwrap();
    }
    assert_eq!(reason(brief.refresh(&idle.refresh_token).await), "SESSION_ENDED");
    brief.advance(&ground, 11 * HOUR + 59 * MINUTE).await;
    kept = brief.refresh(&kept.refresh_token).await.unwrap();
    // An access token never outlives its session.
    assert_eq!(kept.access_token_expire_time, kept.session_expire_time);
    brief.advance(&ground, MINUTE).await;
    assert_eq!(reason(brief.refresh(&kept.refresh_token).await), "SESSION_ENDED");
    drop(identity);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_ends_the_session_everywhere_at_once_and_no_other() {
    let (ground, identity) = Ground::started().await;
    let other = ground.identity(config()).await;
    let (one, two) = (identity.login("admin").await, identity.login("admin").await);
    let proof = identity.logout(&one.access_token).await.unwrap();
    assert_eq!(reason(identity.who_am_i(&one.access_token).await), "SESSION_ENDED");
    let consistency = Consistency { requirement: Some(Requirement::AtLeastAsFresh(proof)) };
    let request = api::WhoAmIRequest { consistency: Some(consistency) };
    other.sessions().who_am_i(bearing(&two.access_token, request)).await.unwrap();
    assert_eq!(reason(other.who_am_i(&one.access_token).await), "SESSION_ENDED");
    assert_eq!(reason(other.refresh(&one.refresh_token).await), "SESSION_ENDED");
    assert_eq!(reason(identity.logout(&one.access_token).await), "SESSION_ENDED");
    identity.refresh(&two.refresh_token).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_that_cannot_be_written_never_says_ok() {
    let (ground, identity) = Ground::started().await;
    let tokens = identity.login("admin").await;
    ground.store.cut(true);
    assert_eq!(reason(identity.logout(&tokens.access_token).await), "STORE_UNAVAILABLE");
    assert_eq!(reason(identity.try_login("admin", PASSWORD).await), "STORE_UNAVAILABLE");
    assert_eq!(reason(identity.refresh(&tokens.refresh_token).await), "STORE_UNAVAILABLE");
    ground.store.cut(false);
    identity.refresh(&tokens.refresh_token).await.unwrap();
    identity.logout(&tokens.access_token).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_without_a_session_cannot_be_logged_out() {
    let (ground, identity) = Ground::started().await;
    assert_eq!(fields(identity.logout(&ground.root_token).await), ["authorization"]);
    identity.robot(&ground.root_token, "ci").await.unwrap();
    let bot = identity.mint(&ground.root_token, "ci", None).await.unwrap();
    assert_eq!(fields(identity.logout(&bot).await), ["authorization"]);
    identity.who_am_i(&bot).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_spent_is_swept_and_what_lives_stays() {
    let (ground, identity) = Ground::started().await;
    let admin = identity.admin().await;
    for name in ["alice", "bob"] {
        identity.user(&admin, name).await;
    }
    let (out, revoked, live) =
        (identity.login("alice").await, identity.login("bob").await, identity.login("alice").await);
    identity.logout(&out.access_token).await.unwrap();
    identity.deactivate(&admin, "bob").await.unwrap();
    identity.robot(&admin, "ci").await.unwrap();
    identity.mint(&admin, "ci", Some(60)).await.unwrap();
    identity.newest().await;
    identity.service.maintain().await.unwrap();
    // The sessions of admin and of alice; that the other one has ended is still said.
    assert_eq!(ground.count("private/identity/session/").await, 2);
    assert_eq!(ground.count("private/identity/user-session/").await, 2);
    assert_eq!(ground.count("world/ended-session/").await, 1);
    assert_eq!(reason(identity.who_am_i(&revoked.access_token).await), "USER_INACTIVE");
    identity.advance(&ground, Duration::from_hours(2)).await;
    identity.service.maintain().await.unwrap();
    assert_eq!(ground.count("world/ended-session/").await, 0);
    assert_eq!(ground.count("world/token/").await, 2);
    identity.refresh(&live.refresh_token).await.unwrap();
    identity.advance(&ground, 31 * DAY).await;
    identity.service.maintain().await.unwrap();
    assert_eq!(ground.count("private/identity/session/").await, 0);
    assert_eq!(ground.count("private/identity/user-session/").await, 0);
    assert_eq!(ground.count("private/identity/robot-token/").await, 0);
    // the root token's
    assert_eq!(ground.count("world/token/").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_session_more_than_there_may_be_ends_the_oldest() {
    let (ground, identity) = Ground::started().await;
    let oldest = identity.login("reeve").await;
    let uid = identity.who_am_i(&oldest.access_token).await.unwrap().uid;
    ground.clock.advance(Duration::from_millis(1));
    let mut txn = Txn::new();
    for number in 1..MAX_SESSIONS_PER_USER {
        let sid = SessionId::new(START.plus(Duration::from_secs(1)), ground.entropy.as_ref());
        txn = txn.put(Key::new(format!("private/identity/user-session/{uid}/{sid}")), Vec::new());
        if number % 100 == 0 || number + 1 == MAX_SESSIONS_PER_USER {
            ground.store.commit(std::mem::take(&mut txn)).await.unwrap();
        }
    }
    let newest = identity.login("reeve").await;
    assert_eq!(reason(identity.who_am_i(&oldest.access_token).await), "SESSION_ENDED");
    identity.who_am_i(&newest.access_token).await.unwrap();
    assert_eq!(ground.count(&format!("private/identity/user-session/{uid}/")).await, MAX_SESSIONS_PER_USER);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_lives_at_every_replica_and_ends_at_every_replica() {
    let (ground, identity) = Ground::started().await;
    let other = ground.identity(config()).await;
    let mut tokens = identity.login("admin").await;
    for round in 0..4 {
        let (here, there) = if round % 2 == 0 { (&other, &identity) } else { (&identity, &other) };
        // a lost answer is asked for again, elsewhere
        let next = here.refresh(&tokens.refresh_token).await.unwrap();
        let again = there.refresh(&tokens.refresh_token).await.unwrap();
        assert_eq!(again.refresh_token, next.refresh_token);
        there.who_am_i(&next.access_token).await.unwrap();
        tokens = next;
    }
    other.logout(&tokens.access_token).await.unwrap();
    assert_eq!(reason(identity.refresh(&tokens.refresh_token).await), "SESSION_ENDED");
    identity.newest().await;
    assert_eq!(reason(identity.who_am_i(&tokens.access_token).await), "SESSION_ENDED");
}
