//! What macOS says of its management: MDM enrollment, proxies, launchd's jobs and background items. Bytes of tools in,
//! facts out; whatever is not understood is no fact.
//!
//! None of these outputs is an interface. That of `profiles` is known from Fleet's source; those of `scutil`, `launchctl` and
//! `sfltool` are inferred, and `packaging/verify-on-mac.sh` asks them.

/// The most characters of a name that are passed on.
const LONGEST: usize = 200;

/// Whether MDM manages this Mac.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enrollment {
    /// It is enrolled.
    pub enrolled: bool,
    /// The user approved it, or the enrollment was automated; background items can be managed then alone.
    pub approved: bool,
    /// The host of the MDM server.
    pub server: Option<String>,
}

/// The proxies of the network.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proxies {
    /// Host and port for HTTPS.
    pub https: Option<String>,
    /// A script at some address, or found on the network, chooses the proxy.
    pub scripted: bool,
}

/// What became of a background item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackgroundItem {
    /// It may run.
    Allowed,
    /// The user switched it off.
    Disallowed,
}

/// Reads `profiles status -type enrollment`; `None` where it does not say.
#[must_use]
pub fn enrollment(output: &[u8]) -> Option<Enrollment> {
    let text = String::from_utf8_lossy(output);
    let value = |name: &str| text.lines().find_map(|line| line.trim().strip_prefix(name)).map(str::trim);
    let said = value("MDM enrollment:")?;
    let automated = value("Enrolled via DEP:").is_some_and(|said| said.starts_with("Yes"));
    let server = value("MDM server:").and_then(|address| url::Url::parse(address).ok());
    Some(Enrollment {
        enrolled: said.starts_with("Yes"),
        approved: automated || said.contains("User Approved"),
        server: server.and_then(|server| server.host_str().map(shortened)),
    })
}

/// Reads `scutil --proxy`.
#[must_use]
pub fn proxies(output: &[u8]) -> Proxies {
    let text = String::from_utf8_lossy(output);
    let value = |name: &str| {
        let entry = |line: &'_ str| {
            line.trim().split_once(" : ").map(|(key, value)| (key.to_owned(), value.to_owned()))
        };
        text.lines().filter_map(entry).find(|(key, _)| key == name).map(|(_, value)| value)
    };
    let is_on = |name: &str| value(name).is_some_and(|value| value.trim() == "1");
    let https = value("HTTPSProxy").filter(|host| is_on("HTTPSEnable") && !host.trim().is_empty());
    let port = value("HTTPSPort").and_then(|port| port.trim().parse::<u16>().ok()).unwrap_or(443);
    Proxies {
        https: https.map(|host| format!("{}:{port}", shortened(host.trim()))),
        scripted: is_on("ProxyAutoConfigEnable") || is_on("ProxyAutoDiscoveryEnable"),
    }
}

/// Whether `launchctl print-disabled system` lists the job as disabled: `"LABEL" => disabled`, or `=> true` before macOS 13.
#[must_use]
pub fn is_disabled(output: &[u8], label: &str) -> bool {
    let name = format!("\"{label}\"");
    let text = String::from_utf8_lossy(output);
    let mut said = text.lines().filter_map(|line| line.trim().split_once("=>"));
    said.any(|(job, state)| job.trim() == name && matches!(state.trim(), "disabled" | "true"))
}

/// What `sfltool dumpbtm` says of the job with this label. Items are separated by lines like ` #3:`; the one of a launchd job
/// names its property list, and `Disposition: [enabled, disallowed, notified]` tells what became of it.
#[must_use]
pub fn background_item(output: &[u8], label: &str) -> Option<BackgroundItem> {
    let text = String::from_utf8_lossy(output);
    let file = format!("/{label}.plist");
    let (mut ours, mut disposition, mut found) = (false, None, None);
    for line in text.lines().map(str::trim).chain(["#0:"]) {
        if line.starts_with('#') && line.ends_with(':') {
            // Several users may have a record each; one that forbids it is the one that matters.
            let item = disposition.filter(|_| ours);
            found = if found == Some(BackgroundItem::Disallowed) { found } else { item.or(found) };
            (ours, disposition) = (false, None);
        } else if let Some(address) = line.strip_prefix("URL:") {
            ours = address.trim_end_matches('/').ends_with(&file);
        } else if let Some(words) = line.strip_prefix("Disposition:") {
            let is_allowed = !words.contains("disallowed") && words.contains("allowed");
            disposition = Some(if is_allowed { BackgroundItem::Allowed } else { BackgroundItem::Disallowed });
        }
    }
    found
}

