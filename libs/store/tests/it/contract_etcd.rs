//! The store on an etcd of one node keeps the contract.

use crate::etcd_subject::EtcdSubject;

reeve_store::contract_suite!(async { Box::new(EtcdSubject::new(1).await) });
