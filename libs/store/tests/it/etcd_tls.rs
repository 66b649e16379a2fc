//! TLS to etcd: who proves what to whom, and what is said when somebody cannot.

use reeve_store::{EtcdClientCertificate, EtcdOptions, EtcdTls, Key, OpenEtcdError, Store, Txn};
use reeve_test_etcd::{EtcdBuilder, EtcdCertificate, EtcdCluster};

use crate::etcd_subject::{open, options};

fn client(files: &EtcdCertificate) -> EtcdClientCertificate {
    let read = |file| std::fs::read(file).unwrap();
    EtcdClientCertificate { certificate_pem: read(&files.cert_file), key_pem: read(&files.key_file) }
}

/// Options with everything that the cluster wants.
fn trusted(cluster: &EtcdCluster) -> EtcdOptions {
    let files = cluster.tls().unwrap();
    let ca_pem = std::fs::read(&files.ca_file).unwrap();
    EtcdOptions { tls: Some(EtcdTls { ca_pem, client: Some(client(&files.client)) }), ..options(cluster) }
}

/// Opens with options that must not do, and says why they do not.
async fn refused(options: EtcdOptions) -> String {
    match open(options, 1).await {
        Err(error @ OpenEtcdError::Unreachable { .. }) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_store_is_kept_over_tls_by_a_client_that_the_members_know() {
    let cluster = EtcdBuilder::new(3).tls().start().await;
    let store = open(trusted(&cluster), 1).await.unwrap();
    let key = Key::new("world/x");
    store.commit(Txn::new().create(key.clone(), "1")).await.unwrap();
    // whichever member answers from now on
    cluster.kill(cluster.leader().await);
    assert_eq!(store.get(&key).await.unwrap().unwrap().value, "1");
}

#[tokio::test]
async fn a_member_that_the_authority_does_not_know_is_not_spoken_to() {
    let cluster = EtcdBuilder::new(1).tls().start().await;
    let mut options = trusted(&cluster);
    options.tls.as_mut().unwrap().ca_pem = std::fs::read(&cluster.tls().unwrap().other_ca_file).unwrap();
    let why = refused(options).await;
    assert!(why.contains("invalid peer certificate: UnknownIssuer"), "{why}");
}

#[tokio::test]
async fn a_client_that_the_members_do_not_know_is_told_that_it_is_its_certificate() {
    let cluster = EtcdBuilder::new(1).tls().start().await;
    let mut options = trusted(&cluster);
    options.tls.as_mut().unwrap().client = Some(client(&cluster.tls().unwrap().other_client));
    let why = refused(options).await;
    assert!(why.contains("does it know the authority of the client certificate?"), "{why}");
}

#[tokio::test]
async fn a_client_without_a_certificate_is_told_so() {
    let cluster = EtcdBuilder::new(1).tls().start().await;
    let mut options = trusted(&cluster);
    options.tls.as_mut().unwrap().client = None;
    let why = refused(options).await;
    assert!(why.contains("does it ask for a client certificate? None is given"), "{why}");
}

#[tokio::test]
async fn members_that_speak_tls_are_not_spoken_to_in_the_clear() {
    let cluster = EtcdBuilder::new(1).tls().start().await;
    let mut options = options(&cluster);
    options.endpoints.iter_mut().for_each(|endpoint| *endpoint = endpoint.replace("https://", "http://"));
    let why = refused(options).await;
    assert!(why.contains(&cluster.endpoints()[0].replace("https://", "http://")), "{why}");
}

#[tokio::test]
async fn a_certificate_that_is_none_is_told() {
    let cluster = EtcdBuilder::new(1).tls().start().await;
    let mut options = trusted(&cluster);
    options.tls.as_mut().unwrap().client.as_mut().unwrap().key_pem = b"no key".to_vec();
    let why = refused(options).await;
    assert!(why.contains("key"), "{why}");
}
