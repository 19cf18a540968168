//! The user's own kubeconfig: where the API is, whom it is trusted by, who calls. Read once; it never runs a plugin.
//!
//! Each mistake has its place, and no message shows the line at it: it may hold a key.

use std::path::Path;

use data_encoding::BASE64;
use kube::config::{AuthInfo, Cluster, Kubeconfig};

use super::connect::{Credentials, Endpoint};
use crate::file;
use crate::problem::Problem;
use crate::render::source::{Source, Span};
use crate::render::yaml::{self, Node};
use crate::secret::Secret;

impl Endpoint {
    /// The endpoint that a kubeconfig's context means; `None`: its current one.
    ///
    /// # Errors
    /// It is no kubeconfig, names what is not in it, or logs in by a plugin.
    pub fn from_kubeconfig(source: &Source, context: Option<&str>) -> Result<Self, Problem> {
        let file = read(source)?;
        // Only for the places of mistakes.
        let tree = yaml::documents(source).unwrap_or_default();
        let top = Part { source, tree: &tree, list: "", name: "" };
        let name = context.map(str::to_owned).or_else(|| file.current_context.clone()).filter(|name| !name.is_empty());
        let name = name.ok_or_else(|| top.wrong("current-context", "the kubeconfig has no current context"))?;
        let context = file.contexts.iter().find(|it| it.name == name).and_then(|it| it.context.as_ref());
        let context =
            context.ok_or_else(|| top.wrong("current-context", &format!("the kubeconfig has no context {name:?}")))?;
        let part = Part { list: "contexts", name: &name, ..top };
        let cluster = file.clusters.iter().find(|it| it.name == context.cluster).and_then(|it| it.cluster.as_ref());
        let cluster = cluster
            .ok_or_else(|| part.wrong("cluster", &format!("the kubeconfig has no cluster {:?}", context.cluster)))?;
        let user = context.user.clone().unwrap_or_default();
        let found = file.auth_infos.iter().find(|it| it.name == user).and_then(|it| it.auth_info.as_ref());
        let found = found.ok_or_else(|| part.wrong("user", &format!("the kubeconfig has no user {user:?}")))?;
        let of_cluster = Part { list: "clusters", name: &context.cluster, ..top };
        let (host, port) = server(&of_cluster, cluster)?;
        Ok(Self {
            host,
            port,
            server_name: cluster.tls_server_name.clone(),
            trust: trust(&of_cluster, cluster)?,
            credentials: credentials(&Part { list: "users", name: &user, ..top }, found)?,
        })
    }
}

/// kubectl takes several documents for one.
fn read(source: &Source) -> Result<Kubeconfig, Problem> {
    let start = || source.hidden_place(Span::new(1, 1, 1), "");
    let no_kubeconfig = |problem: Problem| Problem { message: String::from("this is no kubeconfig"), ..problem };
    let documents = yaml::foreign::<Kubeconfig>(source).map_err(no_kubeconfig)?;
    documents
        .into_iter()
        .try_fold(Kubeconfig::default(), Kubeconfig::merge)
        .map_err(|_| Problem::error("the documents of the kubeconfig are of several kinds or versions").at(start()))
}

/// An entry of one of the lists of a kubeconfig; without a list the file itself.
#[derive(Clone, Copy)]
struct Part<'a> {
    source: &'a Source,
    tree: &'a [Node],
    list: &'static str,
    name: &'a str,
}

impl Part<'_> {
    /// A mistake in a field of it; without that field, in the part.
    fn wrong(&self, field: &str, what: &str) -> Problem {
        let fields = self.tree.iter().filter_map(|document| {
            if self.list.is_empty() {
                return Some(document);
            }
            let mut items = document.get(self.list)?.as_sequence()?.iter();
            let item = items.find(|item| item.get("name").and_then(Node::as_str) == Some(self.name))?;
            // `clusters` has a `cluster` in each of its entries.
            Some(item.get(self.list.trim_end_matches('s')).unwrap_or(item))
        });
        let parts: Vec<&Node> = fields.collect();
        let in_place = format!("{field}-data");
        let exact = parts.iter().find_map(|part| part.get(field).or_else(|| part.get(&in_place)));
        let span = exact.or(parts.first().copied()).map_or(Span::new(1, 1, 1), |node| node.span);
        Problem::error(what).at(self.source.hidden_place(span, ""))
    }
}

fn server(part: &Part<'_>, cluster: &Cluster) -> Result<(String, u16), Problem> {
    let url = cluster.server.clone().unwrap_or_default();
    let wrong = || part.wrong("server", &format!("the kubeconfig's server {url:?} is no https:// address"));
    let uri: http::Uri = url.parse().map_err(|_| wrong())?;
    let host = uri.host().filter(|_| uri.scheme_str() == Some("https")).ok_or_else(wrong)?;
    Ok((host.trim_matches(['[', ']']).to_owned(), uri.port_u16().unwrap_or(443)))
}

