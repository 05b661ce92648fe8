//! What the portal signed and the agent holds: the keyset and the assignment, as a document and verified.
//!
//! In go tokens; out comes what holds after them, or why one is refused. Versions only go up, and this is the one place
//! that says so. A stored assignment is read with the key that signed it and for whom it was signed, so that it holds
//! while the Mac enrolls anew, and whatever becomes of profile, keyset or portal.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::ids::DeviceId;
use crate::wire::assignment::Assignment;
use crate::wire::codes::ProblemCode;
use crate::wire::document::{Addressee, DocumentError, Judgement};
use crate::wire::key::{PublicKey, Thumbprint};
use crate::wire::keyset::{Keyset, KeysetError};
use crate::wire::token::Verified;

/// The document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrustDocument {
    /// The keyset and the root key that signed it.
    pub keyset: StoredToken,
    /// The assignment and the key that signed it.
    pub assignment: Option<StoredAssignment>,
}

/// A token and the key that it is read with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredToken {
    /// The token.
    pub token: String,
    /// The key that signed it.
    pub signer: PublicKey,
}

/// An assignment, and for whom it was signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredAssignment {
    /// The token.
    #[serde(flatten)]
    pub stored: StoredToken,
    /// The device.
    pub device: DeviceId,
    /// The thumbprint of its key.
    pub key: Thumbprint,
    /// When it was received.
    pub received_at: Timestamp,
}

/// What holds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Trust {
    keyset: Option<Arc<Verified<Keyset>>>,
    assignment: Option<Held>,
}

/// The assignment that holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Held {
    /// The assignment.
    pub assignment: Arc<Verified<Assignment>>,
    /// For whom it was signed.
    pub addressee: Addressee,
    /// When it was received.
    pub received_at: Timestamp,
}

