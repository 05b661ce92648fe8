//! The tools of macOS that tell who and where: `dscl`, `ioreg`, `sysctl`, `pmset`, `codesign`, `defaults`. In: arguments; out:
//! what the manuals of the real ones describe. Only the forms that the agent has a use for are answered.

use plist::{Dictionary, Value};

use super::state::State;
use super::{Answer, Call};

/// The accounts that every Mac has, with their ids and home folders; `nobody` has a negative id.
const SYSTEM_ACCOUNTS: [(&str, &str, &str); 6] = [
    ("_mbsetupuser", "248", "/var/setup"),
    ("_spotlight", "89", "/var/empty"),
    ("_windowserver", "88", "/var/empty"),
    ("daemon", "1", "/var/root"),
    ("nobody", "-2", "/var/empty"),
    ("root", "0", "/var/root"),
];

/// `dscl . -list /Users UniqueID|NFSHomeDirectory`: name, spaces, value (dscl's manual).
pub(super) fn dscl(argv: &[String], state: &State) -> Answer {
    let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
    let attribute = match argv.as_slice() {
        ["." | "/Local/Default", "-list" | "list", "/Users", attribute] => Some(*attribute),
        ["." | "/Local/Default", "-list" | "list", "/Users"] => None,
        _ => return Answer::fail(64, "usage: dscl . -list /Users [attribute]"),
    };
    let system =
        SYSTEM_ACCOUNTS.iter().map(|&(name, uid, home)| (name.to_owned(), uid.to_owned(), home.to_owned()));
    let local = state.users.iter().filter(|(_, user)| user.local);
    let people = local.map(|(name, user)| (name.clone(), user.uid.to_string(), user.home.clone()));
    let mut accounts: Vec<_> =
        system.filter(|(name, ..)| !state.users.contains_key(name)).chain(people).collect();
    accounts.sort();
    let mut text = String::new();
    for (name, uid, home) in accounts {
        match attribute {
            Some("UniqueID") => text.push_str(&format!("{name:<24} {uid}\n")),
            Some("NFSHomeDirectory") => text.push_str(&format!("{name:<24} {home}\n")),
            _ => text.push_str(&format!("{name}\n")),
        }
    }
    Answer::ok(text)
}

/// `ioreg -rd1 -c IOPlatformExpertDevice -a`: a property list with one dictionary; `model` is data that ends in NUL.
pub(super) fn ioreg(argv: &[String], state: &State) -> Answer {
    let class = argv.iter().any(|argument| argument == "IOPlatformExpertDevice");
    let archive = argv.iter().any(|argument| argument.starts_with('-') && argument.contains('a'));
    if !class || !archive {
        return Answer::fail(64, "usage: ioreg -rd1 -c IOPlatformExpertDevice -a");
    }
    let mut device = Dictionary::new();
    let data = |text: &str| Value::Data([text.as_bytes(), b"\0"].concat());
    device.insert("IOObjectClass".to_owned(), Value::from("IOPlatformExpertDevice"));
    device.insert("IOPlatformSerialNumber".to_owned(), Value::from(state.host.serial_number.clone()));
    device.insert("IOPlatformUUID".to_owned(), Value::from(state.host.platform_uuid.clone()));
    device.insert("IORegistryEntryID".to_owned(), Value::from(4_294_967_874_u64));
    device.insert("manufacturer".to_owned(), data("Apple Inc."));
    device.insert("model".to_owned(), data(&state.host.model));
    property_list(&Value::Array(vec![Value::Dictionary(device)]))
}

fn property_list(value: &Value) -> Answer {
    let mut bytes = Vec::new();
    match value.to_writer_xml(&mut bytes) {
        Ok(()) => {
            bytes.push(b'\n');
            Answer::ok(bytes)
        }
        Err(error) => Answer::fail(1, error.to_string()),
    }
}

/// `sysctl -n NAME`: the value alone; an unknown name is 1, as is `hw.optional.arm64` on Intel.
pub(super) fn sysctl(argv: &[String], state: &State) -> Answer {
    let [option, name] = argv else { return Answer::fail(1, "usage: sysctl -n name") };
    let host = &state.host;
    let value = match (option.as_str(), name.as_str()) {
        ("-n", "kern.hostname") => host.hostname.clone(),
        ("-n", "hw.model") => host.model.clone(),
        ("-n", "kern.osproductversion") => host.macos_version.clone(),
        ("-n", "kern.osversion") => host.macos_build.clone(),
        ("-n", "hw.optional.arm64") if host.apple_silicon => "1".to_owned(),
        ("-n", name) => return Answer::fail(1, format!("sysctl: unknown oid '{name}'")),
        _ => return Answer::fail(1, "usage: sysctl -n name"),
    };
    Answer::ok(format!("{value}\n"))
}

