//! Settings that exist twice: for the cluster, and field by field for a node group.

/// Makes a struct whose fields are all optional, a second one with every field set, and `over`, which lays one over
/// another.
macro_rules! overlay {
    ($(#[doc = $doc:literal])+ $name:ident resolved by $resolved:ident {
        $($(#[doc = $field_doc:literal])+ $(#[serde($($serde:tt)+)])? $field:ident : $type:ty = $default:expr,)+
    }) => {
        $(#[doc = $doc])+
        #[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
        #[serde(rename_all = "camelCase", deny_unknown_fields, default)]
        pub struct $name {
            $($(#[doc = $field_doc])+ $(#[serde($($serde)+)])? pub $field: Option<$type>,)+
        }

        #[doc = concat!("[`", stringify!($name), "`] with every default filled in.")]
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $resolved {
            $($(#[doc = $field_doc])+ pub $field: $type,)+
        }

        impl $name {
            /// Its fields, and where it has none, those of `base`.
            #[must_use]
            pub fn over(&self, base: &Self) -> Self {
                Self { $($field: self.$field.clone().or_else(|| base.$field.clone()),)+ }
            }

            /// Every field, with the defaults.
            #[must_use]
            pub fn resolve(&self) -> $resolved {
                $resolved { $($field: self.$field.clone().unwrap_or_else(|| $default),)+ }
            }

            /// The defaults written out.
            #[must_use]
            pub fn production() -> Self {
                Self { $($field: Some($default),)+ }
            }
        }
    };
}

pub(in crate::spec) use overlay;
