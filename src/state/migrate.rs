//! From the form in which an earlier release kept a document to today's.
//!
//! In goes the JSON of some schema, out comes the JSON of the present one, by a chain of functions from each schema to
//! the next. A function of the chain never changes once it was released, and so it names no type of the program, which
//! does change: JSON in, JSON out. Every released schema keeps a fixture in the tests.

use serde_json::Value;

/// From schema n to n + 1. The error says what the document lacks.
pub type Migration = fn(Value) -> Result<Value, &'static str>;

/// A document of an earlier schema that the chain does not take.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("schema {schema} does not migrate: {reason}")]
pub struct MigrationError {
    /// The schema at which the chain broke.
    pub schema: u32,
    /// What the document lacks.
    pub reason: &'static str,
}

/// Takes a `body` of `schema` to the end of `chain`, whose first function takes schema 1.
///
/// # Errors
/// For a schema 0, which never was, and when a function of the chain refuses.
pub fn migrate(body: Value, schema: u32, chain: &[Migration]) -> Result<Value, MigrationError> {
    let first = schema.checked_sub(1).ok_or(MigrationError { schema, reason: "there is no such schema" })?;
    (schema..).zip(chain.iter().skip(first as usize)).try_fold(body, |body, (schema, migration)| {
        migration(body).map_err(|reason| MigrationError { schema, reason })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const CHAIN: &[Migration] = &[
        |body| Ok(json!({ "names": [body["name"].as_str().ok_or("name is missing")?] })),
        |mut body| {
            body["count"] = json!(body["names"].as_array().ok_or("names is missing")?.len());
            Ok(body)
        },
    ];

    #[test]
    fn each_schema_takes_the_rest_of_the_chain() {
        let end = json!({ "names": ["a"], "count": 1 });
        assert_eq!(migrate(json!({ "name": "a" }), 1, CHAIN), Ok(end.clone()));
        assert_eq!(migrate(json!({ "names": ["a"] }), 2, CHAIN), Ok(end.clone()));
        assert_eq!(migrate(end.clone(), 3, CHAIN), Ok(end));
    }

    #[test]
    fn what_does_not_fit_says_where() {
        let at = |schema, reason| Err(MigrationError { schema, reason });
        assert_eq!(migrate(json!({}), 1, CHAIN), at(1, "name is missing"));
        assert_eq!(migrate(json!([]), 2, CHAIN), at(2, "names is missing"));
        assert_eq!(migrate(json!({}), 0, CHAIN), at(0, "there is no such schema"));
    }
}
