// SPDX-License-Identifier: GPL-2.0-only

//! `acsctl schema`.

use quirk_data::{error::Error, json::pretty};
use schemars::JsonSchema;
use serde_json::{Map, Value as Json, json};

use super::{doctor, regroup};
use crate::{
    listing::Listing,
    predict::report::Report,
    why::{Answer, Plan},
};

/// The schema. Each form has its name and version in the key "schema". A version may gain keys.
/// Removing a key or changing its meaning requires a new version.
///
/// # Errors
///
/// [`Error::CouldNotRun`] when memory runs out.
pub(super) fn text() -> Result<String, Error> {
    pretty(&schema())
}

/// The schema of all forms, by name.
fn schema() -> Json {
    let mut forms = Map::new();
    form::<Listing<'_>>(crate::listing::SCHEMA, &mut forms);
    form::<Answer>(crate::why::SCHEMA, &mut forms);
    form::<Plan>(crate::why::PLAN_SCHEMA, &mut forms);
    form::<Report>(crate::predict::report::SCHEMA, &mut forms);
    form::<regroup::Report<'_>>(regroup::SCHEMA, &mut forms);
    form::<doctor::Report<'_>>(doctor::SCHEMA, &mut forms);
    let any: Vec<Json> = forms
        .keys()
        .map(|name| json!({ "$ref": format!("#/$defs/{name}") }))
        .collect();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "The output of acsctl with --format json",
        "oneOf": any,
        "$defs": forms,
    })
}

/// Adds the schema of a type, with the types of its fields inlined.
fn form<T: JsonSchema>(name: &str, forms: &mut Map<String, Json>) {
    let settings = schemars::generate::SchemaSettings::draft2020_12()
        .for_serialize()
        .with(|settings| {
            settings.meta_schema = None;
            settings.inline_subschemas = true;
        });
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    if let Some(Json::Object(properties)) = schema.get_mut("properties") {
        properties.insert("schema".to_owned(), json!({ "const": name }));
    }
    forms.insert(name.to_owned(), schema.to_value());
}
