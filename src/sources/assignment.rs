//! The verified assignment as layers: the policy, and the deprecated license-bound profiles.

use super::layer::{Layer, Origin};
use crate::catalog::LayerKind;
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

fn named(
    settings: &serde_json::Map<String, serde_json::Value>,
) -> impl Iterator<Item = (&str, &serde_json::Value)> {
    settings.iter().map(|(name, value)| (name.as_str(), value))
}
