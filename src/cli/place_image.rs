//! `meridian place-image` and `settle-image`: what the daemon starts in a user's session, as that user, to put an image into
//! their folder. Nobody else has a use for them, and whoever calls them can do no more than they could anyway.

use std::fs::File;
use std::io::{self, Seek};
use std::os::fd::AsFd;

use super::arguments::{PlaceArguments, SettleArguments};
use super::failure::Failure;
use crate::error::Chain;
use crate::images::place::{self, Draft, Kind, Order, PlaceError, Said};

/// Puts the image on standard input into the folder; says what came of it.
pub(super) fn place(arguments: &PlaceArguments) -> Result<String, Failure> {
    let order = Order {
        into: arguments.into.clone(),
        name: place::file_name(&arguments.name),
        kind: if arguments.kind == "zip" { Kind::Zip } else { Kind::Pvmp },
        size: arguments.size,
        unpacked_size: arguments.unpacked_size,
    };
    let placed = image().map_err(PlaceError::Write).and_then(|mut image| place::place(&order, &mut image));
    said(placed.map(Said::Placed))
}

/// Gives a draft its final name, or takes it away where there is none for it; says what came of it.
pub(super) fn settle(arguments: &SettleArguments) -> Result<String, Failure> {
    let settled = match arguments.bundle.clone() {
        Some(bundle) => place::settle(&Draft { draft: arguments.draft.clone(), bundle }),
        None => place::discard(&arguments.draft),
    };
    said(settled.map(|()| Said::Settled))
}

/// Standard input as the file that it is.
fn image() -> io::Result<File> {
    let mut image = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    image.rewind()?;
    Ok(image)
}

fn said(outcome: Result<Said, PlaceError>) -> Result<String, Failure> {
    let said =
        outcome.unwrap_or_else(|error| Said::Refused { kind: error.kind(), why: Chain(&error).to_string() });
    serde_json::to_string(&said).map_err(Failure::Encode)
}
