//! Secrets stay secret, and what is sealed opens for its recipients only.

use std::ffi::OsString;
use std::path::Path;

use super::*;
use crate::private::{self, Lasting};

fn identity() -> (Identities, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let (text, recipient) = Identities::generate();
    let path = folder.path().join("keys.txt");
    private::create(&path, text.expose(), Lasting::Process).expect("written");
    (Identities::from_file(&path).expect("an identity"), recipient)
}

#[test]
fn a_secret_does_not_show_itself() {
    assert_eq!(format!("{:?}", Secret::from(String::from("hunter2"))), "Secret(…)");
    let (identities, _) = identity();
    assert!(!format!("{identities:?}").contains("AGE-SECRET"));
}

#[test]
fn what_is_sealed_opens_for_every_recipient_and_for_nobody_else() {
    let ((first, one), (second, two), (stranger, _)) = (identity(), identity(), identity());
    let recipients = Recipients::parse(&[one.clone(), two.clone(), one.clone()]).expect("two");
    let mut names = vec![one, two];
    names.sort();
    assert_eq!(recipients.names(), names);
    let sealed = seal(&recipients, &Secret::from(String::from("hunter2"))).expect("sealed");
    assert!(sealed.starts_with(b"-----BEGIN AGE ENCRYPTED FILE-----\n"));
    for identities in [&first, &second, &stranger.clone().and(first.clone())] {
        assert_eq!(open(identities, &sealed).expect("opened").expose(), b"hunter2");
    }
    let message = open(&stranger, &sealed).expect_err("no key").to_string();
    assert!(message.contains("sealed for 2 recipients"), "{message}");
    assert!(message.contains("1 age identities from /"), "{message}");
    assert!(open(&Identities::default(), &sealed).is_err());
}

#[test]
fn damage_is_told_apart_from_a_wrong_key() {
    let ((first, one), (_, two)) = (identity(), identity());
    let recipients = Recipients::parse(&[one, two]).expect("two");
    let sealed = seal(&recipients, &Secret::new(vec![7; 4000])).expect("sealed");
    let text = String::from_utf8(sealed).expect("text");
    let lines: Vec<&str> = text.lines().collect();
    let mut changed = lines.clone();
    let swapped = "A".repeat(64);
    changed[40] = &swapped;
    assert!(matches!(open(&first, changed.join("\n").as_bytes()), Err(SealError::Damaged)));
    let cut = [&lines[..30], &lines[lines.len() - 1..]].concat().join("\n");
    assert!(matches!(open(&first, cut.as_bytes()), Err(SealError::Damaged)));
    for text in ["", "age-encryption.org/v1\n", "-----BEGIN AGE ENCRYPTED FILE-----\n", "hunter2"] {
        assert!(matches!(open(&first, text.as_bytes()), Err(SealError::NotSealed)), "{text}");
    }
}

#[test]
fn fewer_than_two_recipients_are_refused() {
    let (_, one) = identity();
    let refused = |words: &[String]| Recipients::parse(words).expect_err("refused").to_string();
    assert!(refused(&[]).starts_with("0 age recipients cannot"));
    assert!(refused(std::slice::from_ref(&one)).starts_with("1 age recipient cannot"));
    assert!(refused(&[one.clone(), format!(" {one} ")]).contains("at least 2 different"));
    assert!(refused(&[one, String::from("age1nonsense")]).starts_with("age recipient 2 is none"));
    let (key, _) = Identities::generate();
    let key = key.expose_text().expect("text").lines().nth(1).expect("the key").to_owned();
    for word in [key.clone(), key.to_lowercase()] {
        let message = refused(&[word]);
        assert!(message.starts_with("age recipient 1 is a secret key"), "{message}");
        assert!(!message.to_uppercase().contains(&key[..24]), "{message}");
    }
}

#[test]
fn identity_files_have_comments_and_several_keys() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("keys.txt");
    let ((first, one), (second, two)) = (Identities::generate(), Identities::generate());
    let text = |secret: &Secret| secret.expose_text().expect("text").to_owned();
    let lines = format!("\u{feff}# mine\r\n\r\n{}\r\n{}", text(&first), text(&second));
    private::create(&path, lines.as_bytes(), Lasting::Process).expect("written");
    let identities = Identities::from_file(&path).expect("two");
    let mut recipients = vec![one, two];
    recipients.sort();
    assert_eq!((identities.len(), identities.recipients()), (2, recipients));
}

#[test]
fn a_bad_identity_file_does_not_show_its_content() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("keys.txt");
    let (key, _) = Identities::generate();
    let key = key.expose_text().expect("text").lines().nth(1).expect("the key").to_owned();
    let message = |content: &[u8]| {
        private::replace(&path, content, Lasting::Process).expect("written");
        Identities::from_file(&path).expect_err("refused").to_string()
    };
    let cut = message(format!("# a comment\n{}", &key[..key.len() - 1]).as_bytes());
    assert!(cut.contains("keys.txt, line 2: not an age identity"), "{cut}");
    assert!(!cut.contains("AGE-SECRET"), "{cut}");
    assert!(message(b"# nothing\n").ends_with("has no age identity in it"));
    assert!(message(&[0xff, 0xfe, 0]).contains("line 1"));
    assert!(Identities::from_file(&folder.path().join("none")).is_err());
}

#[test]
fn identities_are_searched_where_people_keep_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let home = folder.path().join("home");
    let variables = |extra: Option<(&'static str, OsString)>| {
        let home = home.clone();
        move |name: &str| match &extra {
            Some((key, value)) if *key == name => Some(value.clone()),
            _ => (name == "HOME").then(|| home.clone().into_os_string()),
        }
    };
    let message = Identities::find_in(&variables(None)).expect_err("nothing there").to_string();
    for place in [".config/windlass/keys.txt", ".config/age/keys.txt", ".config/sops/age/keys.txt"] {
        assert!(message.contains(place), "{message}");
    }
    let write = |path: &Path| {
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        private::create(path, Identities::generate().0.expose(), Lasting::Process).expect("written");
    };
    write(&home.join(".config/age/keys.txt"));
    write(&home.join(".config/windlass/keys.txt"));
    assert_eq!(Identities::find_in(&variables(None)).expect("two").len(), 2);
    let elsewhere = folder.path().join("elsewhere.txt");
    write(&elsewhere);
    let named = variables(Some(("WINDLASS_AGE_KEY_FILE", elsewhere.clone().into_os_string())));
    let found = Identities::find_in(&named).expect("the named one only");
    assert_eq!(found.sources(), [elsewhere.display().to_string()]);
    let missing = variables(Some(("WINDLASS_AGE_KEY_FILE", folder.path().join("missing").into_os_string())));
    assert!(matches!(Identities::find_in(&missing), Err(SealError::Unreadable { .. })));
}

#[test]
fn a_file_that_others_may_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("keys.txt");
    private::create(&path, Identities::generate().0.expose(), Lasting::Process).expect("written");
    for mode in [0o644, 0o640, 0o604, 0o622] {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("permissions");
        let message = Identities::from_file(&path).expect_err("refused").to_string();
        assert!(message.contains("others may read") && message.contains("chmod 600"), "{message}");
    }
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o400)).expect("permissions");
    Identities::from_file(&path).expect("nobody else can");
}
