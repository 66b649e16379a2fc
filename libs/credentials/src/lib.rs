//! Passwords, opaque tokens, JWTs, sealed secrets: every credential in one strict place.
