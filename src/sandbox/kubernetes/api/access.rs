//! Who asks, and whether they may: authentication by certificate or token, and as much of RBAC and of the node
//! authorizer as clusters of windlass need.
//!
//! Whoever is bound to `cluster-admin` may do everything, nodes may do their own things, everybody else is refused with
//! the server's own words. Rules of other roles are not evaluated.

use serde_json::Value;

use super::super::Cluster;
use super::super::objects::Key;
use super::kind::Kind;
use super::path::Target;
use super::problem::Problem;

/// Somebody who was recognized.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// `kubernetes-admin`, `system:node:i-0123`.
    pub name: String,
    /// `system:masters`, …
    pub groups: Vec<String>,
}

/// What a request shows of who sent it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// A certificate that the cluster's authority signed: its subject.
    Certificate(User),
    /// Nothing.
    Nobody,
    /// A certificate that nobody here trusts.
    Untrusted,
}

impl User {
    /// A user in groups.
    #[must_use]
    pub fn new(name: &str, groups: &[&str]) -> Self {
        Self { name: name.to_owned(), groups: groups.iter().map(|group| (*group).to_owned()).collect() }
    }

    /// An administrator that needs no binding (`super-admin.conf` of kubeadm).
    #[must_use]
    pub fn master() -> Self {
        Self::new("kubernetes-super-admin", &["system:masters", "system:authenticated"])
    }

    fn is_in(&self, group: &str) -> bool {
        self.groups.iter().any(|it| it == group)
    }
}

/// Recognizes who asks.
///
/// # Errors
/// 401 for certificates and tokens that are not good.
pub fn authenticate(cluster: &Cluster, identity: &Identity, authorization: Option<&str>) -> Result<User, Problem> {
    let known = |mut user: User| {
        if !user.is_in("system:authenticated") {
            user.groups.push("system:authenticated".to_owned());
        }
        user
    };
    if let Identity::Certificate(user) = identity {
        return Ok(known(user.clone()));
    }
    if let Some(token) = authorization.and_then(|value| value.strip_prefix("Bearer ")) {
        return service_account(cluster, token).map(known).ok_or_else(Problem::unauthorized);
    }
    match identity {
        Identity::Untrusted => Err(Problem::unauthorized()),
        _ => Ok(User::new("system:anonymous", &["system:unauthenticated"])),
    }
}

/// The token that the sandbox issues for a service account.
#[must_use]
pub fn token(namespace: &str, name: &str, uid: &str) -> String {
    format!("sandbox:{namespace}:{name}:{uid}")
}

fn service_account(cluster: &Cluster, token: &str) -> Option<User> {
    let mut parts = token.strip_prefix("sandbox:")?.splitn(3, ':');
    let (namespace, name, uid) = (parts.next()?, parts.next()?, parts.next()?);
    let account = cluster.objects.get(&Key::new("serviceaccounts", namespace, name))?;
    (account["metadata"]["uid"] == uid).then(|| {
        let of_namespace = format!("system:serviceaccounts:{namespace}");
        User::new(&format!("system:serviceaccount:{namespace}:{name}"), &["system:serviceaccounts", &of_namespace])
    })
}

/// The verb of a request, as authorization names it.
#[must_use]
pub fn verb(method: &str, target: &Target, watching: bool) -> &'static str {
    match (method, target.name.is_some()) {
        ("GET" | "HEAD", _) if watching => "watch",
        ("GET" | "HEAD", true) => "get",
        ("GET" | "HEAD", false) => "list",
        ("POST", _) => "create",
        ("PUT", _) => "update",
        ("PATCH", _) => "patch",
        ("DELETE", true) => "delete",
        ("DELETE", false) => "deletecollection",
        _ => "",
    }
}

