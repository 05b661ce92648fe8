//! What the portal signed and the agent holds: keyset, assignment and lease, as a document and verified.
//!
//! In go tokens; out comes what holds after them, or why one is refused. Versions only go up, and this is the one place
//! that says so. What is stored is read with the key that signed it and for whom it was signed, so that it holds
//! while the Mac enrolls anew, and whatever becomes of profile, keyset or portal.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::ids::DeviceId;
use crate::wire::assignment::Assignment;
use crate::wire::checkin::Have;
use crate::wire::codes::ProblemCode;
use crate::wire::document::{Addressee, Claims, DocumentError, Judgement};
use crate::wire::key::{PublicKey, Thumbprint};
use crate::wire::keyset::{Keyset, KeysetError};
use crate::wire::lease::Lease;
use crate::wire::time::NumericDate;
use crate::wire::token::Verified;

/// The document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrustDocument {
    /// The keyset and the root key that signed it.
    pub keyset: StoredToken,
    /// The assignment and the key that signed it.
    pub assignment: Option<StoredDocument>,
    /// The lease and the key that signed it.
    pub lease: Option<StoredDocument>,
    /// The latest `iat` of all that was verified: time is never before it.
    pub latest: Option<Timestamp>,
}

/// A token and the key that it is read with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredToken {
    /// The token.
    pub token: String,
    /// The key that signed it.
    pub signer: PublicKey,
}

/// A document for a device, and for whom it was signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredDocument {
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
    assignment: Option<Held<Assignment>>,
    lease: Option<Held<Lease>>,
    latest: Option<Timestamp>,
}

/// A document that holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Held<T> {
    /// The document.
    pub document: Arc<Verified<T>>,
    /// For whom it was signed.
    pub addressee: Addressee,
    /// When it was received.
    pub received_at: Timestamp,
}

/// The documents of which a device has one, each newer than the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Document {
    /// The assignment.
    Assignment,
    /// The lease.
    Lease,
}

impl fmt::Display for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Assignment => "assignment",
            Self::Lease => "lease",
        })
    }
}

