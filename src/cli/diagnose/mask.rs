//! What is left out before anything goes into the archive.
//!
//! Documents are JSON: members that hold secrets by their name are replaced whole, and so is every text of the form of a
//! signed token. In all text license keys are masked, queries of addresses left out, and the secrets that this Mac's
//! profiles hold are replaced.

use serde_json::{Map, Value};

use crate::domain::address::without_queries;
use crate::domain::license::without_keys;

/// Names of members whose text is a secret, holds one, or is signed: the device's key, the profile's bytes, tokens.
const HIDDEN: [&str; 8] =
    ["seed", "bytes", "token", "secret", "password", "authorization", "enrollment_token", "license_key"];

/// What every compact JWS begins with: `{"` in base64url.
const SIGNED: &str = "eyJ";

/// The document without its secrets; `None` where it is no JSON, of which nothing can be said.
pub(super) fn document(bytes: &[u8]) -> Option<String> {
    let mut value: Value = serde_json::from_slice(bytes).ok()?;
    hide(&mut value);
    serde_json::to_string_pretty(&value).ok()
}

fn hide(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(hide),
        Value::Object(members) => hide_in(members),
        Value::String(text) if text.starts_with(SIGNED) => *value = left_out(text),
        _ => {}
    }
}

fn hide_in(members: &mut Map<String, Value>) {
    for (name, value) in members {
        match value {
            // The digest of a token as well: an administrator may have chosen one that can be guessed.
            Value::String(text) if HIDDEN.contains(&name.as_str()) => {
                *value = left_out(text);
            }
            other => hide(other),
        }
    }
}

fn left_out(text: &str) -> Value {
    format!("(left out: {} characters)", text.chars().count()).into()
}

/// The text without these secrets, without license keys, and with addresses without their queries.
pub(super) fn text(text: &str, secrets: &[String]) -> String {
    let mut text = without_queries(&without_keys(text));
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        text = text.replace(secret, "(left out)");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_left_out_by_name_and_by_form() {
        let given = r#"{"schema":1,"body":{"current":{"seed":"5sLVK7","enrolled":{"token":"sha256:04","origin":"https://p"}},
            "list":[{"token":"eyJhbGciOiJFZERTQSJ9.e30.c2ln"},"eyJh"],"document":{"bytes":"YnBsaXN0"}}}"#;
        let shown = document(given.as_bytes()).unwrap();
        for secret in ["5sLVK7", "eyJh", "YnBsaXN0", "sha256:04"] {
            assert!(!shown.contains(secret), "{secret} in {shown}");
        }
        for kept in ["https://p", "(left out: 6 characters)"] {
            assert!(shown.contains(kept), "no {kept} in {shown}");
        }
        assert_eq!(document(b"{\"seed\": \"5sLV"), None);
    }

    #[test]
    fn what_is_known_to_be_secret_is_replaced_in_any_text() {
        let secrets = ["s3cret".to_owned(), String::new()];
        let shown = text("token=s3cret key=ABCDEF-ABCDEF-ABCDEF-ABCDEF-ABCDEF http://h/f?t=X", &secrets);
        assert_eq!(shown, "token=(left out) key=ABCDEF-******-******-******-ABCDEF http://h/f?…");
    }

    proptest::proptest! {
        #[test]
        fn bytes_never_panic(bytes: Vec<u8>) {
            document(&bytes);
        }
    }
}
