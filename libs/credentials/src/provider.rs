//! The one cryptographic provider of `jsonwebtoken`.

use jsonwebtoken::crypto::aws_lc;

/// Makes aws-lc the provider of `jsonwebtoken` in this process; calling it again does nothing.
///
/// Without it, a build in which another crate switches on a second provider would panic at the first token. Every way to
/// `jsonwebtoken` in this crate leads through a key, and making a key calls this; a binary calls it first thing as well,
/// so that no other crate can be earlier.
pub fn install_crypto_provider() {
    // An error says that a provider is installed already: this one, or the one the program chose before.
    let _already_installed = aws_lc::DEFAULT_PROVIDER.install_default();
}
