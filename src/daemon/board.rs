//! The board: the level that every task looks at. Each part has one writer.

use std::ops::Deref;
use std::sync::Arc;

use super::enforcer::Enforcement;
use super::inputs::Profile;
use super::observer::{Observation, Wanted};
use crate::checkin::Assigned;

/// A part of the board. Two are equal when they are the same publication, which costs nothing to tell.
#[derive(Debug)]
pub struct Part<T>(Arc<T>);

impl<T> Part<T> {
    /// A new publication.
    pub fn new(value: T) -> Self {
        Self(Arc::new(value))
    }
}

impl<T> Clone for Part<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> PartialEq for Part<T> {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl<T> Deref for Part<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// What is known, all of it.
#[derive(Debug, Clone)]
pub struct Board {
    /// What the profiles say; written by the inputs.
    pub profile: Part<Profile>,
    /// What the portal assigned; written by the check-in, from disk at first.
    pub assigned: Part<Assigned>,
    /// What was seen; written by the observer.
    pub observation: Part<Observation>,
    /// What is to be looked at; written by the enforcer and by a local request.
    pub wanted: Part<Wanted>,
    /// What holds and how it stands; written by the enforcer.
    pub enforcement: Part<Enforcement>,
}
