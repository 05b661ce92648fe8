//! The screens of `explain`.

use super::super::samples::{self, NOW, screens};
use super::*;

fn alone(setting: SettingView) -> ExplainView {
    ExplainView { settings: vec![setting] }
}

#[test]
fn the_table_shows_winners_with_their_losers_below() {
    screens("explain", |style| render(&samples::explain(), None, style, *NOW));
}

#[test]
fn one_setting_shows_everything_about_it() {
    let view = samples::explain();
    screens("explain_derived", |style| render(&alone(samples::one_setting()), Some("k"), style, *NOW));
    for (name, index) in [
        ("explain_lifted", 3),
        ("explain_undecided", 5),
        ("explain_machines", 7),
        ("explain_unmanaged", 8),
        ("explain_heeded", 6),
        ("explain_idle", 0),
    ] {
        screens(name, |style| render(&alone(view.settings[index].clone()), Some("k"), style, *NOW));
    }
}

#[test]
fn a_local_restriction_that_nobody_overrides_holds() {
    screens("explain_local", |style| render(&samples::local(), None, style, *NOW));
    screens("explain_local_one", |style| render(&samples::local(), Some("k"), style, *NOW));
}

#[test]
fn hostile_text_is_harmless() {
    screens("explain_hostile", |style| render(&alone(samples::hostile_setting()), Some("k"), style, *NOW));
    screens("explain_hostile_table", |style| render(&alone(samples::hostile_setting()), None, style, *NOW));
}

#[test]
fn nothing_managed_is_said_in_words() {
    let style = Style { width: 80, color: false };
    let text = render(&ExplainView::default(), None, &style, *NOW);
    assert_eq!(text, "No setting is managed.\n\nAll about one: meridian explain KEY\n");
}

#[test]
fn an_unknown_key_gets_the_nearest_ones() {
    for (key, hint) in [
        ("restrict.creat_vm", "did you mean restrict.create_vm"),
        ("isolate", "did you mean vm.isolate?"),
        ("\u{1b}[2J", "`meridian explain` shows those that are managed"),
    ] {
        let failure = unknown(key);
        assert_eq!(failure.exit() as u8, 2);
        assert!(failure.complaint().contains(hint), "{}", failure.complaint());
        assert!(!failure.complaint().contains('\u{1b}'));
    }
}
