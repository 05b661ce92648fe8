//! The book, kept: every change is stored before it counts.

use std::sync::Arc;

use super::book::Book;
use crate::state::{Damage, Loaded, StateError, Store};

/// The book and where it is stored.
#[derive(Debug)]
pub struct Keeper {
    book: Book,
    store: Arc<Store>,
}

impl Keeper {
    /// Loads the book. With it comes the damage that was found; what an earlier generation does not know of is looked for
    /// where it is needed.
    ///
    /// # Errors
    /// When the system does not let the document be read.
    pub fn open(store: Arc<Store>) -> Result<(Self, Option<Damage>), StateError> {
        let (book, damage) = match store.load::<Book>()? {
            Loaded::Absent => (Book::default(), None),
            Loaded::Current(book) => (book, None),
            Loaded::Previous(book, damage) => (book, Some(damage)),
            Loaded::Lost(damage) => (Book::default(), Some(damage)),
        };
        Ok((Self { book, store }, damage))
    }

    /// The book as it is stored.
    #[must_use]
    pub const fn book(&self) -> &Book {
        &self.book
    }

    /// Changes the book. What the change gives back counts only once it is stored.
    ///
    /// # Errors
    /// When it cannot be stored; the book is then as before.
    pub fn change<T>(&mut self, change: impl FnOnce(&mut Book) -> T) -> Result<T, StateError> {
        let mut book = self.book.clone();
        let value = change(&mut book);
        if book != self.book {
            self.store.save(&book)?;
            self.book = book;
        }
        Ok(value)
    }
}
