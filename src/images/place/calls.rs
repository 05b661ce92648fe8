//! The calls of the agent's own executable that put an image into a user's folder. Pure.

use std::path::Path;
use std::time::Duration;

use super::{Draft, Order};
use crate::hypervisor::invocation::{Invocation, LIMIT};
use crate::hypervisor::users::LocalUser;

/// How fast an image is stored at the least, in bytes a second; slower counts as hanging.
const SLOWEST: u64 = 4 << 20;

/// `PROGRAM place-image …` as the user, the image on its standard input. `program` is the agent's own executable.
#[must_use]
pub fn place(program: &Path, image: &Path, order: &Order, user: &LocalUser) -> Invocation {
    let (size, unpacked) = (order.size.to_string(), order.unpacked_size.to_string());
    let into = order.into.to_string_lossy();
    let argv = [
        "place-image",
        "--into",
        &into,
        "--name",
        &order.name,
        "--kind",
        order.kind.name(),
        "--size",
        &size,
        "--unpacked-size",
        &unpacked,
    ];
    let bytes = order.size.saturating_add(order.unpacked_size);
    Invocation {
        limit: LIMIT + Duration::from_secs(60 + bytes / SLOWEST),
        input: Some(image.to_owned()),
        ..Invocation::read(program.to_owned(), &argv).for_user(user)
    }
}

/// `PROGRAM settle-image DRAFT` as the user, which takes it away.
#[must_use]
pub fn discard(program: &Path, draft: &Path, user: &LocalUser) -> Invocation {
    Invocation::read(program.to_owned(), &["settle-image", &draft.to_string_lossy()]).for_user(user)
}

/// `PROGRAM settle-image DRAFT BUNDLE` as the user.
#[must_use]
pub fn settle(program: &Path, draft: &Draft, user: &LocalUser) -> Invocation {
    let (from, to) = (draft.draft.to_string_lossy(), draft.bundle.to_string_lossy());
    Invocation::read(program.to_owned(), &["settle-image", &from, &to]).for_user(user)
}