fn trust(part: &Part<'_>, cluster: &Cluster) -> Result<String, Problem> {
    if cluster.insecure_skip_tls_verify == Some(true) {
        let what = "the kubeconfig trusts any server (insecure-skip-tls-verify), and windlass does not";
        return Err(part.wrong("insecure-skip-tls-verify", what));
    }
    let given = (&cluster.certificate_authority_data, &cluster.certificate_authority);
    match part.content("certificate-authority", given)? {
        Some(bytes) => part.text("certificate-authority", bytes),
        None => Err(part.wrong("", "the kubeconfig names no authority for its server")),
    }
}

fn credentials(part: &Part<'_>, found: &AuthInfo) -> Result<Credentials, Problem> {
    use secrecy::ExposeSecret;

    let certificate = (&found.client_certificate_data, &found.client_certificate);
    let certificate = part.content("client-certificate", certificate)?;
    let data = found.client_key_data.as_ref().map(|data| data.expose_secret().to_owned());
    let key = part.content("client-key", (&data, &found.client_key))?.map(Secret::new);
    if let (Some(certificate), Some(key)) = (certificate, key) {
        return Ok(Credentials::Certificate { certificate: part.text("client-certificate", certificate)?, key });
    }
    if let Some(token) = &found.token {
        return Ok(Credentials::Token(Secret::from(token.expose_secret().to_owned())));
    }
    if let Some(path) = &found.token_file {
        return Ok(Credentials::Token(Secret::new(part.file("tokenFile", path)?)));
    }
    let what = format!(
        "the kubeconfig's user {:?} has neither a client certificate nor a token; plugins are not run",
        part.name
    );
    Err(part.wrong("", &what).hint("write one with `windlass kubeconfig --print`"))
}

impl Part<'_> {
    /// What a field says: in base64 under its name with `-data`, or in the file that it names.
    fn content(&self, field: &str, given: (&Option<String>, &Option<String>)) -> Result<Option<Vec<u8>>, Problem> {
        match given {
            (Some(data), _) => {
                let (field, plain) = (format!("{field}-data"), data.split_whitespace().collect::<String>());
                let decoded = BASE64.decode(plain.as_bytes());
                let bad = |_| self.wrong(&field, &format!("the kubeconfig's {field} is no base64"));
                decoded.map(Some).map_err(bad)
            }
            (None, Some(path)) => self.file(field, path).map(Some),
            (None, None) => Ok(None),
        }
    }

    fn file(&self, field: &str, path: &str) -> Result<Vec<u8>, Problem> {
        file::read(Path::new(path), file::LARGEST)
            .map_err(|error| self.wrong(field, &format!("cannot read {path}, which the kubeconfig names: {error}")))
    }

    fn text(&self, field: &str, bytes: Vec<u8>) -> Result<String, Problem> {
        String::from_utf8(bytes).map_err(|_| self.wrong(field, &format!("the kubeconfig's {field} is no PEM")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(user: &str, cluster: &str) -> String {
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: a\ncontexts: [{{name: a, context: {{cluster: c, user: u}}}}]\n\
             clusters: [{{name: c, cluster: {{server: 'https://api.example:6443', {cluster}}}}}]\n\
             users: [{{name: u, user: {{{user}}}}}]\n"
        )
    }

    const CA: &str = "certificate-authority-data: UEVN";

    fn from(user: &str) -> Result<Endpoint, Problem> {
        Endpoint::from_kubeconfig(&Source::new("kubeconfig", config(user, CA)), None)
    }

    #[test]
    fn a_token_and_an_authority_are_enough() {
        let read = from("token: abc").expect("sound");
        assert_eq!((read.host.as_str(), read.port, read.trust.as_str()), ("api.example", 6443, "PEM"));
        assert!(matches!(read.credentials, Credentials::Token(token) if token.expose() == b"abc"));
        let read = from("client-certificate-data: Q0VSVA==, client-key-data: S0VZ").expect("sound");
        assert!(matches!(read.credentials, Credentials::Certificate { certificate, .. } if certificate == "CERT"));
    }

    #[test]
    fn what_cannot_be_used_is_told_without_its_secrets() {
        let cases = [
            (config("exec: {apiVersion: v1, command: aws}", CA), None, "plugins are not run"),
            (config("token: hunter2", "insecure-skip-tls-verify: true"), None, "trusts any server"),
            (config("token: hunter2", "certificate-authority: /does/not/exist"), None, "cannot read"),
            (config("token: hunter2", CA).replace("https", "http"), None, "no https://"),
            (config("token: hunter2", CA), Some("b"), "no context \"b\""),
            (String::from("token: [hunter2"), None, "no kubeconfig"),
        ];
        for (text, context, why) in cases {
            let problem = Endpoint::from_kubeconfig(&Source::new("kubeconfig", text), context).expect_err(why);
            assert!(problem.message.contains(why) && problem.places.len() == 1, "{problem:?}");
            assert!(!format!("{problem:?}").contains("hunter2"), "{problem:?}");
        }
    }
}
