//! One reflector: a store watch or a gRPC feed becomes the current World; and the feed server.
