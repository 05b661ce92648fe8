//! The book, kept: every change is stored before it counts.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::book::Book;
use crate::state::{Damage, Loaded, StateError, Store};

/// The book and where it is stored. Clones are the same book: whoever takes an order and whoever works on one change it
/// in turn.
#[derive(Debug, Clone)]
pub struct Keeper {
    book: Arc<Mutex<Arc<Book>>>,
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
        let book = Arc::new(Mutex::new(Arc::new(book)));
        Ok((Self { book, store }, damage))
    }

    /// The book as it is stored.
    #[must_use]
    pub fn book(&self) -> Arc<Book> {
        Arc::clone(&self.lock())
    }

    /// Changes the book. What the change gives back counts only once it is stored.
    ///
    /// # Errors
    /// When it cannot be stored; the book is then as before.
    pub fn change<T>(&self, change: impl FnOnce(&mut Book) -> T) -> Result<T, StateError> {
        let mut kept = self.lock();
        let mut book = Book::clone(&kept);
        let value = change(&mut book);
        if book != **kept {
            self.store.save(&book)?;
            *kept = Arc::new(book);
        }
        Ok(value)
    }

    fn lock(&self) -> MutexGuard<'_, Arc<Book>> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
