//! Who may ask kube-apiserver: people by OpenID Connect, and nobody without a name but health checks.

use serde_json::{Value, json};

use super::CONFIG;
use super::arguments::Arguments;
use crate::spec::{Kubernetes, Oidc};

/// The first minor version in which single paths can be opened to nobody in particular (Kubernetes documentation,
/// "Feature gates": AnonymousAuthConfigurableEndpoints is on since 1.32).
const ANONYMOUS_PATHS: u32 = 32;
/// The first minor version with `apiserver.config.k8s.io/v1` (the same, StructuredAuthenticationConfiguration).
const STABLE: u32 = 34;

/// Flags that exclude a file of authentication (kube-apiserver refuses both).
fn excludes_file(flag: &str) -> bool {
    flag.starts_with("oidc-") || matches!(flag, "anonymous-auth" | "authentication-config")
}

fn has_file(kubernetes: &Kubernetes) -> bool {
    let own = kubernetes.api_server.extra_args.keys().any(|flag| excludes_file(flag));
    kubernetes.version.minor >= ANONYMOUS_PATHS && !own
}

/// AuthenticationConfiguration; `None` where the version or the manifest's own flags forbid it.
pub(super) fn configuration(kubernetes: &Kubernetes) -> Option<Value> {
    if !has_file(kubernetes) {
        return None;
    }
    let version = if kubernetes.version.minor >= STABLE { "v1" } else { "v1beta1" };
    // CIS 1.2.1. The kubelet's probes and the load balancer's health checks come without a certificate.
    let paths = ["/livez", "/readyz", "/healthz"].map(|path| json!({"path": path}));
    let mut configuration = json!({
        "apiVersion": format!("apiserver.config.k8s.io/{version}"),
        "kind": "AuthenticationConfiguration",
        "anonymous": {"enabled": true, "conditions": paths},
    });
    if let Some(oidc) = &kubernetes.api_server.oidc {
        configuration["jwt"] = json!([issuer(oidc)]);
    }
    Some(configuration)
}

/// As the flags `--oidc-…` would say it.
fn issuer(oidc: &Oidc) -> Value {
    // The flags' own rule: only an e-mail address is a user's name as it is.
    let prefix = if oidc.username_claim == "email" { String::new() } else { format!("{}#", oidc.issuer_url) };
    json!({
        "issuer": {"url": oidc.issuer_url, "audiences": [oidc.client_id]},
        "claimMappings": {
            "username": {"claim": oidc.username_claim, "prefix": prefix},
            "groups": {"claim": oidc.groups_claim, "prefix": oidc.groups_prefix},
        },
    })
}

/// The flags: the file, or what replaces it.
pub(super) fn arguments(arguments: &mut Arguments, kubernetes: &Kubernetes) {
    if has_file(kubernetes) {
        arguments.set("authentication-config", format!("{CONFIG}/authentication.yaml"));
    } else if let Some(oidc) = &kubernetes.api_server.oidc
        && !kubernetes.api_server.extra_args.contains_key("authentication-config")
    {
        arguments
            .set("oidc-issuer-url", &oidc.issuer_url)
            .set("oidc-client-id", &oidc.client_id)
            .set("oidc-username-claim", &oidc.username_claim)
            .set("oidc-groups-claim", &oidc.groups_claim)
            .set("oidc-groups-prefix", &oidc.groups_prefix);
    }
}
