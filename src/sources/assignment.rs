//! The verified assignment as layers: the policy, and the deprecated license-bound profiles.

use super::layer::{Layer, Origin};
use crate::catalog::{Key, LayerKind};
use crate::domain::keyed::Keyed as _;
use crate::wire::assignment::Assignment;

/// The layers of an assignment. A retired device has no policy, and no profile either.
#[must_use]
pub fn layers(assignment: &Assignment) -> Vec<Layer> {
    if assignment.retired {
        return Vec::new();
    }
    let profiles = assignment.configuration_profiles.iter().map(|profile| {
        let origin = Origin::LicenseProfile { name: profile.name.clone() };
        Layer::read(LayerKind::LicenseProfile, origin, named(&profile.settings))
    });
    let policy = assignment.policy.iter().map(|policy| {
        let origin = Origin::Policy { id: policy.id, name: policy.name.clone(), revision: policy.revision };
        Layer::read(LayerKind::Policy, origin, named(&policy.settings))
    });
    profiles.chain(policy).collect()
}

/// That a setting should not come from a license-bound profile, and what replaces it there.
#[must_use]
pub fn deprecation(key: Key) -> String {
    if key.setting().admits(LayerKind::Policy) {
        format!("License-bound profiles are deprecated: set {key} in the policy.")
    } else {
        format!("License-bound profiles are deprecated: the golden image of the policy replaces {key}.")
    }
}

/// That a layer is deprecated, where it is, with what replaces it.
#[must_use]
pub fn note(layer: &Layer) -> Option<String> {
    if layer.kind != LayerKind::LicenseProfile {
        return None;
    }
    let replaced = layer.items.keys().map(|key| match key.name() {
        "image.arm64" | "image.x86_64" => "the policy's golden image".to_owned(),
        name => format!("{name} in the policy"),
    });
    let replaced = replaced.distinct();
    let replaced = replaced.into_iter().collect::<Vec<_>>().join(", ");
    Some(if replaced.is_empty() { "deprecated".to_owned() } else { format!("deprecated: use {replaced}") })
}

fn named(
    settings: &serde_json::Map<String, serde_json::Value>,
) -> impl Iterator<Item = (&str, &serde_json::Value)> {
    settings.iter().map(|(name, value)| (name.as_str(), value))
}
