//! Paths of the API: which group, version, resource, object and subresource a request is about.

use percent_encoding::percent_decode_str;

/// What a path under `/api` or `/apis` names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Target {
    /// Empty for the core group.
    pub group: String,
    /// Its version.
    pub version: String,
    /// Plural; empty for the list of resources of the version.
    pub plural: String,
    /// Namespace, if the path has one.
    pub namespace: Option<String>,
    /// The object's name.
    pub name: Option<String>,
    /// `status`, `eviction`, …
    pub subresource: Option<String>,
}

impl Target {
    /// Reads a path; `None` for every other path, and for `/api` and `/apis` themselves.
    #[must_use]
    pub fn read(path: &str) -> Option<Self> {
        let decoded = |part: &str| percent_decode_str(part).decode_utf8().ok().map(|text| text.into_owned());
        let parts: Vec<String> =
            path.split('/').filter(|part| !part.is_empty()).map(decoded).collect::<Option<Vec<_>>>()?;
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let (group, version, rest) = match parts.as_slice() {
            ["api", version, rest @ ..] => ("", *version, rest),
            ["apis", group, version, rest @ ..] => (*group, *version, rest),
            _ => return None,
        };
        let mut target = Self { group: group.to_owned(), version: version.to_owned(), ..Self::default() };
        let rest = match rest {
            // A namespace's own subresources come before resources in it.
            ["namespaces", name, part @ ("status" | "finalize")] => {
                target.plural = "namespaces".to_owned();
                target.name = Some((*name).to_owned());
                target.subresource = Some((*part).to_owned());
                return Some(target);
            }
            ["namespaces", namespace, rest @ ..] if !rest.is_empty() => {
                target.namespace = Some((*namespace).to_owned());
                rest
            }
            rest => rest,
        };
        let mut rest = rest.iter().map(|part| (*part).to_owned());
        target.plural = rest.next().unwrap_or_default();
        target.name = rest.next();
        target.subresource = rest.next();
        // Proxies and the like have longer paths; nothing here serves them.
        rest.next().is_none().then_some(target)
    }
}

/// Parameters of a query.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Reads the part after the question mark.
    #[must_use]
    pub fn read(text: &str) -> Self {
        Self(form_urlencoded::parse(text.as_bytes()).into_owned().collect())
    }

    /// A parameter that is there and not empty.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    /// Whether a parameter is there, with or without a value.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(key, _)| key == name)
    }

    /// A flag, as Go's `strconv.ParseBool` reads it.
    #[must_use]
    pub fn flag(&self, name: &str) -> bool {
        matches!(self.get(name), Some("1" | "t" | "T" | "true" | "TRUE" | "True"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(path: &str) -> Target {
        Target::read(path).expect("a path of the API")
    }

    #[test]
    fn objects_in_namespaces_have_subresources() {
        let target = read("/api/v1/namespaces/a/pods/b/eviction");
        assert_eq!((target.namespace.as_deref(), target.name.as_deref()), (Some("a"), Some("b")));
        assert_eq!((target.plural.as_str(), target.subresource.as_deref()), ("pods", Some("eviction")));
    }

    #[test]
    fn a_namespace_is_an_object_too() {
        assert_eq!(read("/api/v1/namespaces/a").name.as_deref(), Some("a"));
        assert_eq!(read("/api/v1/namespaces/a/status").subresource.as_deref(), Some("status"));
        assert_eq!(read("/api/v1/namespaces/a/pods").namespace.as_deref(), Some("a"));
        assert_eq!(read("/api/v1/namespaces").name, None);
    }

    #[test]
    fn groups_have_versions() {
        let target = read("/apis/policy/v1/poddisruptionbudgets");
        assert_eq!((target.group.as_str(), target.version.as_str()), ("policy", "v1"));
        assert_eq!(read("/apis/policy/v1").plural, "");
        assert_eq!(Target::read("/version"), None);
        assert_eq!(Target::read("/api/v1/namespaces/a/pods/b/proxy/c"), None);
    }

    #[test]
    fn flags_are_go_booleans() {
        let query = Query::read("watch=1&force=true&x=false&verbose");
        assert!(query.flag("watch") && query.flag("force") && !query.flag("x") && query.has("verbose"));
    }
}
