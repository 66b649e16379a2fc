//! Free ports on loopback.

use std::hash::{BuildHasher, RandomState};
use std::net::{Ipv4Addr, TcpListener};

/// Where ports are looked for: below those that the kernel gives to whoever asks for any, so that no connection of another test takes one
/// while a server that is to come back is down.
const RANGE: std::ops::Range<u16> = 12_000..32_000;

/// How many are tried before giving up.
const TRIES: usize = 1_000;

/// As many different ports as asked for, free a moment ago.
pub(crate) fn free<const N: usize>() -> [u16; N] {
    // held until all are found, so that none is found twice
    let mut held: Vec<(u16, TcpListener)> = Vec::new();
    for _ in 0..TRIES {
        if held.len() == N {
            break;
        }
        let port = any();
        if let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            held.push((port, listener));
        }
    }
    let ports: Vec<u16> = held.iter().map(|(port, _)| *port).collect();
    ports.try_into().unwrap_or_else(|found| panic!("only {found:?} of {N} ports are free"))
}

/// Some port of the range; the standard library's random keys are what chooses.
fn any() -> u16 {
    let width = u64::from(RANGE.end - RANGE.start);
    let offset = RandomState::new().hash_one(RANGE.start) % width;
    RANGE.start + u16::try_from(offset).unwrap_or_default()
}