/// Verifies a document that arrives or was stored.
type Verify<T> = fn(&str, &Addressee, Judgement<'_>) -> Result<Verified<T>, DocumentError>;

/// A document of which a device has one.
pub trait Sole: AsRef<Claims> + Sized {
    /// Which it is.
    const DOCUMENT: Document;

    /// How one is verified.
    const VERIFY: Verify<Self>;

    /// What only goes up.
    fn number(&self) -> u64;
}

impl Sole for Assignment {
    const DOCUMENT: Document = Document::Assignment;
    const VERIFY: Verify<Self> = Self::verify;

    fn number(&self) -> u64 {
        self.version
    }
}

impl Sole for Lease {
    const DOCUMENT: Document = Document::Lease;
    const VERIFY: Verify<Self> = Self::verify;

    fn number(&self) -> u64 {
        self.seq
    }
}

/// Why a keyset, an assignment or a lease is refused. What is stored stays.
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
    /// A document came, and there is no keyset to verify it with.
    #[error("there is no keyset to verify the {0} with")]
    NoKeyset(Document),
    /// The document is not verified.
    #[error("the {0} was refused")]
    Unverified(Document, #[source] DocumentError),
    /// The document is older than the stored one.
    #[error("number {offered} of the {document} is older than {stored}, the stored one")]
    Rollback {
        /// Which document.
        document: Document,
        /// What came.
        offered: u64,
        /// What is stored.
        stored: u64,
    },
    /// Another document of the same number.
    #[error("two documents of number {1} differ: {0}")]
    Equivocation(Document, u64),
}

impl Refused {
    /// The problem's name.
    #[must_use]
    pub const fn code(&self) -> ProblemCode {
        use Document::{Assignment, Lease};
        match self {
            Self::Keyset(_) | Self::KeysetRollback { .. } | Self::KeysetEquivocation(_) => {
                ProblemCode::KeysetInvalid
            }
            Self::Rollback { document: Assignment, .. } => ProblemCode::AssignmentRollback,
            Self::Rollback { document: Lease, .. } => ProblemCode::LeaseRollback,
            Self::Equivocation(Assignment, _) => ProblemCode::AssignmentEquivocation,
            Self::Equivocation(Lease, _) => ProblemCode::LeaseEquivocation,
            Self::Unverified(Assignment, error) if error.is_foreign() => ProblemCode::AssignmentForeign,
            Self::Unverified(Lease, error) if error.is_foreign() => ProblemCode::LeaseForeign,
            Self::Unverified(Assignment, _) | Self::NoKeyset(Assignment) => ProblemCode::AssignmentSignature,
            Self::Unverified(Lease, _) | Self::NoKeyset(Lease) => ProblemCode::LeaseSignature,
        }
    }
}

impl<T: Sole> Held<T> {
    fn read(stored: Option<&StoredDocument>, refused: &mut Vec<Refused>) -> Option<Self> {
        let stored = stored?;
        let addressee = Addressee { device: stored.device, key: stored.key };
        let judgement = Judgement::Stored { signer: stored.stored.signer };
        (T::VERIFY)(&stored.stored.token, &addressee, judgement)
            .map_err(|error| refused.push(Refused::Unverified(T::DOCUMENT, error)))
            .ok()
            .map(|document| Self { document: Arc::new(document), addressee, received_at: stored.received_at })
    }

    fn stored(&self) -> StoredDocument {
        StoredDocument {
            stored: StoredToken { token: self.document.token().to_owned(), signer: self.document.signer() },
            device: self.addressee.device,
            key: self.addressee.key,
            received_at: self.received_at,
        }
    }

    /// Replaces what is held by a document that arrives; `true` when that is another one. For another device, numbers
    /// begin anew.
    fn take(
        held: &mut Option<Self>,
        keyset: Option<&Verified<Keyset>>,
        (token, addressee): (&str, &Addressee),
        now: Timestamp,
    ) -> Result<bool, Refused> {
        let keyset = keyset.ok_or(Refused::NoKeyset(T::DOCUMENT))?;
        let offered = (T::VERIFY)(token, addressee, Judgement::Arriving { keyset, now })
            .map_err(|error| Refused::Unverified(T::DOCUMENT, error))?;
        if let Some(held) = held.as_ref().filter(|held| held.addressee == *addressee) {
            let (offers, stored) = (offered.number(), held.document.number());
            if offers < stored {
                return Err(Refused::Rollback { document: T::DOCUMENT, offered: offers, stored });
            }
            if offers == stored {
                let same = offered.digest() == held.document.digest();
                return if same { Ok(false) } else { Err(Refused::Equivocation(T::DOCUMENT, stored)) };
            }
        }
        *held = Some(Self { document: Arc::new(offered), addressee: *addressee, received_at: now });
        Ok(true)
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
        let assignment = Held::read(document.assignment.as_ref(), &mut refused);
        let lease = Held::read(document.lease.as_ref(), &mut refused);
        (Self { keyset: keyset.map(Arc::new), assignment, lease, latest: document.latest }, refused)
    }

    /// The document of what holds; `None` where nothing was ever accepted.
    #[must_use]
    pub fn document(&self) -> Option<TrustDocument> {
        let stored = |token: &str, signer| StoredToken { token: token.to_owned(), signer };
        let keyset = self.keyset.as_ref()?;
        Some(TrustDocument {
            keyset: stored(keyset.token(), keyset.signer()),
            assignment: self.assignment.as_ref().map(Held::stored),
            lease: self.lease.as_ref().map(Held::stored),
            latest: self.latest,
        })
    }

    /// The assignment that holds, whoever it was signed for.
    #[must_use]
    pub const fn held(&self) -> Option<&Held<Assignment>> {
        self.assignment.as_ref()
    }

    /// The lease that holds, whoever it was signed for.
    #[must_use]
    pub const fn lease(&self) -> Option<&Held<Lease>> {
        self.lease.as_ref()
    }

    /// The latest `iat` of all that was ever verified.
    #[must_use]
    pub const fn latest(&self) -> Option<Timestamp> {
        self.latest
    }

    /// Something was verified that was signed then.
    pub fn signed_at(&mut self, iat: NumericDate) {
        self.latest = self.latest.max(Some(iat.timestamp()));
    }

    /// The keyset, if this root key signed it.
    #[must_use]
    pub fn keyset_of(&self, root: &PublicKey) -> Option<&Verified<Keyset>> {
        self.keyset.as_deref().filter(|keyset| keyset.signer() == *root)
    }

    /// What an agent with this root key and identity has.
    #[must_use]
    pub fn have(&self, root: &PublicKey, addressee: &Addressee) -> Have {
        fn number<T: Sole>(held: Option<&Held<T>>, addressee: &Addressee) -> u64 {
            held.filter(|held| held.addressee == *addressee).map_or(0, |held| held.document.number())
        }
        Have {
            keyset: self.keyset_of(root).map_or(0, |keyset| keyset.version),
            assignment: number(self.assignment.as_ref(), addressee),
            lease: number(self.lease.as_ref(), addressee),
        }
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
        self.signed_at(offered.iat);
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
        self.take(|trust| &mut trust.assignment, root, (token, addressee), now)
    }

    /// Takes a lease that arrives, likewise.
    ///
    /// # Errors
    /// [`Refused`]; nothing changed then.
    pub fn take_lease(
        &mut self,
        root: &PublicKey,
        token: &str,
        addressee: &Addressee,
        now: Timestamp,
    ) -> Result<bool, Refused> {
        self.take(|trust| &mut trust.lease, root, (token, addressee), now)
    }

    fn take<T: Sole>(
        &mut self,
        place: impl Fn(&mut Self) -> &mut Option<Held<T>>,
        root: &PublicKey,
        offered: (&str, &Addressee),
        now: Timestamp,
    ) -> Result<bool, Refused> {
        let keyset = self.keyset.clone().filter(|keyset| keyset.signer() == *root);
        let held = place(self);
        let news = Held::take(held, keyset.as_deref(), offered, now)?;
        if let Some(held) = held {
            let claims: &Claims = (**held.document).as_ref();
            let iat = claims.iat;
            self.signed_at(iat);
        }
        Ok(news)
    }
}
