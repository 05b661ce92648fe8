//! What an address says of where it leads, and what of it is shown.

use url::{Host, Url};

/// Whether an address leads to this Mac itself, so that it never goes through a proxy.
#[must_use]
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// The text with every web address in it as it is shown: its query and its fragment, which may hold a token or a signature, are
/// left out, and `…` says so.
#[must_use]
pub fn without_queries(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, address) = rest.split_at(at + 3);
        shown.push_str(before);
        let is_web = ["http://", "https://"].iter().any(|scheme| {
            before
                .len()
                .checked_sub(scheme.len())
                .and_then(|from| before.get(from..))
                .is_some_and(|end| end.eq_ignore_ascii_case(scheme))
        });
        let ends =
            |c: char| c.is_whitespace() || c.is_control() || matches!(c, '"' | '\'' | '<' | '>' | '`' | '”');
        let (address, after) = address.split_at(address.find(ends).unwrap_or(address.len()));
        match address.find(['?', '#']).filter(|_| is_web) {
            Some(query) => {
                shown.push_str(&address[..=query]);
                shown.push('…');
            }
            None => shown.push_str(address),
        }
        rest = after;
    }
    shown.push_str(rest);
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_address_asks_for_is_not_shown() {
        for (text, shown) in [
            ("http://h/feed?token=X", "http://h/feed?…"),
            ("HTTPS://h/i?X-Amz-Signature=1&a=http://b?c", "HTTPS://h/i?…"),
            (
                "feed=\"https://h/f?t=X\", image='http://h/i#t' end?",
                "feed=\"https://h/f?…\", image='http://h/i#…' end?",
            ),
            ("https://h/feed?…", "https://h/feed?…"),
            ("https://h/feed what? ftp://h?x", "https://h/feed what? ftp://h?x"),
            ("://?x é://?x", "://?x é://?x"),
            ("", ""),
        ] {
            assert_eq!(without_queries(text), shown);
        }
    }

    proptest::proptest! {
        #[test]
        fn no_query_is_left_in_any_text(before in "(?s).{0,9}", query in "[!-~&&[^\"'<>`]]{1,9}", after in "(?s).{0,9}") {
            let shown = without_queries(&format!("{before} https://h/p?{query} {after}"));
            let asked = format!("https://h/p?{query}");
            proptest::prop_assert!(shown.contains("https://h/p?… ") && !shown.contains(&asked), "{}", shown);
            proptest::prop_assert_eq!(without_queries(&shown), shown);
        }
    }
}
