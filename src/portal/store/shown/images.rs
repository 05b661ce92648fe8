//! The rows of golden images.

use std::collections::BTreeSet;

use crate::portal::model::Model;
use crate::portal::model::device::Device;
use crate::portal::model::image::Image;
use crate::portal::rows::{ImageFileRow, ImageRow, InstallRow};

/// Every golden image.
pub(super) fn image_rows(model: &Model) -> Vec<ImageRow> {
    model.organization.images.iter().map(|image| image_row(model, image)).collect()
}

fn image_row(model: &Model, image: &Image) -> ImageRow {
    let carrying = || model.policies.values().filter(|policy| policy.golden_images.contains(&image.id));
    let groups = model.groups.values().filter(|group| {
        let policy = group.policy.and_then(|policy| model.policies.get(&policy));
        let images = policy.map(|policy| model.images_of(policy, Some(group.id))).unwrap_or_default();
        images.iter().any(|assigned| assigned.id == image.id)
    });
    let files = image.files.iter().map(|(arch, source)| ImageFileRow {
        arch: *arch,
        enabled: source.enabled,
        url: source.url.clone(),
        sha256: source.sha256.to_string(),
        size: source.size,
        unpacked_size: source.unpacked_size,
    });
    ImageRow {
        id: image.id,
        name: image.name.clone(),
        description: image.description.clone(),
        files: files.collect(),
        policies: carrying().map(|policy| policy.name.clone()).collect(),
        groups: groups.map(|group| group.name.clone()).collect::<BTreeSet<_>>().into_iter().collect(),
        several: carrying().any(|policy| policy.golden_images.len() > 1),
    }
}

/// What a device installs.
pub(super) fn install_rows(device: &Device) -> Vec<InstallRow> {
    let reported = device.reported.images.iter().flatten();
    let row = |image: &crate::wire::checkin::ImageProgress| InstallRow {
        name: image.name.clone(),
        user: image.user.clone(),
        stage: image.stage.clone(),
        percent: image.percent.min(100),
        problem: image.problem.map(|code| code.to_string()),
    };
    reported.map(row).collect()
}
