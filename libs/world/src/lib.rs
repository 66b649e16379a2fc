//! The published records at one revision: authenticate, check, resolve, admit.
