//! Apple's document type of property lists (PropertyList-1.0.dtd), as a check of a file's elements.

const HEAD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \
                    \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n<plist version=\"1.0\">";

/// Whether the document is one; why not, where it is none.
pub(crate) fn check(document: &str) -> Result<(), String> {
    let body = document.strip_prefix(HEAD).ok_or("it does not begin as a property list")?;
    let (mut elements, mut rest) = (Elements { open: vec![("plist", 0)], text: false }, body);
    while let Some((text, after)) = rest.split_once('<') {
        if !text.trim().is_empty() && !elements.text {
            return Err(format!("text where none may be: {text}"));
        }
        let (tag, after) = after.split_once('>').ok_or("a tag has no end")?;
        elements.take(tag)?;
        rest = after;
    }
    if elements.open.is_empty() && rest.trim().is_empty() { Ok(()) } else { Err("it has no end".to_owned()) }
}

struct Elements<'a> {
    /// The open elements, and how many each holds.
    open: Vec<(&'a str, usize)>,
    /// The innermost holds text.
    text: bool,
}

impl<'a> Elements<'a> {
    fn take(&mut self, tag: &'a str) -> Result<(), String> {
        if let Some(name) = tag.strip_prefix('/') {
            let (open, held) = self.open.pop().ok_or("more ends than beginnings")?;
            let whole = match name {
                "plist" => held == 1,
                "dict" => held % 2 == 0,
                _ => true,
            };
            self.text = false;
            return if open == name && whole {
                Ok(())
            } else {
                Err(format!("</{name}> after {held} in <{open}>"))
            };
        }
        let (name, is_empty) = tag.strip_suffix('/').map_or((tag, false), |name| (name, true));
        let (parent, held) = self.open.last_mut().ok_or("an element after the end")?;
        let is_key = *parent == "dict" && *held % 2 == 0;
        let fits = match name {
            "key" => is_key,
            "array" | "dict" | "data" | "date" | "integer" | "real" | "string" => !is_key,
            "true" | "false" => !is_key && is_empty,
            _ => false,
        };
        if !fits || is_key != (name == "key") || !["plist", "dict", "array"].contains(parent) {
            return Err(format!("<{tag}> as number {held} in <{parent}>"));
        }
        *held += 1;
        if !is_empty {
            self.open.push((name, 0));
        }
        self.text = !is_empty && !matches!(name, "dict" | "array");
        Ok(())
    }
}

#[test]
fn what_is_no_property_list_is_told() {
    let list = |body: &str| format!("{HEAD}{body}</plist>\n");
    for good in [
        "<dict/>",
        "<dict><key>a</key><true/></dict>",
        "<array><string>x</string><integer>1</integer></array>",
    ] {
        assert_eq!(check(&list(good)), Ok(()), "{good}");
    }
    for bad in [
        "",
        "<dict/><dict/>",
        "<dict><key>a</key></dict>",
        "<dict><true/><key>a</key></dict>",
        "<dict>text</dict>",
        "<true></true>",
        "<string><true/></string>",
        "<null/>",
        "<array>",
        "</dict>",
    ] {
        assert!(check(&list(bad)).is_err(), "{bad}");
    }
    assert!(check("<plist version=\"1.0\"><dict/></plist>").is_err());
}
