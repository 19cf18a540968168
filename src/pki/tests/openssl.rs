//! Runs openssl on what windlass made.

use std::path::Path;
use std::process::Command;

/// Standard output; fails with what openssl said.
pub(super) fn openssl(folder: &Path, arguments: &[&str]) -> String {
    match attempt(folder, arguments) {
        Ok(output) => output,
        Err(said) => panic!("openssl {}: {said}", arguments.join(" ")),
    }
}

/// Standard output, or what openssl complains about.
pub(super) fn attempt(folder: &Path, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new("openssl").args(arguments).current_dir(folder).env("OPENSSL_CONF", "/dev/null").output();
    let output = match output {
        Ok(output) => output,
        Err(error) => {
            panic!("cannot run openssl: {error}\nhint: these tests need it, for example `apt install openssl`")
        }
    };
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() {
        Ok(said(&output.stdout))
    } else {
        Err(format!("{}{}", said(&output.stdout), said(&output.stderr)))
    }
}

/// Whether openssl accepts a certificate for a purpose (`sslserver`, `sslclient`), with nothing but this one trusted.
pub(super) fn verify(trusted: &str, certificate: &str, purpose: &str, at: jiff::Timestamp) -> Result<String, String> {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("trusted.pem"), trusted).expect("written");
    std::fs::write(folder.path().join("leaf.pem"), certificate).expect("written");
    let time = at.as_second().to_string();
    let arguments = ["verify", "-x509_strict", "-purpose", purpose, "-attime", &time];
    let files = ["-no-CApath", "-no-CAstore", "-CAfile", "trusted.pem", "leaf.pem"];
    attempt(folder.path(), &[arguments.as_slice(), &files].concat())
}

/// What openssl reads in a certificate.
pub(super) fn text(certificate: &str) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("it.pem"), certificate).expect("written");
    openssl(folder.path(), &["x509", "-in", "it.pem", "-noout", "-text"])
}
