//! A value that is never printed, is compared in constant time, and is wiped when dropped.

use std::fmt;
use std::hint::black_box;

use aws_lc_rs::constant_time;

/// Bytes that are a secret: key material, a sealed record's content.
pub type SecretBytes = Secret<Vec<u8>>;
/// Text that is a secret: a password, a token.
pub type SecretString = Secret<String>;

/// A secret. `Debug` says only that it is one; there is no `Display`.
///
/// Wiping is best effort: copies that a reallocation or the compiler left behind are out of reach.
pub struct Secret<T: Wipe>(T);

/// What a [`Secret`] can hold.
pub trait Wipe: private::Sealed {
    /// The bytes that are compared.
    fn secret_bytes(&self) -> &[u8];
    /// Overwrites the value.
    fn wipe(&mut self);
}

mod private {
    /// Keeps [`Wipe`](super::Wipe) to the types of this file.
    pub trait Sealed {}
    impl Sealed for Vec<u8> {}
    impl Sealed for String {}
    impl<const N: usize> Sealed for [u8; N] {}
}

impl Wipe for Vec<u8> {
    fn secret_bytes(&self) -> &[u8] {
        self
    }

    fn wipe(&mut self) {
        self.fill(0);
        black_box(self);
    }
}

impl Wipe for String {
    fn secret_bytes(&self) -> &[u8] {
        self.as_bytes()
    }

    fn wipe(&mut self) {
        std::mem::take(self).into_bytes().wipe();
    }
}

impl<const N: usize> Wipe for [u8; N] {
    fn secret_bytes(&self) -> &[u8] {
        self
    }

    fn wipe(&mut self) {
        self.fill(0);
        black_box(self);
    }
}

impl<T: Wipe> Secret<T> {
    /// Makes a secret of `value`.
    pub const fn new(value: T) -> Self {
        Self(value)
    }
}

impl Secret<String> {
    /// The text, for the one place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl Secret<Vec<u8>> {
    /// The bytes, for the one place that needs them.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl<const N: usize> Secret<[u8; N]> {
    /// The bytes, for the one place that needs them.
    pub const fn expose(&self) -> &[u8; N] {
        &self.0
    }
}

impl<T: Wipe> Drop for Secret<T> {
    fn drop(&mut self) {
        self.0.wipe();
    }
}

impl<T: Wipe + Clone> Clone for Secret<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: Wipe> PartialEq for Secret<T> {
    /// In time that depends on the lengths alone.
    fn eq(&self, other: &Self) -> bool {
        constant_time::verify_slices_are_equal(self.0.secret_bytes(), other.0.secret_bytes()).is_ok()
    }
}

impl<T: Wipe> Eq for Secret<T> {}

impl<T: Wipe> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("secret")
    }
}

impl From<String> for SecretString {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&str> for SecretString {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl From<Vec<u8>> for SecretBytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_printed() {
        assert_eq!(format!("{:?}", SecretString::from("hunter2")), "secret");
        assert_eq!(format!("{:?}", SecretBytes::from(vec![1, 2])), "secret");
    }

    #[test]
    fn secrets_are_equal_by_content() {
        assert_eq!(SecretString::from("a"), SecretString::from("a"));
        assert_ne!(SecretString::from("a"), SecretString::from("b"));
        assert_ne!(SecretString::from("a"), SecretString::from("aa"));
    }

    #[test]
    fn wiping_leaves_nothing() {
        let mut bytes = vec![7; 4];
        bytes.wipe();
        assert_eq!(bytes, [0; 4]);
        let mut text = "secret".to_owned();
        text.wipe();
        assert_eq!(text, "");
    }
}
