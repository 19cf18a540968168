//! Finds what must never be in git in plain text. A last net: nothing that windlass writes should ever be caught.
//!
//! It looks for things that are secrets by their form. A rule that guesses (any long random word) would one day refuse
//! a harmless record in the middle of a run, so words without a form of their own are only taken for secrets next to
//! a name that says so.

/// What a line seems to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Secret {
    /// 1-based line.
    pub(super) line: usize,
    /// What it is: `a PEM private key`.
    pub(super) what: &'static str,
}

/// Words that begin a secret, how many characters of a secret must follow, and what it is.
const PREFIXES: [(&str, usize, &str); 14] = [
    ("AGE-SECRET-KEY-1", 16, "an age secret key"),
    ("AGE-PLUGIN-", 16, "an age identity"),
    ("ghp_", 30, "a GitHub token"),
    ("gho_", 30, "a GitHub token"),
    ("ghs_", 30, "a GitHub token"),
    ("ghu_", 30, "a GitHub token"),
    ("ghr_", 30, "a GitHub token"),
    ("github_pat_", 30, "a GitHub token"),
    ("glpat-", 20, "a GitLab token"),
    ("xoxb-", 20, "a Slack token"),
    ("xoxp-", 20, "a Slack token"),
    ("npm_", 36, "an npm token"),
    ("hvs.", 24, "a Vault token"),
    ("sk_live_", 20, "a Stripe key"),
];

/// The first secret in a file, if there is one.
pub(super) fn find(content: &[u8]) -> Option<Secret> {
    let text = String::from_utf8_lossy(content);
    // Every record of a branch is looked at whenever something is written: what a whole file lacks is not looked for in
    // each of its lines.
    let prefixes: Vec<_> = PREFIXES.iter().filter(|(prefix, ..)| text.contains(prefix)).collect();
    let find = |(index, line)| Some(Secret { line: index + 1, what: in_line(line, &prefixes)? });
    text.lines().enumerate().find_map(find)
}

