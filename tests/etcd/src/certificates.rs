//! Certificates for servers and clients, from two authorities: one that the servers trust, and one that they do not.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What `openssl` is told of the certificates that it makes.
const EXTENSIONS: &str = "\
[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
[server]
basicConstraints = critical, CA:FALSE
extendedKeyUsage = serverAuth, clientAuth
subjectAltName = IP:127.0.0.1, DNS:localhost
[client]
basicConstraints = critical, CA:FALSE
extendedKeyUsage = clientAuth
";

/// A certificate and its key, as PEM files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EtcdCertificate {
    /// The certificate.
    pub cert_file: PathBuf,
    /// Its private key, PKCS #8.
    pub key_file: PathBuf,
}

/// The files of a cluster that speaks TLS, and asks its clients for certificates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EtcdTlsFiles {
    /// The authority that signed the servers' certificates, and the clients' that they accept.
    pub ca_file: PathBuf,
    /// A client that the servers accept.
    pub client: EtcdCertificate,
    /// An authority that has nothing to do with the cluster.
    pub other_ca_file: PathBuf,
    /// A client that only the other authority knows.
    pub other_client: EtcdCertificate,
    pub(crate) server: EtcdCertificate,
}

impl EtcdTlsFiles {
    /// Makes them all in a folder.
    pub(crate) fn make(folder: &Path) -> Self {
        fs::create_dir_all(folder).expect("a folder can be made");
        fs::write(folder.join("openssl.cnf"), EXTENSIONS).expect("a file can be written");
        let authority = self_signed(folder, "authority");
        let other = self_signed(folder, "other-authority");
        Self {
            server: signed(folder, "server", "server", &authority),
            client: signed(folder, "client", "client", &authority),
            other_client: signed(folder, "other-client", "client", &other),
            ca_file: authority.cert_file,
            other_ca_file: other.cert_file,
        }
    }
}

fn self_signed(folder: &Path, name: &str) -> EtcdCertificate {
    let made = EtcdCertificate::named(folder, name);
    let arguments = ["-x509", "-extensions", "authority", "-days", "2"];
    request(folder, name, &made.key_file, &made.cert_file, &arguments);
    made
}

fn signed(folder: &Path, name: &str, section: &str, authority: &EtcdCertificate) -> EtcdCertificate {
    let made = EtcdCertificate::named(folder, name);
    let asked = folder.join(format!("{name}.csr"));
    request(folder, name, &made.key_file, &asked, &[]);
    let mut command = openssl(folder, "x509");
    command.arg("-req").arg("-in").arg(&asked).arg("-out").arg(&made.cert_file);
    command.arg("-CA").arg(&authority.cert_file).arg("-CAkey").arg(&authority.key_file);
    command.args(["-CAcreateserial", "-days", "2", "-extfile", "openssl.cnf", "-extensions", section]);
    run(command);
    made
}

/// Makes a key, and what it is for: a request, or with `-x509` a certificate.
fn request(folder: &Path, name: &str, key: &Path, out: &Path, arguments: &[&str]) {
    let mut command = openssl(folder, "req");
    command.args(["-config", "openssl.cnf", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]);
    command.args(["-subj", &format!("/CN={name}")]).args(arguments).arg("-keyout").arg(key).arg("-out").arg(out);
    run(command);
}

impl EtcdCertificate {
    fn named(folder: &Path, name: &str) -> Self {
        Self { cert_file: folder.join(format!("{name}.pem")), key_file: folder.join(format!("{name}.key")) }
    }
}

fn openssl(folder: &Path, what: &str) -> Command {
    let mut command = Command::new("openssl");
    command.arg(what).current_dir(folder);
    command
}

fn run(mut command: Command) {
    let output = command.output().expect("`openssl` is on the path: scripts/setup.sh test");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