fn shortened(text: &str) -> String {
    text.chars().take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn enrollment_is_read_or_unknown() {
        let of = |text: &str| enrollment(text.as_bytes());
        let known = |enrolled, approved, server: Option<&str>| {
            Some(Enrollment { enrolled, approved, server: server.map(str::to_owned) })
        };
        for (text, expected) in [
            (
                "Enrolled via DEP: No\nMDM enrollment: Yes (User Approved)\nMDM server: https://mdm.example.com/checkin?token=SECRET\n",
                known(true, true, Some("mdm.example.com")),
            ),
            ("Enrolled via DEP: Yes\nMDM enrollment: Yes\n", known(true, true, None)),
            ("Enrolled via DEP: No\nMDM enrollment: Yes\nMDM server: what?", known(true, false, None)),
            ("Enrolled via DEP: No\nMDM enrollment: No\n", known(false, false, None)),
            ("profiles: an error", None),
        ] {
            assert_eq!(of(text), expected, "{text}");
        }
    }

    #[test]
    fn proxies_count_when_they_are_on() {
        let of = |text: &str| proxies(text.as_bytes());
        let on = "<dictionary> {\n  ExceptionsList : <array> {\n    0 : *.local\n  }\n  HTTPSEnable : 1\n  HTTPSPort : 8080\n  HTTPSProxy : proxy.example.com\n}\n";
        assert_eq!(of(on), Proxies { https: Some("proxy.example.com:8080".to_owned()), scripted: false });
        assert_eq!(of(&on.replace("HTTPSEnable : 1", "HTTPSEnable : 0")), Proxies::default());
        let script = "  ProxyAutoConfigEnable : 1\n  ProxyAutoConfigURLString : http://user:secret@wpad/\n";
        assert_eq!(of(script), Proxies { https: None, scripted: true });
        assert_eq!(of("<dictionary> {\n}\n"), Proxies::default());
    }

    #[test]
    fn a_disabled_job_is_told_in_both_forms() {
        let said = |state: &str| {
            format!("disabled services = {{\n\t\"com.example\" => true\n\t\"a.b\" => {state}\n}}\n")
        };
        for (state, disabled) in [("disabled", true), ("true", true), ("enabled", false), ("false", false)] {
            assert_eq!(is_disabled(said(state).as_bytes(), "a.b"), disabled, "{state}");
        }
        assert!(!is_disabled(said("true").as_bytes(), "a"));
    }

    #[test]
    fn a_background_item_is_found_by_its_property_list() {
        let item = |file: &str, words: &str| {
            format!(
                " #1:\n       Disposition: [{words}] (0x1)\n        Identifier: 8.x\n               URL: file:///Library/LaunchDaemons/{file}\n"
            )
        };
        let of = |text: &str| background_item(text.as_bytes(), "a.b");
        let other = item("c.plist", "enabled, disallowed");
        for (text, expected) in [
            (item("a.b.plist", "enabled, allowed, notified"), Some(BackgroundItem::Allowed)),
            (item("a.b.plist", "enabled, disallowed, notified"), Some(BackgroundItem::Disallowed)),
            (
                item("a.b.plist", "enabled, disallowed") + &item("a.b.plist", "allowed"),
                Some(BackgroundItem::Disallowed),
            ),
            (item("a.b.plist", "allowed") + &other, Some(BackgroundItem::Allowed)),
            (other.clone(), None),
            (String::new(), None),
        ] {
            assert_eq!(of(&text), expected, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn whatever_a_tool_prints_is_survived(text in "(?s)((MDM enrollment:|MDM server: https://|HTTPSProxy : |HTTPSEnable : 1|\"a\" =>|#1:|URL:|Disposition:).{0,20}\n?){0,8}", bytes: Vec<u8>) {
            for output in [text.as_bytes(), &bytes] {
                let _ = (enrollment(output), proxies(output));
                let _ = (is_disabled(output, "a"), background_item(output, "a"));
            }
        }
    }
}