fn in_line(line: &str, prefixes: &[&(&str, usize, &'static str)]) -> Option<&'static str> {
    if is_private_key(line) {
        return Some("a PEM private key");
    }
    for &&(prefix, length, what) in prefixes {
        if follows(line, prefix, length) {
            return Some(what);
        }
    }
    if has_web_token(line) {
        return Some("a JSON web token");
    }
    if has_aws_secret_key(line) {
        return Some("an AWS secret access key");
    }
    has_bootstrap_token(line).then_some("a Kubernetes bootstrap token")
}

/// `-----BEGIN … PRIVATE KEY-----`, of any kind.
fn is_private_key(line: &str) -> bool {
    line.split("-----BEGIN ").skip(1).any(|rest| {
        rest.split_once("-----")
            .is_some_and(|(label, _)| label.ends_with("PRIVATE KEY") || label.ends_with("KEY BLOCK"))
    })
}

fn follows(line: &str, prefix: &str, length: usize) -> bool {
    let part = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    line.match_indices(prefix).any(|(at, _)| {
        let begins = !line[..at].ends_with(|c: char| c.is_ascii_alphanumeric());
        begins && line[at + prefix.len()..].chars().take_while(|&c| part(c)).count() >= length
    })
}

/// Three parts of base64url with dots between, of which the first begins as `{"` does.
fn has_web_token(line: &str) -> bool {
    if !line.contains("eyJ") {
        return false;
    }
    let part = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    line.split(|c: char| !part(c) && c != '.').any(|word| {
        let parts: Vec<&str> = word.split('.').collect();
        parts.len() == 3 && parts[0].starts_with("eyJ") && parts[1].starts_with("eyJ") && parts[2].len() >= 16
    })
}

/// 40 characters of base64 (what IAM hands out), on a line that speaks of a secret or shows an access key id.
fn has_aws_secret_key(line: &str) -> bool {
    if line.len() < 40 {
        return false;
    }
    let lower = line.to_ascii_lowercase();
    let named = ["secret_access_key", "secretaccesskey", "secret-access-key", "secretkey", "secret_key", "aws_secret"];
    if !named.iter().any(|name| lower.contains(name)) && !has_access_key_id(line) {
        return false;
    }
    let part = |c: char| c.is_ascii_alphanumeric() || "/+".contains(c);
    line.split(|c: char| !part(c)).any(|word| {
        let has = |test: fn(&char) -> bool| word.chars().any(|c| test(&c));
        word.len() == 40 && has(char::is_ascii_uppercase) && has(char::is_ascii_lowercase) && has(char::is_ascii_digit)
    })
}

fn has_access_key_id(line: &str) -> bool {
    let part = |c: char| c.is_ascii_alphanumeric();
    line.split(|c: char| !part(c)).any(|word| {
        word.len() == 20
            && ["AKIA", "ASIA"].iter().any(|prefix| word.starts_with(prefix))
            && word.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit())
    })
}

/// `abcdef.0123456789abcdef`, on a line that speaks of a token.
fn has_bootstrap_token(line: &str) -> bool {
    let bytes = line.as_bytes();
    let part = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    // A word of its own: neither side goes on.
    let goes_on = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(|byte| part(byte) || *byte == b'.');
    let is_token = |dot: usize| {
        let id = dot.checked_sub(6).and_then(|start| bytes.get(start..dot));
        let secret = bytes.get(dot + 1..dot + 17);
        id.is_some_and(|id| id.iter().all(part))
            && secret.is_some_and(|secret| secret.iter().all(part) && secret.iter().any(u8::is_ascii_digit))
            && !goes_on(dot.checked_sub(7))
            && !goes_on(Some(dot + 17))
    };
    line.match_indices('.').any(|(dot, _)| is_token(dot)) && line.to_ascii_lowercase().contains("token")
}

/// Whether a file is age ciphertext, by its header or its armor (age-encryption.org/v1, "File format").
pub(super) fn is_encrypted(content: &[u8]) -> bool {
    if let Some(rest) = content.strip_prefix(b"age-encryption.org/v1\n") {
        // A header ends with its MAC, and the payload with at least a nonce of 16 and a tag of 16 bytes.
        let mac = rest.windows(5).position(|window| window == b"\n--- ");
        return rest.starts_with(b"-> ") && mac.is_some_and(|position| rest.len() - position >= 5 + 43 + 1 + 32);
    }
    let Ok(text) = std::str::from_utf8(content) else { return false };
    let text = text.trim_end();
    text.strip_prefix("-----BEGIN AGE ENCRYPTED FILE-----")
        .and_then(|rest| rest.strip_suffix("-----END AGE ENCRYPTED FILE-----"))
        .is_some_and(|body| {
            let allowed = |c: char| c.is_ascii_alphanumeric() || "+/=\r\n".contains(c);
            body.trim().len() > 32 && body.chars().all(allowed)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_found_by_their_form() {
        let key = |words: &[&str]| words.concat();
        // In pieces, so that no scanner takes this file for a leak.
        let cases = [
            (key(&["-----BEGIN EC ", "PRIVATE KEY-----"]), "a PEM private key"),
            (key(&["x: '-----BEGIN ", "PRIVATE KEY-----\\nMIG'"]), "a PEM private key"),
            (key(&["AGE-SECRET-", "KEY-1QQPZRY9X8GF2TVDW0S3JN54"]), "an age secret key"),
            (key(&["token: gh", "p_0123456789abcdefghijABCDEFGHIJ01"]), "a GitHub token"),
            (key(&["\"glp", "at-0123456789abcdefghij\""]), "a GitLab token"),
            (key(&["Bearer eyJhbGciOiJI.", "eyJzdWIiOiIxMjM0.", "SflKxwRJSMeKKF2QT4fwpM"]), "a JSON web token"),
            (
                key(&["aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/", "bPxRfiCYEXAMPLEKEY"]),
                "an AWS secret access key",
            ),
            (key(&["AKIAIOSFODNN7", "EXAMPLE wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKE1"]), "an AWS secret access key"),
            (key(&["--token abcdef.", "0123456789abcdef"]), "a Kubernetes bootstrap token"),
        ];
        for (text, what) in cases {
            let content = format!("first line\n{text}\n");
            assert_eq!(find(content.as_bytes()), Some(Secret { line: 2, what }), "{text}");
        }
    }

    #[test]
    fn records_are_no_secrets() {
        for text in [
            r#""id": "arn:aws:elasticloadbalancing:eu-west-3:123456789012:loadbalancer/net/api-prod/50dc6c495c0c9188""#,
            r#""token": "MFRGGZDFMZTWQ2LKNNWG23TPOBYXE43UOV3HO6DZPI3TQOJQGEZA""#,
            r#""config": "0a1b2c3d4e5f60718293a4b5c6d7e8f901234567""#,
            "-----BEGIN CERTIFICATE-----",
            "-----BEGIN PUBLIC KEY-----",
            r#""accessKeyId": "AKIAIOSFODNN7EXAMPLE""#,
            "secret_access_key: taken from the environment",
            "\"name\": \"prodeu.streamingcompany1\"",
        ] {
            assert_eq!(find(text.as_bytes()), None, "{text}");
        }
        assert_eq!(find(&[0xff, 0xfe, 0, 1]), None);
    }

    #[test]
    fn only_age_ciphertext_is_encrypted() {
        let mut binary = b"age-encryption.org/v1\n-> X25519 abc\nDEF\n--- ".to_vec();
        binary.extend([b'm'; 43]);
        binary.push(b'\n');
        binary.extend([7; 32]);
        assert!(is_encrypted(&binary));
        assert!(!is_encrypted(&binary[..binary.len() - 1]), "cut");
        let body = "YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IFgyNTUxOSB\n".repeat(2);
        let armor = format!("-----BEGIN AGE ENCRYPTED FILE-----\n{body}-----END AGE ENCRYPTED FILE-----\n");
        assert!(is_encrypted(armor.as_bytes()));
        for text in ["", "age-encryption.org/v1\n", "age-encryption.org/v2\n-> x", "hunter2", &armor[..60]] {
            assert!(!is_encrypted(text.as_bytes()), "{text}");
        }
    }
}
