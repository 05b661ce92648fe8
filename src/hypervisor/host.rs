//! What the Mac is: from `ioreg`, `sysctl`, `SystemVersion.plist` and the `Info.plist` of Parallels Desktop.

use plist::{Dictionary, Value};

use super::ParseError;
use crate::domain::host::{Arch, Hardware, Host};
use crate::domain::version::ParallelsVersion;
use crate::property_list;

/// The outputs that together tell what the Mac is.
#[derive(Debug, Clone, Copy)]
pub struct HostFacts<'a> {
    /// `ioreg -rd1 -c IOPlatformExpertDevice -a`.
    pub ioreg: &'a [u8],
    /// `sysctl -n kern.hostname`.
    pub hostname: &'a [u8],
    /// `sysctl -n hw.optional.arm64`: 1 on Apple silicon, an error and no output on Intel.
    pub arm64: &'a [u8],
    /// `SystemVersion.plist`.
    pub system_version: &'a [u8],
}

/// Reads the host.
///
/// # Errors
/// A [`ParseError`] that names what is missing.
pub fn parse(facts: HostFacts<'_>) -> Result<Host, ParseError> {
    let arch = if facts.arm64.trim_ascii() == b"1" { Arch::Arm64 } else { Arch::X86 };
    let hostname = String::from_utf8_lossy(facts.hostname).trim().to_owned();
    if hostname.is_empty() {
        return Err(ParseError::Missing("host name"));
    }
    Ok(Host {
        hardware: hardware(facts.ioreg, arch)?,
        hostname,
        os_version: os_version(facts.system_version)?,
    })
}

/// Reads the version of Parallels Desktop from its `Info.plist`, XML or binary.
///
/// # Errors
/// A [`ParseError`] when it is no property list or shows no version.
pub fn parallels_version(info_plist: &[u8]) -> Result<ParallelsVersion, ParseError> {
    let info = dictionary(plist_value(info_plist)?)?;
    let version: ParallelsVersion = text(&info, "CFBundleShortVersionString")
        .and_then(|text| text.parse().ok())
        .ok_or(ParseError::Missing("version of Parallels Desktop"))?;
    let build = text(&info, "CFBundleVersion").and_then(|text| text.parse().ok());
    Ok(match build {
        Some(build) => version.with_build(build),
        None => version,
    })
}

/// Reads `ProductVersion`.
fn os_version(system_version: &[u8]) -> Result<String, ParseError> {
    text(&dictionary(plist_value(system_version)?)?, "ProductVersion")
        .ok_or(ParseError::Missing("version of macOS"))
}

/// Reads the registry's list of one entry.
fn hardware(ioreg: &[u8], arch: Arch) -> Result<Hardware, ParseError> {
    let entry = match plist_value(ioreg)? {
        Value::Array(entries) => entries.into_iter().next().ok_or(ParseError::Missing("platform"))?,
        other => other,
    };
    let entry = dictionary(entry)?;
    let member = |key, missing| text(&entry, key).ok_or(ParseError::Missing(missing));
    Ok(Hardware {
        serial: member("IOPlatformSerialNumber", "serial number")?,
        platform_uuid: member("IOPlatformUUID", "platform UUID")?,
        model: member("model", "model")?,
        arch,
    })
}

fn plist_value(bytes: &[u8]) -> Result<Value, ParseError> {
    if bytes.trim_ascii().is_empty() {
        return Err(ParseError::Empty);
    }
    property_list::value(bytes).map_err(ParseError::Plist)
}

fn dictionary(value: Value) -> Result<Dictionary, ParseError> {
    value.into_dictionary().ok_or(ParseError::Missing("dictionary"))
}

/// A text, or data that holds one and ends with NUL, as the registry keeps `model`.
fn text(dictionary: &Dictionary, key: &str) -> Option<String> {
    let text = match dictionary.get(key)? {
        Value::String(text) => text.clone(),
        Value::Data(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        _ => return None,
    };
    let text = text.trim_matches(['\0', ' ', '\n']);
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const IOREG: &[u8] = br#"<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0"><array><dict>
  <key>IOPlatformSerialNumber</key><string>C02ABC123</string>
  <key>IOPlatformUUID</key><string>6F9619FF-8B86-D011-B42D-00C04FC964FF</string>
  <key>model</key><data>TWFjMTUsMwA=</data>
</dict></array></plist>"#;

    fn xml(pairs: &str) -> Vec<u8> {
        format!(r#"<?xml version="1.0" encoding="UTF-8"?><plist version="1.0"><dict>{pairs}</dict></plist>"#)
            .into_bytes()
    }

    fn binary(bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        plist_value(bytes).unwrap().to_writer_binary(&mut out).unwrap();
        out
    }

    #[test]
    fn a_host_is_read_from_xml_and_from_binary() {
        let system_version = xml("<key>ProductVersion</key><string>15.2</string>");
        let facts = HostFacts {
            ioreg: IOREG,
            hostname: b"mac.local\n",
            arm64: b"1\n",
            system_version: &system_version,
        };
        let host = parse(facts).unwrap();
        let hardware = Hardware {
            serial: "C02ABC123".to_owned(),
            platform_uuid: "6F9619FF-8B86-D011-B42D-00C04FC964FF".to_owned(),
            model: "Mac15,3".to_owned(),
            arch: Arch::Arm64,
        };
        assert_eq!(host, Host { hardware, hostname: "mac.local".to_owned(), os_version: "15.2".to_owned() });
        let (ioreg, system_version) = (binary(IOREG), binary(&system_version));
        assert_eq!(
            parse(HostFacts { ioreg: &ioreg, system_version: &system_version, ..facts }).unwrap(),
            host
        );
        assert_eq!(parse(HostFacts { arm64: b"", ..facts }).unwrap().hardware.arch, Arch::X86);
    }

    #[test]
    fn the_version_of_parallels_desktop_has_its_build() {
        let info = xml(
            "<key>CFBundleShortVersionString</key><string>20.2.0</string><key>CFBundleVersion</key><string>55872</string>",
        );
        assert_eq!(parallels_version(&info).unwrap().to_string(), "20.2.0-55872");
        assert_eq!(parallels_version(&binary(&info)).unwrap().to_string(), "20.2.0-55872");
        let bare = xml("<key>CFBundleShortVersionString</key><string>26.1.1</string>");
        assert_eq!(parallels_version(&bare).unwrap().to_string(), "26.1.1");
        for bad in
            [&b""[..], b"x", &xml(""), &xml("<key>CFBundleShortVersionString</key><integer>26</integer>")]
        {
            assert!(parallels_version(bad).is_err());
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), cut in 0..IOREG.len()) {
            let cut = [&IOREG[..cut], &bytes].concat();
            for bytes in [&bytes, &cut] {
                let _ = parallels_version(bytes);
                let _ = parse(HostFacts { ioreg: bytes, hostname: bytes, arm64: bytes, system_version: bytes });
            }
        }
    }
}
