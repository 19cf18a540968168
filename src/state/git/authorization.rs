//! Credentials in the URL of a remote: taken out of it before git sees it.
//!
//! git hands a URL on to its helper for HTTP as an argument, and everybody on the machine can read the arguments of
//! others' processes. As a header in the configuration, which goes through the environment, only the owner can.

use data_encoding::BASE64;
use percent_encoding::percent_decode_str;

/// A URL without user and password, and the setting that gives them to its host; `None`: it had none, or is not for HTTP.
///
/// A user alone stays: git asks its credential helper for the password that belongs to it.
pub(super) fn apart(url: &str) -> (String, Option<(String, String)>) {
    let without = || {
        let (scheme, rest) = url.split_once("://").filter(|(scheme, _)| matches!(*scheme, "http" | "https"))?;
        let authority = rest.split(['/', '?', '#']).next()?;
        let (credentials, host) = authority.rsplit_once('@')?;
        let (user, password) = credentials.split_once(':')?;
        let decoded = |text: &str| percent_decode_str(text).collect::<Vec<u8>>();
        let pair = [decoded(user), decoded(password)].join(&b':');
        let bare = format!("{scheme}://{host}{}", &rest[authority.len()..]);
        let setting = (format!("http.{bare}.extraHeader"), format!("Authorization: Basic {}", BASE64.encode(&pair)));
        Some((bare, setting))
    };
    match without() {
        Some((bare, setting)) => (bare, Some(setting)),
        None => (url.to_owned(), None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_and_password_become_a_header() {
        let (url, setting) = apart("https://ci:t%40ken@git.foo.bar:8443/fleet.git?a=b");
        assert_eq!(url, "https://git.foo.bar:8443/fleet.git?a=b");
        let (key, value) = setting.expect("a setting");
        assert_eq!(key, "http.https://git.foo.bar:8443/fleet.git?a=b.extraHeader");
        assert_eq!(value, format!("Authorization: Basic {}", BASE64.encode(b"ci:t@ken")));
    }

    #[test]
    fn everything_else_stays_as_it_is() {
        for url in [
            "https://git.foo.bar/fleet.git",
            "https://ci@git.foo.bar/fleet.git",
            "https://git.foo.bar/a:b@c",
            "ssh://git:x@git.foo.bar/fleet.git",
            "git@git.foo.bar:fleet.git",
            "/srv/fleet.git",
        ] {
            assert_eq!(apart(url), (url.to_owned(), None));
        }
    }
}
