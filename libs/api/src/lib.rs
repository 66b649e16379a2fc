//! The contract as code: generated messages, clients, servers, and the descriptor set.
