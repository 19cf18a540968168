//! Makes what git and a server said fit for a message: short, without credentials, without control characters.

/// Longer texts are cut here: a server's banner must not bury the message.
const LIMIT: usize = 600;

/// Lines of git that say nothing about the cause.
const NOISE: [&str; 5] = ["hint:", "To ", "error: failed to push some refs", "Done", "POST git-"];

/// What `stderr` says, as one line.
pub(super) fn words(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    let said: Vec<&str> = text
        .split(['\n', '\r'])
        .map(str::trim)
        .filter(|line| !line.is_empty() && !NOISE.iter().any(|noise| line.starts_with(noise)))
        .map(|line| {
            ["remote: ", "fatal: ", "error: "].iter().fold(line, |line, word| line.trim_start_matches(word)).trim()
        })
        .filter(|line| !line.is_empty() && *line != "remote:")
        .collect();
    let said = clean(&said.join("; "));
    if said.is_empty() { String::from("git said nothing") } else { said }
}

/// Without credentials and control characters, and not too long.
pub(super) fn clean(text: &str) -> String {
    let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let mut plain = redact(&plain);
    if let Some((cut, _)) = plain.char_indices().nth(LIMIT) {
        plain.truncate(cut);
        plain.push('…');
    }
    plain
}

/// Replaces `user:password@` after every `://`.
pub(super) fn redact(text: &str) -> String {
    let mut redacted = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(position) = rest.find("://") {
        let (before, after) = rest.split_at(position + 3);
        redacted.push_str(before);
        let host = after.find(|c: char| c == '/' || c.is_whitespace() || "'\"".contains(c)).unwrap_or(after.len());
        rest = match after[..host].rfind('@') {
            Some(at) => {
                redacted.push_str("***");
                &after[at..]
            }
            None => after,
        };
    }
    redacted.push_str(rest);
    redacted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_in_urls_never_show() {
        let text =
            "unable to access 'https://user:to%40ken@host.example/a.git/': see https://x@h/ and ssh://git@h:22/p@q";
        assert_eq!(
            redact(text),
            "unable to access 'https://***@host.example/a.git/': see https://***@h/ and ssh://***@h:22/p@q"
        );
        assert_eq!(redact("no address here: a@b"), "no address here: a@b");
    }

    #[test]
    fn the_cause_is_kept_and_the_noise_is_not() {
        let stderr = b"remote: GH006: Protected branch\x1b[31m update failed.        \nremote: \nTo https://h/x\n\
            error: failed to push some refs to 'https://h/x'\nhint: try again\n";
        assert_eq!(words(stderr), "GH006: Protected branch [31m update failed.");
        assert_eq!(words(b""), "git said nothing");
        assert!(clean(&"é".repeat(5000)).chars().count() <= LIMIT + 1);
    }
}
