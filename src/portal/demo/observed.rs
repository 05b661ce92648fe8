//! What is told of observations: pure.

use serde_json::Value;

use crate::cli::ink::{Line, Tone};
use crate::cli::screen::{Column, Table};
use crate::control::view::{ExplainView, LayerView, OutcomeView};
use crate::simulator::State;

/// The settings that this layer switches on, each with where it does.
pub(super) fn switched_on(explain: &ExplainView, layer: LayerView) -> Vec<(String, String)> {
    let holding = explain.settings.iter().filter(|setting| setting.outcome == OutcomeView::Holds);
    holding
        .filter(|setting| setting.value == Some(Value::Bool(true)))
        .filter_map(|setting| {
            let winner = setting.winner.as_ref().filter(|winner| winner.layer == layer)?;
            Some((setting.key.clone(), winner.origin.clone()))
        })
        .collect()
}

/// The actions for which the simulated Mac asks for a password.
pub(super) fn restrictions(state: &State) -> Vec<String> {
    state.service.require_password.names().into_iter().map(str::to_owned).collect()
}

/// The virtual machines as the portal lists them.
pub(super) fn vm_table(vms: &[Value], mac: &str) -> Table {
    let mut table = Table::of(vec![
        Column::giving_way("VM"),
        Column::firm("GUEST"),
        Column::firm("STATE"),
        Column::giving_way("MAC"),
        Column::firm("USER"),
        Column::firm("CORPORATE"),
    ]);
    for vm in vms {
        let record = &vm["record"];
        let text = |value: &Value| value.as_str().unwrap_or("?").to_owned();
        let owners = record["owners"].as_array().into_iter().flatten();
        let owners: Vec<_> = owners.map(|owner| text(&owner["user"])).collect();
        let state = text(&record["state"]);
        let tone = if state == "running" { Tone::Good } else { Tone::Plain };
        let corporate = if record["corporate"] == true { "yes" } else { "no" };
        table.row(vec![
            Line::of(Tone::Strong, text(&record["name"])),
            Line::plain(text(&record["os"])),
            Line::of(tone, state),
            Line::plain(mac),
            Line::plain(owners.join(", ")),
            Line::of(Tone::Faint, corporate),
        ]);
    }
    table
}
