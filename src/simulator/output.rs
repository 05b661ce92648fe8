//! The shape of what Parallels' tools print as JSON. In: a tree of values; out: bytes as the real tools write them.
//!
//! An ordinary serializer does not do: the real output keeps its own order of keys, indents by one space, escapes
//! `/` as `\/` and is, in some releases, no valid JSON at all (see [`super::Quirks`]). What may change with a new
//! release of Parallels Desktop is the tree, built by the tools' own modules, not this file.

/// A value of the output, with its keys in the order in which they are printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    /// A string.
    Text(String),
    /// A JSON boolean; most switches are the strings "on" and "off" instead.
    Flag(bool),
    /// A whole number.
    Number(u64),
    /// Bytes that are printed as they are, for output that is no valid JSON.
    Raw(String),
    /// An array.
    List(Vec<Node>),
    /// An object.
    Object(Vec<(String, Node)>),
}

/// How strings are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Style {
    /// Control characters are left unescaped inside strings (vagrant-parallels GH-204 and GH-219).
    pub(super) raw_control: bool,
}

impl From<&str> for Node {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<&String> for Node {
    fn from(text: &String) -> Self {
        Self::Text(text.clone())
    }
}

impl From<String> for Node {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<bool> for Node {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl From<u64> for Node {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

/// An object from `key: value` pairs, in the order given.
macro_rules! object {
    ($($key:literal: $value:expr),* $(,)?) => {
        $crate::simulator::output::Node::Object(vec![$(($key.to_owned(), $crate::simulator::output::Node::from($value))),*])
    };
}
pub(super) use object;

/// The word for a switch of the kind "on" and "off".
pub(super) fn on_off(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}

/// The word for a switch of the kind "yes" and "no".
pub(super) fn yes_no(yes: bool) -> &'static str {
    if yes { "yes" } else { "no" }
}

impl Node {
    /// Adds a pair at the end of an object; any other node stays as it is.
    pub(super) fn push(&mut self, key: &str, value: impl Into<Node>) {
        if let Self::Object(pairs) = self {
            pairs.push((key.to_owned(), value.into()));
        }
    }

    /// The bytes, without a line end after the last one, as the real tools print them.
    pub(super) fn render(&self, style: Style) -> String {
        let mut out = String::new();
        self.write(&mut out, 0, style);
        out
    }

    fn write(&self, out: &mut String, depth: usize, style: Style) {
        match self {
            Self::Text(text) => quote(out, text, style),
            Self::Flag(flag) => out.push_str(if *flag { "true" } else { "false" }),
            Self::Number(number) => out.push_str(&number.to_string()),
            Self::Raw(raw) => out.push_str(raw),
            Self::List(items) => {
                block(out, depth, ('[', ']'), items, |out, item| item.write(out, depth + 1, style));
            }
            Self::Object(pairs) => block(out, depth, ('{', '}'), pairs, |out, (key, value)| {
                quote(out, key, style);
                out.push_str(": ");
                value.write(out, depth + 1, style);
            }),
        }
    }
}

/// Writes the items of an array or object, one a line.
fn block<T>(
    out: &mut String,
    depth: usize,
    (open, close): (char, char),
    items: &[T],
    write: impl Fn(&mut String, &T),
) {
    out.push(open);
    for (index, item) in items.iter().enumerate() {
        out.push_str(if index == 0 { "\n" } else { ",\n" });
        out.push_str(&" ".repeat(depth + 1));
        write(out, item);
    }
    if !items.is_empty() {
        out.push('\n');
        out.push_str(&" ".repeat(depth));
    }
    out.push(close);
}

fn quote(out: &mut String, text: &str, style: Style) {
    out.push('"');
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '/' => out.push_str("\\/"),
            letter if letter < ' ' && !style.raw_control => {
                out.push_str(&format!("\\u{:04x}", u32::from(letter)));
            }
            letter => out.push(letter),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn keeps_order_indents_by_one_space_and_escapes_the_slash() {
        let node = object! { "b": "/x", "a ": true, "list": Node::List(vec![Node::Number(1)]), "none": Node::List(vec![]) };
        let expected = "{\n \"b\": \"\\/x\",\n \"a \": true,\n \"list\": [\n  1\n ],\n \"none\": []\n}";
        assert_eq!(node.render(Style::default()), expected);
    }

    #[test]
    fn leaves_control_characters_raw_when_asked() {
        let raw = Node::from("a\u{1}b").render(Style { raw_control: true });
        assert_eq!(raw, "\"a\u{1}b\"");
        assert!(serde_json::from_str::<String>(&raw).is_err());
    }

    proptest! {
        #[test]
        fn every_string_survives(text in any::<String>()) {
            let rendered = Node::from(&text).render(Style::default());
            prop_assert_eq!(serde_json::from_str::<String>(&rendered).unwrap(), text);
        }
    }
}
