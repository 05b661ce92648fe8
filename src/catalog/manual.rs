//! What the README says of the settings, made from the table.

use std::fmt::Write;

use super::{Guests, Key, Kind, LayerKind, Lever, Scope, Setting};

/// The README's table of the settings, as Markdown.
#[must_use]
pub fn settings_table() -> String {
    let mut table =
        String::from("| setting | values | scope | set by | what it does |\n|---|---|---|---|---|\n");
    for setting in Key::all().map(Key::setting) {
        // Writing to a String does not fail.
        let _ = writeln!(
            table,
            "| `{}` | {} | {} | {} | {} |",
            setting.name,
            values(setting.kind),
            scope(setting.scope),
            setting.layers.iter().map(|layer| layer_word(*layer)).collect::<Vec<_>>().join(", "),
            remarks(setting),
        );
    }
    table
}

fn values(kind: Kind) -> String {
    match kind {
        Kind::Switch | Kind::Restriction => "true, false".to_owned(),
        Kind::Choice(choices) => {
            choices.iter().map(|choice| format!("`{}`", choice.value)).collect::<Vec<_>>().join(", ")
        }
        Kind::Url => "address".to_owned(),
        Kind::Expiry => "`YYYY-MM-DD`, false".to_owned(),
    }
}

const fn scope(scope: Scope) -> &'static str {
    match scope {
        Scope::Application => "Mac",
        Scope::User => "user",
        Scope::VirtualMachine => "VM",
    }
}

const fn layer_word(layer: LayerKind) -> &'static str {
    match layer {
        LayerKind::Local => "Security tab",
        LayerKind::LicenseProfile => "license",
        LayerKind::Profile => "profile",
        LayerKind::Policy => "policy",
    }
}

fn remarks(setting: &Setting) -> String {
    let mut text = setting.help.to_owned();
    if let Some((major, minor, _)) = setting.requires.parallels {
        let _ = write!(text, " From Parallels Desktop {major}.{minor}.");
    }
    if setting.requires.guests == Guests::NotMacOnAppleSilicon {
        text.push_str(" Not for macOS guests on Apple silicon.");
    }
    match setting.lever {
        Lever::Implies(names) if !names.is_empty() => {
            let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
            let _ = write!(text, " Implies {}.", names.join(", "));
        }
        Lever::UserDefault(_) => text.push_str(" Set in each user's own preferences."),
        Lever::Decided => text.push_str(
            " No lever is known: decided and reported, and a violation once a version is installed that it holds back.",
        ),
        Lever::Heeded => text.push_str(" Shown and reported; nothing on the Mac is changed."),
        _ => {}
    }
    text
}