/// Why a keyset or an assignment is refused. What is stored stays.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// The keyset is not the root key's, or contradicts itself.
    #[error("the keyset was refused")]
    Keyset(#[source] KeysetError),
    /// The keyset is older than the stored one.
    #[error("version {offered} of the keyset is older than {stored}, the stored one")]
    KeysetRollback {
        /// What came.
        offered: u64,
        /// What is stored.
        stored: u64,
    },
    /// Another keyset of the same version.
    #[error("two keysets of version {0} differ")]
    KeysetEquivocation(u64),
    /// An assignment came, and there is no keyset to verify it with.
    #[error("there is no keyset to verify the assignment with")]
    NoKeyset,
    /// The assignment is not verified.
    #[error("the assignment was refused")]
    Assignment(#[source] DocumentError),
    /// The assignment is older than the stored one.
    #[error("version {offered} of the assignment is older than {stored}, the stored one")]
    Rollback {
        /// What came.
        offered: u64,
        /// What is stored.
        stored: u64,
    },
    /// Another assignment of the same version.
    #[error("two assignments of version {0} differ")]
    Equivocation(u64),
}

impl Refused {
    /// The problem's name.
    #[must_use]
    pub const fn code(&self) -> ProblemCode {
        match self {
            Self::Keyset(_) | Self::KeysetRollback { .. } | Self::KeysetEquivocation(_) => {
                ProblemCode::KeysetInvalid
            }
            Self::Rollback { .. } => ProblemCode::AssignmentRollback,
            Self::Equivocation(_) => ProblemCode::AssignmentEquivocation,
            Self::Assignment(error) if error.is_foreign() => ProblemCode::AssignmentForeign,
            Self::Assignment(_) | Self::NoKeyset => ProblemCode::AssignmentSignature,
        }
    }
}

impl Trust {
    /// What a stored document holds, and what of it cannot be read. One part that cannot be read does not take the
    /// other with it.
    #[must_use]
    pub fn read(document: &TrustDocument) -> (Self, Vec<Refused>) {
        let mut refused = Vec::new();
        let keyset = Keyset::verify(&document.keyset.signer, &document.keyset.token)
            .map_err(|error| refused.push(Refused::Keyset(error)))
            .ok();
        let assignment = document.assignment.as_ref().and_then(|stored| {
            let addressee = Addressee { device: stored.device, key: stored.key };
            let judgement = Judgement::Stored { signer: stored.stored.signer };
            Assignment::verify(&stored.stored.token, &addressee, judgement)
                .map_err(|error| refused.push(Refused::Assignment(error)))
                .ok()
                .map(|assignment| Held {
                    assignment: Arc::new(assignment),
                    addressee,
                    received_at: stored.received_at,
                })
        });
        (Self { keyset: keyset.map(Arc::new), assignment }, refused)
    }

    /// The document of what holds; `None` where nothing was ever accepted.
    #[must_use]
    pub fn document(&self) -> Option<TrustDocument> {
        let stored = |token: &str, signer| StoredToken { token: token.to_owned(), signer };
        let keyset = self.keyset.as_ref()?;
        Some(TrustDocument {
            keyset: stored(keyset.token(), keyset.signer()),
            assignment: self.assignment.as_ref().map(|held| StoredAssignment {
                stored: stored(held.assignment.token(), held.assignment.signer()),
                device: held.addressee.device,
                key: held.addressee.key,
                received_at: held.received_at,
            }),
        })
    }

    /// The assignment that holds, whoever it was signed for.
    #[must_use]
    pub const fn held(&self) -> Option<&Held> {
        self.assignment.as_ref()
    }

    /// The keyset, if this root key signed it.
    #[must_use]
    pub fn keyset_of(&self, root: &PublicKey) -> Option<&Verified<Keyset>> {
        self.keyset.as_deref().filter(|keyset| keyset.signer() == *root)
    }

    /// The versions that an agent with this root key and identity has: `(keyset, assignment)`, 0 for none.
    #[must_use]
    pub fn versions(&self, root: &PublicKey, addressee: &Addressee) -> (u64, u64) {
        let held = self.assignment.as_ref().filter(|held| held.addressee == *addressee);
        (
            self.keyset_of(root).map_or(0, |keyset| keyset.version),
            held.map_or(0, |held| held.assignment.version),
        )
    }

    /// Takes a keyset that arrives. Under another root key versions begin anew.
    ///
    /// # Errors
    /// [`Refused`]; nothing changed then.
    pub fn take_keyset(&mut self, root: &PublicKey, token: &str) -> Result<(), Refused> {
        let offered = Keyset::verify(root, token).map_err(Refused::Keyset)?;
        if let Some(stored) = self.keyset_of(root) {
            if offered.version < stored.version {
                return Err(Refused::KeysetRollback { offered: offered.version, stored: stored.version });
            }
            if offered.version == stored.version {
                let same = offered.digest() == stored.digest();
                return if same { Ok(()) } else { Err(Refused::KeysetEquivocation(offered.version)) };
            }
        }
        self.keyset = Some(Arc::new(offered));
        Ok(())
    }

    /// Takes an assignment that arrives. `true` when it is another than the stored one. For another device, versions
    /// begin anew.
    ///
    /// # Errors
    /// [`Refused`]; nothing changed then.
    pub fn take_assignment(
        &mut self,
        root: &PublicKey,
        token: &str,
        addressee: &Addressee,
        now: Timestamp,
    ) -> Result<bool, Refused> {
        let keyset = self.keyset_of(root).ok_or(Refused::NoKeyset)?;
        let offered = Assignment::verify(token, addressee, Judgement::Arriving { keyset, now })
            .map_err(Refused::Assignment)?;
        if let Some(held) = self.assignment.as_ref().filter(|held| held.addressee == *addressee) {
            let stored = held.assignment.version;
            if offered.version < stored {
                return Err(Refused::Rollback { offered: offered.version, stored });
            }
            if offered.version == stored {
                let same = offered.digest() == held.assignment.digest();
                return if same { Ok(false) } else { Err(Refused::Equivocation(stored)) };
            }
        }
        self.assignment =
            Some(Held { assignment: Arc::new(offered), addressee: *addressee, received_at: now });
        Ok(true)
    }
}
