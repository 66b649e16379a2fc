//! Nothing but tests: what the owners do about what hangs on each other, over one store and gRPC between them.
