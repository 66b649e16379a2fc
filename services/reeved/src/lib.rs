//! The server binary: every service in one process, or one alone.
