// SPDX-License-Identifier: GPL-2.0-only

//! The stored form of entries that were checked when a program was built: serde for the types of
//! other crates, by `#[serde(with = "crate::stored")]`.

use rules::{
    acs::AcsFlags,
    condition::Place,
    entry::{CatchAll, Kind},
    limits::Class,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::entry::Requirement;

/// A value with a stored form.
pub(crate) trait Stored: Sized {
    /// The form.
    type Form: Serialize + for<'de> Deserialize<'de>;

    /// The stored form of a value.
    fn form(&self) -> Self::Form;

    /// The value of a stored form; `None` for a form that no value has.
    fn of(form: Self::Form) -> Option<Self>;
}

impl Stored for AcsFlags {
    type Form = u16;

    fn form(&self) -> u16 {
        self.bits()
    }

    fn of(form: u16) -> Option<Self> {
        Some(Self::from_bits(form))
    }
}

/// Types that entries name, with the name for a form.
macro_rules! by_name {
    ($($type:ty),*) => {$(
        impl Stored for $type {
            type Form = String;

            fn form(&self) -> String {
                self.name().to_owned()
            }

            fn of(form: String) -> Option<Self> {
                Self::ALL.into_iter().find(|value| value.name() == form)
            }
        }
    )*};
}

by_name!(Kind, CatchAll, Requirement);

impl Stored for Class {
    /// Whether it has the programming interface, and the code.
    type Form = (bool, u32);

    fn form(&self) -> (bool, u32) {
        match *self {
            Self::Subclass(code) => (false, code.into()),
            Self::Interface(code) => (true, code),
        }
    }

    fn of((has_interface, code): (bool, u32)) -> Option<Self> {
        if has_interface {
            Some(Self::Interface(code))
        } else {
            code.try_into().ok().map(Self::Subclass)
        }
    }
}

impl Stored for Place {
    /// Whether it is an extended capability, and its id; `None` for the start of configuration space.
    type Form = Option<(bool, u16)>;

    fn form(&self) -> Self::Form {
        match *self {
            Self::Config => None,
            Self::Capability(id) => Some((false, id.into())),
            Self::Extended(id) => Some((true, id)),
        }
    }

    fn of(form: Self::Form) -> Option<Self> {
        match form {
            None => Some(Self::Config),
            Some((false, id)) => id.try_into().ok().map(Self::Capability),
            Some((true, id)) => Some(Self::Extended(id)),
        }
    }
}

impl<T: Stored> Stored for Option<T> {
    type Form = Option<T::Form>;

    fn form(&self) -> Self::Form {
        self.as_ref().map(Stored::form)
    }

    fn of(form: Self::Form) -> Option<Self> {
        form.map_or(Some(None), |form| T::of(form).map(Some))
    }
}

impl<T: Stored> Stored for Vec<T> {
    type Form = Vec<T::Form>;

    fn form(&self) -> Self::Form {
        self.iter().map(Stored::form).collect()
    }

    fn of(form: Self::Form) -> Option<Self> {
        form.into_iter().map(T::of).collect()
    }
}

pub(crate) fn serialize<T: Stored, S: Serializer>(value: &T, to: S) -> Result<S::Ok, S::Error> {
    value.form().serialize(to)
}

pub(crate) fn deserialize<'de, T: Stored, D: Deserializer<'de>>(from: D) -> Result<T, D::Error> {
    let form = T::Form::deserialize(from)?;
    T::of(form).ok_or_else(|| D::Error::custom("no value has this form"))
}
