//! The store on an etcd of three nodes keeps the contract.

use crate::etcd_subject::EtcdSubject;

reeve_store::contract_suite!(async { Box::new(EtcdSubject::new(3).await) });