/// `pmset -g batt` and `pmset -g systemstate` (pmset's manual names both; the words of the second are inferred).
pub(super) fn pmset(argv: &[String], state: &State) -> Answer {
    let power = &state.host.power;
    let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
    match argv.as_slice() {
        ["-g", "batt"] => {
            let (source, doing) =
                if power.mains { ("AC Power", "charging") } else { ("Battery Power", "discharging") };
            let battery = power.charge.map(|charge| {
                format!(
                    " -InternalBattery-0 (id=4653155)\t{charge}%; {doing}; 3:01 remaining present: true\n"
                )
            });
            Answer::ok(format!("Now drawing from '{source}'\n{}", battery.unwrap_or_default()))
        }
        ["-g", "systemstate"] => {
            let capabilities = if power.awake { "CPU Graphics Audio Network" } else { "CPU Network" };
            Answer::ok(format!("Current System Capabilities are: {capabilities} \nCurrent Power State: 4\n"))
        }
        _ => Answer::fail(64, "Usage: pmset -g [option]"),
    }
}

/// `codesign --verify … PATH`: silent when content; 3 when the requirement is not met, as codesign's manual says.
/// `codesign -d … PATH` names the team on stderr.
pub(super) fn codesign(argv: &[String], state: &State) -> Answer {
    let Some(path) = argv.last().filter(|path| !path.starts_with('-')) else {
        return Answer::fail(2, "Usage: codesign -v [-R requirement] path");
    };
    let display = argv.iter().any(|option| option.starts_with("-d") || option == "--display");
    if display {
        let team = if state.parallels.signed { "4C6364ACXT" } else { "not set" };
        let text = format!("Executable={path}\nIdentifier=com.parallels.prlctl\nTeamIdentifier={team}\n");
        return Answer { stderr: text.into_bytes(), ..Answer::default() };
    }
    if state.parallels.signed {
        return Answer::default();
    }
    Answer::fail(3, format!("{path}: valid on disk\n{path}: does not satisfy its designated Requirement"))
}

/// `defaults read|write|delete DOMAIN KEY` and `defaults export DOMAIN -`, on the caller's own preferences (defaults'
/// manual; the keys that matter are those of privacy.sexy's scripts for `com.parallels.Parallels Desktop`).
pub(super) fn defaults(call: &Call, state: &mut State) -> Answer {
    let user = call.caller.name(state).and_then(|name| state.users.get_mut(&name));
    let Some(user) = user else { return Answer::fail(1, "Could not find the preferences of this user") };
    let argv: Vec<&str> = call.argv.iter().map(String::as_str).collect();
    match argv.as_slice() {
        ["read", domain, key] => match user.defaults.get(*domain).and_then(|keys| keys.get(*key)) {
            Some(value) => Answer::ok(format!("{}\n", plain(value))),
            None => absent(domain, key),
        },
        ["export", domain, "-"] => {
            let keys = user.defaults.get(*domain).into_iter().flatten();
            let pairs = keys.map(|(key, value)| (key.clone(), as_plist(value)));
            property_list(&Value::Dictionary(pairs.collect()))
        }
        ["write", domain, key, value @ ..] => match parsed(value) {
            Some(value) => {
                user.defaults.entry((*domain).to_owned()).or_default().insert((*key).to_owned(), value);
                Answer::default()
            }
            None => Answer::fail(255, "Rep argument is not a dictionary\nDefaults have not been changed."),
        },
        ["delete", domain, key] => match user.defaults.get_mut(*domain).and_then(|keys| keys.remove(*key)) {
            Some(_) => Answer::default(),
            None => absent(domain, key),
        },
        _ => Answer::fail(
            255,
            "Command line interface to a user's defaults.\nSyntax: defaults read|write|delete|export",
        ),
    }
}

fn absent(domain: &str, key: &str) -> Answer {
    Answer::fail(1, format!("The domain/default pair of ({domain}, {key}) does not exist"))
}

fn parsed(value: &[&str]) -> Option<serde_json::Value> {
    match value {
        ["-bool" | "-boolean", "true" | "TRUE" | "yes" | "YES" | "1"] => Some(true.into()),
        ["-bool" | "-boolean", "false" | "FALSE" | "no" | "NO" | "0"] => Some(false.into()),
        ["-int" | "-integer", number] => number.parse::<i64>().ok().map(Into::into),
        ["-string", text] => Some((*text).into()),
        [text] if !text.starts_with('-') => Some((*text).into()),
        _ => None,
    }
}

/// A value as `defaults read` prints it: booleans as 1 and 0, strings without quotes.
fn plain(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Bool(flag) => u8::from(*flag).to_string(),
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn as_plist(value: &serde_json::Value) -> Value {
    match value {
        serde_json::Value::Bool(flag) => Value::Boolean(*flag),
        serde_json::Value::Number(number) => match number.as_i64() {
            Some(number) => Value::from(number),
            None => Value::Real(number.as_f64().unwrap_or_default()),
        },
        serde_json::Value::String(text) => Value::String(text.clone()),
        other => Value::String(other.to_string()),
    }
}
