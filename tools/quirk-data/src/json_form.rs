// SPDX-License-Identifier: GPL-2.0-only

//! The JSON form of values in an entry, by `#[serde(with = "crate::json_form")]`: the texts that an
//! entry's file has for them.

use rules::{
    acs::AcsFlags,
    condition::Place,
    entry::{CatchAll, Kind},
    limits::Class,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::{
    entry::{AcsRegisters, Ids, Requirement, Status},
    json::flag_names,
    notation,
};

/// A value with a JSON form.
pub(crate) trait JsonForm: Sized {
    /// The form.
    type Form: Serialize + for<'de> Deserialize<'de>;

    /// The form of a value.
    fn form(&self) -> Self::Form;

    /// The value of a form; `None` for a form that no value has.
    fn of(form: Self::Form) -> Option<Self>;
}

/// Types that entries write as a text: how to write it, and how to read it.
macro_rules! by_text {
    ($($type:ty: $write:expr, $read:expr;)*) => {$(
        impl JsonForm for $type {
            type Form = String;

            fn form(&self) -> String {
                let write: fn(&Self) -> String = $write;
                write(self)
            }

            fn of(form: String) -> Option<Self> {
                let read: fn(&str) -> Option<Self> = $read;
                read(&form)
            }
        }
    )*};
}

/// Types that entries name by a word of a fixed set.
macro_rules! by_name {
    ($($type:ty),*) => {
        by_text! {
            $($type:
                |value| value.name().to_owned(),
                |text| <$type>::ALL.into_iter().find(|value| value.name() == text);
            )*
        }
    };
}

by_name!(Status, Kind, CatchAll, Requirement, AcsRegisters);

by_text! {
    Class: ToString::to_string, notation::class;
    Place: ToString::to_string, notation::place;
    // Revisions.
    (u8, u8): |(first, last)| format!("{first:02x}-{last:02x}"), notation::revisions;
    // A subsystem.
    (u16, u16): |(vendor, device)| format!("{vendor:04x}:{device:04x}"), notation::subsystem;
}

impl JsonForm for AcsFlags {
    /// The abbreviations; `None` if the flags are read from the device.
    type Form = Option<Vec<String>>;

    fn form(&self) -> Self::Form {
        let names = flag_names(*self).into_iter().map(str::to_owned);
        (*self != Self::NONE).then(|| names.collect())
    }

    fn of(form: Self::Form) -> Option<Self> {
        let mut flags = Self::NONE;
        for text in form.unwrap_or_default() {
            let (_, flag) = Self::NAMED.into_iter().find(|(name, _)| *name == text)?;
            flags = flags.union(flag);
        }
        Some(flags)
    }
}

/// A range of ids.
#[derive(Serialize, Deserialize)]
pub(crate) struct Range {
    vendor: String,
    first: String,
    last: String,
}

impl JsonForm for Ids {
    type Form = Range;

    fn form(&self) -> Range {
        let hex = |id: u16| format!("{id:04x}");
        Range {
            vendor: hex(self.vendor),
            first: hex(self.first),
            last: hex(self.last),
        }
    }

    fn of(form: Range) -> Option<Self> {
        Some(Self {
            vendor: notation::id(&form.vendor)?,
            first: notation::id(&form.first)?,
            last: notation::id(&form.last)?,
        })
    }
}

impl<T: JsonForm> JsonForm for Option<T> {
    type Form = Option<T::Form>;

    fn form(&self) -> Self::Form {
        self.as_ref().map(JsonForm::form)
    }

    fn of(form: Self::Form) -> Option<Self> {
        form.map_or(Some(None), |form| T::of(form).map(Some))
    }
}

impl<T: JsonForm> JsonForm for Vec<T> {
    type Form = Vec<T::Form>;

    fn form(&self) -> Self::Form {
        self.iter().map(JsonForm::form).collect()
    }

    fn of(form: Self::Form) -> Option<Self> {
        form.into_iter().map(T::of).collect()
    }
}

pub(crate) fn serialize<T: JsonForm, S: Serializer>(value: &T, to: S) -> Result<S::Ok, S::Error> {
    value.form().serialize(to)
}

pub(crate) fn deserialize<'de, T: JsonForm, D: Deserializer<'de>>(from: D) -> Result<T, D::Error> {
    let form = T::Form::deserialize(from)?;
    T::of(form).ok_or_else(|| D::Error::custom("no value has this form"))
}

/// The JSON form of why a handler's answer cannot be expressed, by
/// `#[serde(flatten, with = "crate::json_form::expressed")]`: the keys `expressed` and `why`.
pub(crate) mod expressed {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    struct Keys {
        expressed: bool,
        why: Option<String>,
    }

    #[expect(clippy::ref_option, reason = "serde passes a reference to the field")]
    pub(crate) fn serialize<S: Serializer>(
        why_not: &Option<String>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        let keys = Keys {
            expressed: why_not.is_none(),
            why: why_not.clone(),
        };
        keys.serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<String>, D::Error> {
        Keys::deserialize(from).map(|keys| keys.why)
    }
}
