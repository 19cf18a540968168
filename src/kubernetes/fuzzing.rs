//! Any text as a kubeconfig: as a way to a cluster, and as a file that is added to.

use super::Endpoint;
use crate::fuzzing::has_places;
use crate::pki::kubeconfig::{self, Credentials, Current, Kubeconfig, Trust};
use crate::render::source::Source;
use crate::secret::Secret;

/// Mistakes are within the file; adding the same context twice changes nothing the second time; taking it out again
/// leaves a kubeconfig.
pub(crate) fn kubeconfig(data: &[u8]) {
    let Ok(source) = Source::from_bytes("kubeconfig", data.to_vec()) else { return };
    // What it names is not opened here: paths in a text that nobody wrote lead anywhere.
    if !source.text().contains(['/', '\\'])
        && let Err(problem) = Endpoint::from_kubeconfig(&source, None)
    {
        has_places(&problem, &[&source]);
    }
    let added = Kubeconfig {
        context: String::from("test.k8s.foo.bar"),
        user: String::from("test.k8s.foo.bar-tester"),
        server: String::from("https://api.test.k8s.foo.bar"),
        tls_server_name: None,
        trust: Trust::File(String::from("ca.crt")),
        credentials: Credentials::Files { certificate: String::from("a.crt"), key: String::from("a.key") },
    };
    let Ok(once) = added.merge(&Secret::new(data.to_vec()), Current::Switch) else { return };
    let twice = added.merge(&once, Current::Switch).expect("what is written is read");
    assert_eq!(once.expose(), twice.expose(), "the second time changes something");
    let removed = kubeconfig::remove(&once, &added.context).expect("what is written is read");
    let removed = removed.expect("the context is in it");
    assert!(kubeconfig::remove(&removed, &added.context).is_ok_and(|again| again.is_none()), "it is still in it");
}
