//! What is searched for, in every form in which it could hide, and the search itself.

use std::collections::{BTreeMap, HashMap};

use data_encoding::{BASE64, HEXLOWER, HEXUPPER};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

/// Bytes by which a needle is found before it is compared: shorter ones are not looked for.
const BEGINNING: usize = 12;

/// Whose a secret is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Whose {
    /// Of the cluster and the user: nobody but windlass has it.
    Windlass,
    /// For the way to the remote: git has it, in its environment.
    Git,
}

/// Secrets by name, and all their forms.
#[derive(Default)]
pub struct Secrets {
    /// Name → how many forms of it are looked for.
    names: BTreeMap<String, usize>,
    /// The beginning of a form → the forms that begin so, each with its secret's name.
    needles: HashMap<[u8; BEGINNING], Vec<Needle>>,
    /// Which pairs of bytes any needle begins with: most of what is searched is no such pair.
    pairs: Vec<bool>,
    /// How many places were searched.
    places: usize,
}

/// One form of one secret.
struct Needle {
    form: Vec<u8>,
    name: String,
    whose: Whose,
}

impl Secrets {
    /// Adds a word that stands in nothing else.
    pub fn add(&mut self, whose: Whose, name: &str, word: &str) {
        for form in forms(word) {
            let Some(beginning) = form.first_chunk::<BEGINNING>().copied() else {
                panic!("{name}: a form of {} bytes tells nothing", form.len())
            };
            let known = self.needles.entry(beginning).or_default();
            if known.iter().any(|other| other.form == form) {
                continue;
            }
            self.pairs.resize(1 << 16, false);
            self.pairs[pair(&form)] = true;
            known.push(Needle { form, name: name.to_owned(), whose });
            *self.names.entry(name.to_owned()).or_default() += 1;
        }
    }

    /// Adds every SecureString of the sandbox's account: its longest telling lines.
    pub fn add_all_of(&mut self, world: &Value) {
        let parameters =
            world.pointer("/ssm/parameters").and_then(Value::as_object).expect("the account has parameters");
        for (name, parameter) in parameters.iter().filter(|(_, it)| it["kind"] == "SecureString") {
            let value = parameter["value"].as_str().expect("a value is text");
            let secret = value.split("-----BEGIN PRIVATE KEY-----").last().unwrap_or_default();
            // Of a YAML file the secrets, of everything else each line.
            let lines = secret.lines().filter(|line| !line.contains(": ") || line.contains("secret: "));
            let words = lines.map(|line| line.rsplit(' ').next().unwrap_or_default().trim());
            // A line of an EC key's PEM begins with its algorithm, which is no secret.
            let telling = |line: &&str| line.len() >= 23 && !line.starts_with("MIG") && !line.starts_with("-----");
            let mut any = false;
            for word in words.filter(telling) {
                self.add(Whose::Windlass, name, word);
                any = true;
            }
            assert!(any, "nothing in {name} can be told from other text");
        }
    }

    /// How many secrets there are.
    pub fn count(&self) -> usize {
        self.names.len()
    }

    /// Secrets × places that were searched.
    pub fn cases(&self) -> usize {
        self.names.len() * self.places
    }

    /// Fails when one of them is in `content`.
    #[track_caller]
    pub fn are_not_in(&mut self, place: &str, content: &[u8]) {
        self.except(&[], place, content);
    }

    /// Fails when one of them is in `content`, but one of those that may be.
    #[track_caller]
    pub fn except(&mut self, allowed: &[Whose], place: &str, content: &[u8]) {
        self.places += 1;
        if let Some((name, at)) = self.find(content, allowed) {
            let around =
                String::from_utf8_lossy(&content[at.saturating_sub(80)..content.len().min(at + 20)]).into_owned();
            panic!("{name} is in {place}, behind {around:?}");
        }
        for form in ["PRIVATE KEY-----", "AGE-SECRET-KEY-"] {
            assert!(!String::from_utf8_lossy(content).contains(form), "{form} is in {place}");
        }
    }

    /// The first secret in `content`, and where.
    fn find(&self, content: &[u8], allowed: &[Whose]) -> Option<(&str, usize)> {
        (0..content.len().saturating_sub(BEGINNING - 1)).find_map(|at| {
            let rest = &content[at..];
            if !self.pairs[pair(rest)] {
                return None;
            }
            let known = self.needles.get(rest.first_chunk::<BEGINNING>()?)?;
            let is_it = |it: &&Needle| !allowed.contains(&it.whose) && rest.starts_with(&it.form);
            known.iter().find(is_it).map(|it| (it.name.as_str(), at))
        })
    }
}

fn pair(bytes: &[u8]) -> usize {
    usize::from(bytes[0]) << 8 | usize::from(bytes[1])
}

/// A word as it is, in base64 at each of three alignments, in hexadecimal, in a URL, and in JSON.
fn forms(word: &str) -> Vec<Vec<u8>> {
    let mut forms = vec![word.as_bytes().to_vec()];
    for shift in 0..3 {
        let encoded = BASE64.encode(&[&vec![0; shift][..], word.as_bytes()].concat());
        // What depends on the neighbours is left out: the first characters behind a shift, and the last group.
        let begin = [0, 2, 3][shift];
        forms.push(encoded.as_bytes()[begin..encoded.len() - 4].to_vec());
    }
    forms.push(HEXLOWER.encode(word.as_bytes()).into_bytes());
    forms.push(HEXUPPER.encode(word.as_bytes()).into_bytes());
    forms.push(utf8_percent_encode(word, NON_ALPHANUMERIC).to_string().into_bytes());
    let json = Value::from(word).to_string();
    forms.push(json.as_bytes()[1..json.len() - 1].to_vec());
    forms.push(json[1..json.len() - 1].replace('/', "\\/").into_bytes());
    forms
}

#[test]
fn every_form_is_found() {
    let mut secrets = Secrets::default();
    let word = "p4ss/w0rd+with=\"all\" kinds";
    secrets.add(Whose::Windlass, "it", word);
    for form in forms(word) {
        let hay = [b"before ", form.as_slice(), b" after"].concat();
        assert_eq!(secrets.find(&hay, &[]), Some(("it", 7)), "{}", String::from_utf8_lossy(&form));
    }
    for before in ["", "a", "ab", "abc"] {
        let encoded = BASE64.encode(format!("{before}{word} and more").as_bytes());
        assert!(secrets.find(encoded.as_bytes(), &[Whose::Git]).is_some(), "{encoded}");
        assert!(secrets.find(encoded.as_bytes(), &[Whose::Windlass]).is_none(), "{encoded}");
    }
    assert_eq!(secrets.find(b"nothing of it is in here", &[]), None);
}