/// Whether a user may ask for a path that is no resource.
///
/// # Errors
/// 403.
pub fn path(cluster: &Cluster, user: &User, path: &str, method: &str) -> Result<(), Problem> {
    // The roles system:public-info-viewer and system:discovery.
    let public = ["/healthz", "/livez", "/readyz", "/version"];
    let discovery = ["/api", "/apis", "/openapi"];
    let within = |all: &[&str]| all.iter().any(|it| path == *it || path.starts_with(&format!("{it}/")));
    let known = user.is_in("system:authenticated");
    if within(&public) || (known && within(&discovery)) || is_admin(cluster, user) {
        return Ok(());
    }
    let verb = if method == "GET" { "get".to_owned() } else { method.to_ascii_lowercase() };
    let mut problem =
        Problem::new(403, "Forbidden", format!("forbidden: User {:?} cannot {verb} path {path:?}", user.name));
    problem.details = Some(Box::new(serde_json::json!({})));
    Err(problem)
}

/// Whether a user may do something to a resource.
///
/// # Errors
/// 403.
pub fn resource(cluster: &Cluster, user: &User, verb: &str, (kind, target): (&Kind, &Target)) -> Result<(), Problem> {
    let own_review = kind.group == "authorization.k8s.io" || kind.group == "authentication.k8s.io";
    if is_admin(cluster, user) || (own_review && user.is_in("system:authenticated")) {
        return Ok(());
    }
    if user.is_in("system:nodes")
        && let Some(node) = user.name.strip_prefix("system:node:")
        && let Some(decided) = node_may(node, verb, kind, target)
    {
        return decided;
    }
    let what = match &target.subresource {
        Some(subresource) => format!("{}/{subresource}", kind.plural),
        None => kind.plural.clone(),
    };
    let scope = match &target.namespace {
        Some(namespace) => format!("in the namespace {namespace:?}"),
        None => "at the cluster scope".to_owned(),
    };
    let why = format!("User {:?} cannot {verb} resource {what:?} in API group {:?} {scope}", user.name, kind.group);
    Err(Problem::forbidden(kind, target.name.as_deref().unwrap_or_default(), &why))
}

/// In `system:masters`, or bound to `cluster-admin`.
fn is_admin(cluster: &Cluster, user: &User) -> bool {
    let is_subject = |subject: &Value| match subject["kind"].as_str() {
        Some("Group") => user.groups.iter().any(|group| subject["name"] == group.as_str()),
        Some("User") => subject["name"] == user.name.as_str(),
        Some("ServiceAccount") => {
            let text = |key: &str| subject[key].as_str().unwrap_or_default();
            user.name == format!("system:serviceaccount:{}:{}", text("namespace"), text("name"))
        }
        _ => false,
    };
    user.is_in("system:masters")
        || cluster.objects.list("clusterrolebindings.rbac.authorization.k8s.io").any(|(_, binding)| {
            binding["roleRef"]["name"] == "cluster-admin"
                && binding["subjects"].as_array().into_iter().flatten().any(is_subject)
        })
}

/// The node authorizer and the admission plugin NodeRestriction; `None`: they know nothing of it.
fn node_may(node: &str, verb: &str, kind: &Kind, target: &Target) -> Option<Result<(), Problem>> {
    const READ: &[&str] = &[
        "nodes",
        "pods",
        "services",
        "endpoints",
        "configmaps",
        "secrets",
        "persistentvolumes",
        "persistentvolumeclaims",
        "csidrivers",
        "csinodes",
        "runtimeclasses",
        "leases",
        "volumeattachments",
        "serviceaccounts",
    ];
    let reads = matches!(verb, "get" | "list" | "watch");
    if reads {
        return READ.contains(&kind.plural.as_str()).then_some(Ok(()));
    }
    let name = target.name.as_deref().unwrap_or(node);
    match (kind.plural.as_str(), verb) {
        ("nodes", "create" | "update" | "patch") if name == node => Some(Ok(())),
        ("nodes", "create" | "update" | "patch") => {
            let why = format!("node {node:?} is not allowed to modify node {name:?}");
            Some(Err(Problem::forbidden(kind, name, &why)))
        }
        ("leases" | "csinodes", "create" | "update" | "patch" | "delete") if name == node => Some(Ok(())),
        ("pods", "create" | "delete" | "patch" | "update")
        | ("events", "create" | "patch" | "update")
        | ("serviceaccounts" | "certificatesigningrequests", "create") => Some(Ok(())),
        _ => None,
    }
}
