//! The user's own kubeconfig: where the API is, whom it is trusted by, who calls. Read once; it never runs a plugin.

use std::fs;

use data_encoding::BASE64;
use kube::config::{AuthInfo, Cluster, Kubeconfig};

use super::connect::{Credentials, Endpoint};
use super::error::Error;
use crate::secret::Secret;

impl Endpoint {
    /// The endpoint that a kubeconfig's context means; `None`: its current one.
    ///
    /// # Errors
    /// [`Error::Configuration`]: it is no kubeconfig, names what is not in it, or logs in by a plugin.
    pub fn from_kubeconfig(text: &str, context: Option<&str>) -> Result<Self, Error> {
        let wrong = |what: String| Error::Configuration(what);
        // The parser's own words could quote a key.
        let file = Kubeconfig::from_yaml(text).map_err(|_| wrong(String::from("this is no kubeconfig")))?;
        let name = context.map(str::to_owned).or_else(|| file.current_context.clone()).filter(|name| !name.is_empty());
        let name = name.ok_or_else(|| wrong(String::from("the kubeconfig has no current context")))?;
        let context = file.contexts.iter().find(|it| it.name == name).and_then(|it| it.context.as_ref());
        let context = context.ok_or_else(|| wrong(format!("the kubeconfig has no context {name:?}")))?;
        let cluster = file.clusters.iter().find(|it| it.name == context.cluster).and_then(|it| it.cluster.as_ref());
        let cluster = cluster.ok_or_else(|| wrong(format!("the kubeconfig has no cluster {:?}", context.cluster)))?;
        let user = context.user.clone().unwrap_or_default();
        let found = file.auth_infos.iter().find(|it| it.name == user).and_then(|it| it.auth_info.as_ref());
        let found = found.ok_or_else(|| wrong(format!("the kubeconfig has no user {user:?}")))?;
        let (host, port) = server(cluster)?;
        Ok(Self {
            host,
            port,
            server_name: cluster.tls_server_name.clone(),
            trust: trust(cluster)?,
            credentials: credentials(&user, found)?,
        })
    }
}

fn server(cluster: &Cluster) -> Result<(String, u16), Error> {
    let url = cluster.server.clone().unwrap_or_default();
    let wrong = || Error::Configuration(format!("the kubeconfig's server {url:?} is no https:// address"));
    let uri: http::Uri = url.parse().map_err(|_| wrong())?;
    let host = uri.host().filter(|_| uri.scheme_str() == Some("https")).ok_or_else(wrong)?;
    Ok((host.trim_matches(['[', ']']).to_owned(), uri.port_u16().unwrap_or(443)))
}

fn trust(cluster: &Cluster) -> Result<String, Error> {
    if cluster.insecure_skip_tls_verify == Some(true) {
        let what = "the kubeconfig trusts any server (insecure-skip-tls-verify), and windlass does not";
        return Err(Error::Configuration(what.to_owned()));
    }
    let bytes = match (&cluster.certificate_authority_data, &cluster.certificate_authority) {
        (Some(data), _) => decoded("certificate-authority-data", data)?,
        (None, Some(path)) => file(path)?,
        (None, None) => {
            return Err(Error::Configuration(String::from("the kubeconfig names no authority for its server")));
        }
    };
    String::from_utf8(bytes).map_err(|_| Error::Configuration(String::from("the kubeconfig's authority is no PEM")))
}

fn credentials(user: &str, found: &AuthInfo) -> Result<Credentials, Error> {
    use secrecy::ExposeSecret;

    let certificate = match (&found.client_certificate_data, &found.client_certificate) {
        (Some(data), _) => Some(decoded("client-certificate-data", data)?),
        (None, Some(path)) => Some(file(path)?),
        (None, None) => None,
    };
    let key = match (&found.client_key_data, &found.client_key) {
        (Some(data), _) => Some(Secret::new(decoded("client-key-data", data.expose_secret())?)),
        (None, Some(path)) => Some(Secret::new(file(path)?)),
        (None, None) => None,
    };
    if let (Some(certificate), Some(key)) = (certificate, key) {
        let certificate = String::from_utf8(certificate)
            .map_err(|_| Error::Configuration(String::from("the kubeconfig's client certificate is no PEM")))?;
        return Ok(Credentials::Certificate { certificate, key });
    }
    if let Some(token) = &found.token {
        return Ok(Credentials::Token(Secret::from(token.expose_secret().to_owned())));
    }
    if let Some(path) = &found.token_file {
        return Ok(Credentials::Token(Secret::new(file(path)?)));
    }
    let what = format!(
        "the kubeconfig's user {user:?} has neither a client certificate nor a token; plugins are not run\nhint: write one \
         with `windlass kubeconfig --print`"
    );
    Err(Error::Configuration(what))
}

fn decoded(field: &str, text: &str) -> Result<Vec<u8>, Error> {
    let plain: String = text.split_whitespace().collect();
    BASE64.decode(plain.as_bytes()).map_err(|_| Error::Configuration(format!("the kubeconfig's {field} is no base64")))
}

fn file(path: &str) -> Result<Vec<u8>, Error> {
    fs::read(path)
        .map_err(|error| Error::Configuration(format!("cannot read {path}, which the kubeconfig names: {error}")))
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

    #[test]
    fn a_token_and_an_authority_are_enough() {
        let read = Endpoint::from_kubeconfig(&config("token: abc", CA), None).expect("sound");
        assert_eq!((read.host.as_str(), read.port, read.trust.as_str()), ("api.example", 6443, "PEM"));
        assert!(matches!(read.credentials, Credentials::Token(token) if token.expose() == b"abc"));
        let pair = config("client-certificate-data: Q0VSVA==, client-key-data: S0VZ", CA);
        let read = Endpoint::from_kubeconfig(&pair, Some("a")).expect("sound");
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
            let error = Endpoint::from_kubeconfig(&text, context).expect_err(why).to_string();
            assert!(error.contains(why) && !error.contains("hunter2"), "{error}");
        }
    }
}
