//! Distinguished names: the subject and the issuer of a certificate.

use std::collections::BTreeSet;
use std::fmt;

use x509_parser::x509::X509Name;

/// A distinguished name as a certificate has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// Attributes in their order: `CN`, `O`, `OU`, `C`, `ST`, `L`, else the object identifier in dots; and the value.
    pub attributes: Vec<(String, String)>,
    plain: bool,
    /// As encoded: an issuer is the subject of another certificate only if these are the same bytes.
    pub der: Vec<u8>,
}

impl Subject {
    pub(super) fn read(name: &X509Name<'_>) -> Self {
        let attributes = name.iter_attributes().map(|attribute| {
            let identifier = attribute.attr_type().to_id_string();
            let value = match attribute.as_str() {
                Ok(text) => text.to_owned(),
                Err(_) => String::from_utf8_lossy(attribute.attr_value().data).into_owned(),
            };
            (short(&identifier).map_or(identifier.clone(), str::to_owned), value)
        });
        let plain = name.iter().count() > 0 && name.iter().all(|place| place.iter().count() == 1);
        Self { attributes: attributes.collect(), plain, der: name.as_raw().to_vec() }
    }

    /// Whether each place in it has exactly one attribute, and there is one at all: what windlass can write as well.
    #[must_use]
    pub const fn is_plain(&self) -> bool {
        self.plain
    }

    /// The first value of an attribute: `CN`.
    #[must_use]
    pub fn get(&self, attribute: &str) -> Option<&str> {
        self.attributes.iter().find(|(name, _)| name == attribute).map(|(_, value)| value.as_str())
    }

    /// CN, or nothing.
    #[must_use]
    pub fn common_name(&self) -> &str {
        self.get("CN").unwrap_or_default()
    }

    /// Each O. For a client certificate these are its groups.
    #[must_use]
    pub fn organizations(&self) -> BTreeSet<String> {
        self.attributes.iter().filter(|(name, _)| name == "O").map(|(_, value)| value.clone()).collect()
    }
}

/// `CN=kube-apiserver, O=…`, control characters and separators escaped.
impl fmt::Display for Subject {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (name, value)) in self.attributes.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(formatter, "{comma}{name}=")?;
            for character in value.chars() {
                match character {
                    ',' | '=' | '\\' => write!(formatter, "\\{character}")?,
                    _ if character.is_control() => write!(formatter, "{}", character.escape_default())?,
                    _ => write!(formatter, "{character}")?,
                }
            }
        }
        Ok(())
    }
}

/// Of X.520's attributes, those that the tools around Kubernetes use.
fn short(identifier: &str) -> Option<&'static str> {
    Some(match identifier {
        "2.5.4.3" => "CN",
        "2.5.4.6" => "C",
        "2.5.4.7" => "L",
        "2.5.4.8" => "ST",
        "2.5.4.10" => "O",
        "2.5.4.11" => "OU",
        _ => return None,
    })
}
