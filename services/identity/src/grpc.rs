//! The wire: decode, authorise, call `app/`, encode. Messages of the contract stop here.

mod access;
mod encode;
mod read;
mod robot;
mod session;
mod token;
mod user;
