//! Whether there is space for an image, packed and unpacked, before any byte is fetched. Pure.

/// What is free, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Free {
    /// In the folder of the downloads, in bytes.
    pub downloads: u64,
    /// In the user's folder for virtual machines, in bytes.
    pub machines: u64,
    /// Both are on the same volume.
    pub shared: bool,
}

/// What is needed, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Need {
    /// What is still to be fetched.
    pub download: u64,
    /// What the user's folder takes at the most: the image, and what it is unpacked to.
    pub machine: u64,
}

/// How many bytes are missing; none where there is space.
#[must_use]
pub fn missing(need: Need, free: Free) -> Option<u64> {
    let missing = if free.shared {
        need.download.saturating_add(need.machine).saturating_sub(free.downloads.min(free.machines))
    } else {
        need.download.saturating_sub(free.downloads).max(need.machine.saturating_sub(free.machines))
    };
    (missing > 0).then_some(missing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_volume_takes_both_and_two_take_each_their_own() {
        for (download, machine, downloads, machines, shared, expected) in [
            (10, 20, 30, 30, true, None),
            (10, 20, 29, 29, true, Some(1)),
            (0, 20, 20, 20, true, None),
            (10, 20, 10, 20, false, None),
            (10, 20, 9, 100, false, Some(1)),
            (10, 20, 100, 15, false, Some(5)),
            (u64::MAX, u64::MAX, 0, 0, true, Some(u64::MAX)),
        ] {
            let (need, free) = (Need { download, machine }, Free { downloads, machines, shared });
            assert_eq!(missing(need, free), expected, "{need:?} {free:?}");
        }
    }
}
