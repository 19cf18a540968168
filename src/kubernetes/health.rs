//! How an API server is: its own checks, its version, what of it will be removed and is still used.

use http::Method;

use super::connect::Kubernetes;
use super::error::Error;

/// An API version that somebody uses and that a release will not have any more.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DeprecatedApi {
    /// Its group; empty for the core.
    pub group: String,
    /// Its version, `v1beta1`.
    pub version: String,
    /// Plural, `cronjobs`.
    pub resource: String,
    /// `status` and the like; empty without.
    pub subresource: String,
    /// The release that no longer has it, `1.25`; empty when that is not known.
    pub removed_release: String,
}

impl Kubernetes {
    /// Whether the server is ready to serve.
    ///
    /// # Errors
    /// [`Error::Api`] with the checks that failed; others as in [`Error`].
    pub async fn readyz(&self) -> Result<(), Error> {
        let answer = self.call(Method::GET, "/readyz?verbose", None).await?;
        if answer.status.is_success() {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&answer.body);
        let failed: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("[-]")).collect();
        if failed.is_empty() {
            return Err(answer.error());
        }
        let checks = failed.iter().map(|line| line.split_whitespace().next().unwrap_or_default()).collect::<Vec<_>>();
        Err(Error::Api {
            code: answer.status.as_u16(),
            reason: String::from("NotReady"),
            message: format!("not ready: {}", checks.join(", ")),
            retry_after: answer.retry_after,
        })
    }

    /// `gitVersion` of the server, `v1.34.2`.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn version(&self) -> Result<String, Error> {
        let version = self.get("/version").await?;
        let text = version["gitVersion"].as_str().map(str::to_owned);
        text.ok_or_else(|| Error::Malformed(String::from("/version says no gitVersion")))
    }

    /// Deprecated API versions that were used since this server started (metric
    /// `apiserver_requested_deprecated_apis` of kube-apiserver, stable since 1.19).
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn deprecated_apis(&self) -> Result<Vec<DeprecatedApi>, Error> {
        let answer = self.call(Method::GET, "/metrics", None).await?.successful()?;
        Ok(deprecated(&String::from_utf8_lossy(&answer.body)))
    }
}

/// The lines of the metric whose value is 1 (Prometheus' text format).
fn deprecated(metrics: &str) -> Vec<DeprecatedApi> {
    let lines = metrics.lines().filter_map(|line| line.strip_prefix("apiserver_requested_deprecated_apis{"));
    let mut apis: Vec<DeprecatedApi> = lines
        .filter_map(|line| {
            let (labels, value) = line.rsplit_once('}')?;
            let is_set = value.split_whitespace().next()?.parse::<f64>().is_ok_and(|number| number > 0.0);
            let label = |name: &str| {
                let (_, rest) = format!(",{labels}")
                    .split_once(&format!(",{name}=\""))
                    .map(|(a, b)| (a.to_owned(), b.to_owned()))?;
                rest.split_once('"').map(|(value, _)| value.to_owned())
            };
            is_set.then(|| DeprecatedApi {
                group: label("group").unwrap_or_default(),
                version: label("version").unwrap_or_default(),
                resource: label("resource").unwrap_or_default(),
                subresource: label("subresource").unwrap_or_default(),
                removed_release: label("removed_release").unwrap_or_default(),
            })
        })
        .collect();
    apis.sort();
    apis
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubernetes::read::controller;

    #[test]
    fn the_metric_tells_what_is_still_used() {
        let metrics = "# TYPE apiserver_requested_deprecated_apis gauge\n\
            apiserver_requested_deprecated_apis{group=\"batch\",removed_release=\"1.25\",resource=\"cronjobs\",subresource=\"\",version=\"v1beta1\"} 1\n\
            apiserver_requested_deprecated_apis{group=\"\",removed_release=\"\",resource=\"componentstatuses\",subresource=\"\",version=\"v1\"} 1\n\
            apiserver_requested_deprecated_apis{group=\"policy\",removed_release=\"1.25\",resource=\"podsecuritypolicies\",subresource=\"\",version=\"v1beta1\"} 0\n\
            apiserver_request_total{code=\"200\"} 7\n";
        let seen = deprecated(metrics);
        let said: Vec<String> = seen
            .iter()
            .map(|it| format!("{}/{} {} {}", it.group, it.version, it.resource, it.removed_release))
            .collect();
        assert_eq!(said, ["/v1 componentstatuses ", "batch/v1beta1 cronjobs 1.25"]);
        assert_eq!(deprecated("garbage\napiserver_requested_deprecated_apis{"), []);
    }

    #[test]
    fn a_controllers_controller_is_named() {
        let object = serde_json::json!({ "metadata": { "ownerReferences": [
            { "kind": "Other", "name": "x" }, { "kind": "Deployment", "name": "web", "controller": true } ] } });
        assert_eq!(controller(&object).map(|it| it.to_string()).as_deref(), Some("Deployment web"));
        assert_eq!(controller(&serde_json::json!({})), None);
    }
}
