//! Passwords: every rule, and the hashes.

use proptest::prelude::*;
use reeve_credentials::{
    CharacterClasses, CommonPasswords, EmptyPasswords, HashError, HashMemory, HashParams, Hasher, PasswordFault,
    PasswordPolicy, SecretString, Verified,
};

/// Made by the reference implementation of argon2 for `password`.
const REFERENCE: &str = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";

fn cheap() -> Hasher {
    Hasher::new(HashParams { memory_kib: 8, passes: 1, lanes: 1 }).unwrap()
}

fn faults(password: &str) -> Vec<PasswordFault> {
    PasswordPolicy::default().check("alice", &password.into())
}

#[test]
fn the_table_of_passwords_holds() {
    for line in include_str!("../data/passwords.txt").lines().filter(|line| !line.starts_with('#')) {
        let (password, expected) = line.split_once(" => ").unwrap();
        let found: Vec<String> = PasswordPolicy::default()
            .check("Carol.Smith9", &password.into())
            .iter()
            .map(|fault| format!("{fault:?}").split('(').next().unwrap().to_owned())
            .collect();
        let found = if found.is_empty() { "fine".to_owned() } else { found.join(" ") };
        assert_eq!(found, expected, "{password}");
    }
}

#[test]
fn a_blank_password_is_refused_with_all_that_it_lacks() {
    for blank in ["", " ", "\t\u{a0}"] {
        use PasswordFault::{Blank, NoDigit, NoLower, NoUpper, TooShort};
        assert_eq!(faults(blank), [Blank, TooShort(8), NoUpper, NoLower, NoDigit]);
    }
}

#[test]
fn a_password_has_at_most_512_bytes() {
    let long = format!("Aa1{}", "x".repeat(509));
    assert_eq!(faults(&long), []);
    assert_eq!(faults(&format!("{long}x")), [PasswordFault::TooLong]);
    assert_eq!(faults(&format!("Aa1{}", "ß".repeat(255))), [PasswordFault::TooLong]);
}

#[test]
fn blank_passwords_are_for_the_lab_that_allows_them() {
    let policy = PasswordPolicy { empty: EmptyPasswords::Allowed, ..PasswordPolicy::default() };
    assert_eq!(policy.check("alice", &"".into()), []);
    assert_eq!(policy.check("alice", &"short".into()).len(), 3);
}

#[test]
fn the_rules_are_configuration() {
    let policy = PasswordPolicy {
        min_chars: 3,
        classes: CharacterClasses { upper: false, lower: false, digit: false },
        empty: EmptyPasswords::Refused,
        common: CommonPasswords::Allowed,
    };
    assert_eq!(policy.check("alice", &"password".into()), []);
    assert_eq!(policy.check("alice", &"pw".into()), [PasswordFault::TooShort(3)]);
    assert_eq!(policy.check("alice", &"ALICE".into()), [PasswordFault::IsUsername]);
}

#[test]
fn the_list_of_common_passwords_is_in_the_form_that_is_compared() {
    let list: Vec<&str> = include_str!("../../data/common-passwords.txt").lines().collect();
    assert!(list.len() > 300);
    assert!(list.iter().all(|line| *line == line.trim().to_lowercase() && !line.is_empty()));
    assert!(list.is_sorted());
}

#[test]
fn a_password_matches_its_own_hash_alone() {
    let (hasher, mut memory) = (cheap(), HashMemory::new());
    let phc = hasher.hash(&"Correct1horse".into(), [1; 16], &mut memory).unwrap();
    assert!(phc.starts_with("$argon2id$v=19$m=8,t=1,p=1$"), "{phc}");
    assert_eq!(hasher.verify(&"Correct1horse".into(), &phc, &mut memory), Ok(Verified::Match { needs_rehash: false }));
    for other in ["correct1horse", "Correct1horse ", "", "Correct1hors"] {
        assert_eq!(hasher.verify(&other.into(), &phc, &mut memory), Ok(Verified::Mismatch));
    }
}

#[test]
fn a_salt_makes_another_hash() {
    let (hasher, mut memory) = (cheap(), HashMemory::new());
    let mut hash = |salt| hasher.hash(&"Correct1horse".into(), [salt; 16], &mut memory).unwrap();
    assert_eq!(hash(1), hash(1));
    assert_ne!(hash(1), hash(2));
}

#[test]
fn a_hash_of_the_reference_implementation_is_verified_and_due_for_another() {
    let hasher = Hasher::new(HashParams::default()).unwrap();
    let mut memory = HashMemory::new();
    let outcome = hasher.verify(&"password".into(), REFERENCE, &mut memory);
    assert_eq!(outcome, Ok(Verified::Match { needs_rehash: true }));
    assert_eq!(hasher.verify(&"Password".into(), REFERENCE, &mut memory), Ok(Verified::Mismatch));
}

