//! The embedded store keeps the contract.

use crate::subject::EmbeddedSubject;

reeve_store::contract_suite!(async { Box::new(EmbeddedSubject::new()) });
