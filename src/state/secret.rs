//! Finds what must never be in git in plain text. A last net: nothing that windlass writes should ever be caught.
//!
//! It looks for things that are secrets by their form. A rule that guesses (any long random word) would one day refuse
//! a harmless record in the middle of a run, so words without a form of their own are only taken for secrets next to
//! a name that says so.

use std::sync::LazyLock;

use regex::bytes::{RegexSet, RegexSetBuilder};

/// What a line seems to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Secret {
    /// 1-based line.
    pub(super) line: usize,
    /// What it is: `a PEM private key`.
    pub(super) what: &'static str,
}

/// What secrets of a kind look like.
struct Form {
    what: &'static str,
    /// Matches on a line of such a secret, and on few others.
    pattern: &'static str,
    /// Whether such a line has one.
    has: fn(&[u8]) -> bool,
}

/// Where the sources say it: RFC 7468 (PEM), RFC 7519 (JSON web tokens begin as `{"` does), and the hosts' own pages
/// about scanning for secrets. A word begins where no letter or digit stands before it.
static FORMS: [Form; 6] = [
    Form {
        what: "a PEM private key",
        // Five hyphens end a label; fewer may be in it.
        pattern: r"-----BEGIN (?:-{0,4}[^-\n])*-{0,4}(?:PRIVATE KEY|KEY BLOCK)-----",
        has: |_| true,
    },
    Form {
        what: "an age identity",
        pattern: r"(?:^|[^0-9A-Za-z])AGE-(?:SECRET-KEY-1|PLUGIN-)[0-9A-Za-z_-]{16}",
        has: |_| true,
    },
    Form {
        what: "an access token",
        // GitHub, GitLab, Slack, npm, Vault and Stripe.
        pattern: concat!(
            r"(?:^|[^0-9A-Za-z])(?:(?:gh[posur]_|github_pat_)[0-9A-Za-z_-]{30}|(?:glpat-|xox[bp]-|sk_live_)[0-9A-Za-z_-]{20}",
            r"|npm_[0-9A-Za-z_-]{36}|hvs\.[0-9A-Za-z_-]{24})"
        ),
        has: |_| true,
    },
    Form {
        what: "a JSON web token",
        pattern: r"(?:^|[^0-9A-Za-z_.-])eyJ[0-9A-Za-z_-]*\.eyJ[0-9A-Za-z_-]*\.[0-9A-Za-z_-]{16}",
        has: |_| true,
    },
    Form {
        what: "an AWS secret access key",
        pattern: concat!(
            r"(?i:secret[_-]?access[_-]?key|secret_?key|aws_secret)",
            r"|(?:^|[^0-9A-Za-z])A[KS]IA[0-9A-Z]{16}(?:$|[^0-9A-Za-z])"
        ),
        has: has_aws_secret_key,
    },
    Form {
        what: "a Kubernetes bootstrap token",
        pattern: r"(?:^|[^0-9a-z.])[0-9a-z]{6}\.[0-9a-z]{16}(?:$|[^0-9a-z.])",
        has: has_bootstrap_token,
    },
];

/// The patterns of [`FORMS`], looked for at once.
static PATTERNS: LazyLock<RegexSet> = LazyLock::new(|| {
    let patterns = FORMS.iter().map(|form| form.pattern);
    let set = RegexSetBuilder::new(patterns).unicode(false).multi_line(true).build();
    set.expect("the patterns are valid: every test that writes state builds them")
});

/// The first secret in a file, if there is one.
pub(super) fn find(content: &[u8]) -> Option<Secret> {
    // Every record of a branch is looked at whenever something is written: nearly all have nothing of it at all.
    if !PATTERNS.is_match(content) {
        return None;
    }
    let in_line = |line: &[u8]| {
        let found = PATTERNS.matches(line);
        found.iter().map(|index| &FORMS[index]).find(|form| (form.has)(line)).map(|form| form.what)
    };
    let lines = content.split(|byte| *byte == b'\n').enumerate();
    lines.into_iter().find_map(|(index, line)| Some(Secret { line: index + 1, what: in_line(line)? }))
}

/// 40 characters of base64: what IAM hands out.
fn has_aws_secret_key(line: &[u8]) -> bool {
    let part = |byte: &u8| byte.is_ascii_alphanumeric() || b"/+".contains(byte);
    line.split(|byte| !part(byte)).any(|word| {
        let has = |test: fn(&u8) -> bool| word.iter().any(test);
        word.len() == 40 && has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase) && has(u8::is_ascii_digit)
    })
}

/// `abcdef.0123456789abcdef`, on a line that speaks of a token: names of hosts may look the same.
fn has_bootstrap_token(line: &[u8]) -> bool {
    let part = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_token = |word: &[u8]| {
        let parts: Vec<&[u8]> = word.split(|byte| *byte == b'.').collect();
        let [id, secret] = parts[..] else { return false };
        id.len() == 6 && secret.len() == 16 && secret.iter().any(u8::is_ascii_digit)
    };
    line.to_ascii_lowercase().windows(5).any(|word| word == b"token")
        && line.split(|byte| !part(byte) && *byte != b'.').any(is_token)
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
            (key(&["-----BEGIN SSH2-X-", "PRIVATE KEY-----"]), "a PEM private key"),
            (key(&["AGE-SECRET-", "KEY-1QQPZRY9X8GF2TVDW0S3JN54"]), "an age identity"),
            (key(&["token: gh", "p_0123456789abcdefghijABCDEFGHIJ01"]), "an access token"),
            (key(&["\"glp", "at-0123456789abcdefghij\""]), "an access token"),
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