#[test]
fn a_policy_that_moved_on_asks_for_another_hash() {
    let mut memory = HashMemory::new();
    let phc = cheap().hash(&"Correct1horse".into(), [1; 16], &mut memory).unwrap();
    for params in [(16, 1, 1), (8, 2, 1), (16, 1, 2)] {
        let stricter = Hasher::new(HashParams { memory_kib: params.0, passes: params.1, lanes: params.2 }).unwrap();
        let outcome = stricter.verify(&"Correct1horse".into(), &phc, &mut memory);
        assert_eq!(outcome, Ok(Verified::Match { needs_rehash: true }), "{params:?}");
    }
}

#[test]
fn used_memory_does_not_change_a_hash() {
    let (hasher, mut used) = (cheap(), HashMemory::new());
    let larger = Hasher::new(HashParams { memory_kib: 64, passes: 2, lanes: 1 }).unwrap();
    larger.hash(&"Another1secret".into(), [9; 16], &mut used).unwrap();
    let again = hasher.hash(&"Correct1horse".into(), [1; 16], &mut used).unwrap();
    assert_eq!(again, hasher.hash(&"Correct1horse".into(), [1; 16], &mut HashMemory::new()).unwrap());
}

#[test]
fn the_decoy_costs_the_same_and_matches_nothing() {
    for hasher in [cheap(), Hasher::new(HashParams::default()).unwrap()] {
        let mut memory = HashMemory::new();
        let real = hasher.hash(&"Correct1horse".into(), [1; 16], &mut memory).unwrap();
        let cost = |phc: &str| phc.split('$').take(4).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(cost(hasher.decoy()), cost(&real));
        assert_eq!(hasher.decoy().len(), real.len());
        assert_eq!(hasher.verify(&"Correct1horse".into(), hasher.decoy(), &mut memory), Ok(Verified::Mismatch));
    }
}

#[test]
fn a_password_that_is_too_long_is_not_hashed() {
    let (hasher, mut memory) = (cheap(), HashMemory::new());
    let long = SecretString::new("x".repeat(513));
    assert_eq!(hasher.hash(&long, [1; 16], &mut memory), Err(HashError::TooLong));
    assert_eq!(hasher.verify(&long, hasher.decoy(), &mut memory), Ok(Verified::Mismatch));
    assert_eq!(format!("{memory:?}"), "HashMemory(0 KiB)");
}

#[test]
fn a_stored_hash_that_is_corrupt_lets_nobody_in() {
    let (hasher, mut memory) = (cheap(), HashMemory::new());
    let phc = hasher.hash(&"Correct1horse".into(), [1; 16], &mut memory).unwrap();
    for corrupt in [
        String::new(),
        phc.replace("argon2id", "argon2i"),
        phc.replace("argon2id", "pbkdf2-sha512"),
        phc.replace("v=19", "v=16"),
        phc.replace("$v=19", ""),
        phc.replace("m=8", "m=4294967295"),
        phc.replace("m=8", "m=262145"),
        phc.replace("t=1", "t=17"),
        phc.replace("t=1", "t=0"),
        phc.replace("p=1", "p=65"),
        phc.replace("m=8,", ""),
        phc.replace("p=1", "p=1,keyid=AAAA"),
        phc.rsplit_once('$').unwrap().0.to_owned(),
        phc[..phc.len() - 4].to_owned(),
        format!("{phc} "),
        phc.repeat(20),
    ] {
        let outcome = hasher.verify(&"Correct1horse".into(), &corrupt, &mut memory);
        assert_eq!(outcome, Err(HashError::Corrupt), "{corrupt}");
    }
}

#[test]
fn parameters_out_of_bounds_are_refused() {
    for (memory_kib, passes, lanes) in
        [(0, 1, 1), (7, 1, 1), (8, 1, 2), (262_145, 1, 1), (8, 0, 1), (8, 17, 1), (8, 1, 0)]
    {
        assert!(Hasher::new(HashParams { memory_kib, passes, lanes }).is_err());
    }
}

proptest! {
    #[test]
    fn whatever_is_chosen_is_checked_by_every_rule(password in ".{0,20}") {
        let found = faults(&password);
        prop_assert_eq!(found.contains(&PasswordFault::TooShort(8)), password.chars().count() < 8);
        prop_assert_eq!(found.contains(&PasswordFault::NoUpper), !password.chars().any(char::is_uppercase));
        prop_assert_eq!(found.contains(&PasswordFault::NoDigit), !password.chars().any(char::is_numeric));
    }

    #[test]
    fn whatever_is_stored_is_answered(phc in r"(\$argon2id\$v=19\$m=8,t=1,p=1)?[$a-zA-Z0-9=,]{0,80}") {
        let outcome = cheap().verify(&"Correct1horse".into(), &phc, &mut HashMemory::new());
        prop_assert!(matches!(outcome, Err(HashError::Corrupt) | Ok(Verified::Mismatch)));
    }
}
