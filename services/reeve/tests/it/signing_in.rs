//! Sessions: kept, renewed, ended, and who goes before whom.

use std::os::unix::fs::PermissionsExt as _;

use reeve::Exit;

use crate::fake::{Fake, PASSWORD};
use crate::person::{Person, after_31_days, after_870_seconds};

async fn signed_in() -> (Fake, Person) {
    let fake = Fake::default();
    let mut alice = Person::at(&fake.serve().await);
    let outcome = alice.typing(&[PASSWORD]).run(&["login", "alice"]).await;
    assert_eq!(outcome.exit, Exit::Yes, "{outcome:?}");
    (fake, alice)
}

#[tokio::test]
async fn a_session_is_kept_privately_and_used_by_the_next_command() {
    let (fake, mut alice) = signed_in().await;
    let outcome = alice.run(&["whoami"]).await;
    assert_eq!(outcome.exit, Exit::Yes, "{outcome:?}");
    assert!(outcome.stdout.contains("user:alice"), "{outcome:?}");
    assert_eq!(fake.state().logins, 1);
    let mode = std::fs::metadata(alice.credentials()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn a_wrong_password_exits_3_with_the_reason() {
    let mut alice = Person::at(&Fake::default().serve().await);
    let outcome = alice.typing(&["wrong"]).run(&["login", "alice"]).await;
    assert_eq!(outcome.exit, Exit::NotSignedIn);
    assert!(outcome.stderr.contains("reason: INVALID_CREDENTIALS"), "{outcome:?}");
    assert!(!alice.credentials().exists());
}

#[tokio::test]
async fn a_password_comes_from_standard_input_without_its_line_end() {
    let mut alice = Person::at(&Fake::default().serve().await);
    let outcome = alice.piping(format!("{PASSWORD}\n")).run(&["login", "alice", "--password-stdin"]).await;
    assert_eq!(outcome.exit, Exit::Yes, "{outcome:?}");
}

#[tokio::test]
async fn without_a_terminal_a_needed_password_is_an_error_not_a_prompt() {
    let mut alice = Person::at(&Fake::default().serve().await);
    let outcome = alice.run(&["login", "alice"]).await;
    assert_eq!(outcome.exit, Exit::Usage);
    assert!(outcome.stderr.contains("--password-stdin"), "{outcome:?}");
    let outcome = alice.run(&["-u", "alice", "whoami"]).await;
    assert_eq!(outcome.exit, Exit::NotSignedIn);
    assert!(outcome.stderr.contains("reeve login alice"), "{outcome:?}");
}

#[tokio::test]
async fn nobody_signed_in_exits_3() {
    let mut somebody = Person::at(&Fake::default().serve().await);
    let outcome = somebody.run(&["whoami"]).await;
    assert_eq!(outcome.exit, Exit::NotSignedIn);
    assert!(outcome.stderr.contains("nobody is signed in"), "{outcome:?}");
}

#[tokio::test]
async fn one_command_as_another_user_leaves_the_active_user_and_keeps_the_session() {
    let (fake, mut alice) = signed_in().await;
    let outcome = alice.typing(&[PASSWORD]).run(&["-u", "bob", "whoami"]).await;
    assert!(outcome.stdout.contains("user:bob"), "{outcome:?}");
    assert!(alice.run(&["whoami"]).await.stdout.contains("user:alice"));
    assert!(alice.run(&["-u", "bob", "whoami"]).await.stdout.contains("user:bob"));
    assert_eq!(fake.state().logins, 2);

    let outcome = alice.run(&["-u", "bob", "logout"]).await;
    assert_eq!(outcome.exit, Exit::Yes, "{outcome:?}");
    assert_eq!(fake.state().logouts, 1);
    assert_eq!(alice.run(&["-u", "bob", "whoami"]).await.exit, Exit::NotSignedIn);
    assert_eq!(alice.run(&["whoami"]).await.exit, Exit::Yes);
}

#[tokio::test]
async fn an_access_token_near_its_end_is_renewed_without_asking() {
    let (fake, mut alice) = signed_in().await;
    let outcome = alice.at_time(after_870_seconds).run(&["token"]).await;
    assert_eq!(outcome.stdout, "access-2\n", "{outcome:?}");
    assert_eq!(fake.state().refreshes, 1);
    assert!(std::fs::read_to_string(alice.credentials()).unwrap().contains("refresh-2"));
}

#[tokio::test]
async fn a_cached_token_that_is_not_accepted_is_renewed_once_and_the_command_goes_on() {
    let (fake, mut alice) = signed_in().await;
    fake.state().tokens.clear();
    let outcome = alice.run(&["whoami"]).await;
    assert_eq!(outcome.exit, Exit::Yes, "{outcome:?}");
    assert_eq!(fake.state().refreshes, 1);
}

#[tokio::test]
async fn a_session_that_the_server_ended_says_how_to_sign_in_again() {
    let (fake, mut alice) = signed_in().await;
    fake.state().tokens.clear();
    fake.state().refresh.clear();
    for _ in 0..2 {
        let outcome = alice.run(&["whoami"]).await;
        assert_eq!(outcome.exit, Exit::NotSignedIn);
        assert!(outcome.stderr.contains("sign in again: `reeve login alice`"), "{outcome:?}");
    }
    assert_eq!(fake.state().refreshes, 1);
    let outcome = alice.typing(&[PASSWORD]).run(&["whoami"]).await;
    assert_eq!(outcome.exit, Exit::Yes, "{outcome:?}");
}

#[tokio::test]
async fn a_session_past_its_end_is_not_offered_to_the_server() {
    let (fake, mut alice) = signed_in().await;
    assert_eq!(alice.at_time(after_31_days).run(&["whoami"]).await.exit, Exit::NotSignedIn);
    assert_eq!(fake.state().refreshes, 0);
}

#[tokio::test]
async fn a_token_from_the_environment_needs_no_session_and_a_session_goes_before_it() {
    let (fake, mut alice) = signed_in().await;
    fake.state().tokens.insert("given".to_owned(), "root".to_owned());
    alice.set("REEVE_TOKEN", "given\n");
    let outcome = alice.run(&["whoami"]).await;
    assert!(outcome.stdout.contains("user:alice") && outcome.stderr.contains("REEVE_TOKEN"), "{outcome:?}");

    let mut program = Person::at(&fake.serve().await).with("REEVE_TOKEN", "given");
    assert!(program.run(&["whoami"]).await.stdout.contains("root"));
    assert_eq!(program.run(&["token"]).await.stdout, "given\n");
    program.set("REEVE_TOKEN", "expired");
    let outcome = program.run(&["whoami"]).await;
    assert_eq!(outcome.exit, Exit::NotSignedIn);
    assert!(outcome.stderr.contains("`REEVE_TOKEN`"), "{outcome:?}");
}

#[tokio::test]
async fn a_user_and_a_password_from_the_environment_sign_in() {
    let fake = Fake::default();
    let mut program = Person::at(&fake.serve().await).with("REEVE_USER", "ci").with("REEVE_PASSWORD", PASSWORD);
    for _ in 0..2 {
        assert!(program.run(&["whoami"]).await.stdout.contains("user:ci"));
    }
    assert_eq!(fake.state().logins, 1);
}

#[tokio::test]
async fn the_last_used_server_is_asked_when_none_is_named() {
    let (fake, mut alice) = signed_in().await;
    alice.set("REEVE_SERVER", "");
    assert_eq!(alice.run(&["whoami"]).await.exit, Exit::Yes);
    let other = fake.serve().await;
    alice.typing(&[PASSWORD]).run(&["--server", &other, "login", "bob"]).await;
    assert!(alice.run(&["whoami"]).await.stdout.contains("user:bob"));
}

#[tokio::test]
async fn a_server_that_was_asked_with_a_given_token_is_not_the_last_used() {
    let (fake, mut alice) = signed_in().await;
    alice.set("REEVE_SERVER", "");
    let other = Fake::default();
    other.state().tokens.insert("given".to_owned(), "root".to_owned());
    alice.set("REEVE_TOKEN", "given");
    let asked = alice.run(&["--server", &other.serve().await, "whoami"]).await;
    assert!(asked.stdout.contains("root"), "{asked:?}");
    alice.set("REEVE_TOKEN", "");
    assert!(alice.run(&["whoami"]).await.stdout.contains("user:alice"));
    assert_eq!(fake.state().logins, 1);
}

#[tokio::test]
async fn signing_out_forgets_the_session_even_when_the_server_is_gone() {
    let (_, mut alice) = signed_in().await;
    let text = std::fs::read_to_string(alice.credentials()).unwrap();
    let unreachable = "http://127.0.0.1:9";
    let server = alice.run(&["whoami"]).await.stdout;
    let server = server.split_whitespace().last().unwrap();
    std::fs::write(alice.credentials(), text.replace(server, unreachable)).unwrap();
    let outcome = alice.run(&["--server", unreachable, "logout"]).await;
    assert_eq!(outcome.exit, Exit::Unreachable, "{outcome:?}");
    assert!(!std::fs::read_to_string(alice.credentials()).unwrap().contains("access-1"));
}

#[tokio::test]
async fn signing_out_all_ends_every_session_at_the_server() {
    let (fake, mut alice) = signed_in().await;
    alice.typing(&[PASSWORD]).run(&["-u", "bob", "whoami"]).await;
    let outcome = alice.run(&["logout", "--all"]).await;
    assert_eq!(outcome.exit, Exit::Yes, "{outcome:?}");
    assert_eq!(fake.state().logouts, 2);
    assert!(!std::fs::read_to_string(alice.credentials()).unwrap().contains("refresh-"));
    assert_eq!(alice.run(&["logout"]).await.exit, Exit::Yes);
}

#[tokio::test]
async fn a_damaged_credentials_file_is_set_aside_with_a_message() {
    let (_, mut alice) = signed_in().await;
    std::fs::write(alice.credentials(), "{ half").unwrap();
    let outcome = alice.run(&["whoami"]).await;
    assert_eq!(outcome.exit, Exit::NotSignedIn);
    assert!(outcome.stderr.contains("set aside as"), "{outcome:?}");
    assert_eq!(alice.typing(&[PASSWORD]).run(&["login", "alice"]).await.exit, Exit::Yes);
}

#[tokio::test]
async fn two_different_names_for_one_login_are_refused() {
    let mut somebody = Person::at("http://127.0.0.1:9");
    assert_eq!(somebody.run(&["-u", "bob", "login", "alice"]).await.exit, Exit::Usage);
}
