//! Who may ask what: privilege is a type, and one match on the peer's user id hands it out.
//!
//! In go a request and the user id that the system tells of the peer; out comes the request as admitted. The process id
//! counts for nothing, because it may belong to another process by the time it is looked at.

use super::proto::{AdminRequest, OwnRequest, ReadRequest, Refusal, RefusalCode, Request};
use crate::domain::ids::Uid;
use crate::domain::subject::Subject;

/// Whose eyes an answer is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Viewer {
    /// Root, or the daemon's own user below a scratch root: sees all.
    Admin,
    /// A local user: sees the Mac and what is theirs.
    User(Uid),
    /// Whoever reads the status file: sees the Mac alone.
    Public,
}

/// A request that may be answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admitted {
    /// A question, and for whom.
    Read(ReadRequest, Viewer),
    /// An order for one user. It names them only where root gives it.
    Own(OwnRequest, Viewer),
    /// An order.
    Admin(AdminRequest),
}

impl Viewer {
    /// The viewer at the other end of a connection. `scratch_owner` is the daemon's own user below a scratch root, and
    /// `None` on the Mac's own layout, where root alone is an administrator.
    #[must_use]
    pub fn of(peer: Uid, scratch_owner: Option<Uid>) -> Self {
        match (peer, scratch_owner) {
            (Uid(0), _) => Self::Admin,
            (peer, Some(owner)) if peer == owner => Self::Admin,
            (peer, _) => Self::User(peer),
        }
    }

    /// Whether this viewer sees what belongs to these users.
    #[must_use]
    pub fn sees_any(self, mut owners: impl Iterator<Item = Uid>) -> bool {
        match self {
            Self::Admin => true,
            Self::User(uid) => owners.any(|owner| owner == uid),
            Self::Public => false,
        }
    }

    /// Whether this viewer sees an object; a virtual machine belongs to `owners`.
    #[must_use]
    pub fn sees(self, subject: Subject, owners: &[Uid]) -> bool {
        match subject {
            Subject::App => true,
            Subject::User(uid) => self.sees_any([uid].into_iter()),
            Subject::Vm(_) => self.sees_any(owners.iter().copied()),
        }
    }
}

/// Admits or refuses a request.
///
/// # Errors
/// The refusal, for the peer.
pub fn admit(request: Request, viewer: Viewer) -> Result<Admitted, Refusal> {
    match (request, viewer) {
        (Request::Read(request), viewer) => Ok(Admitted::Read(request, viewer)),
        (Request::Own(OwnRequest::InstallImage { user: Some(_), .. }), Viewer::User(_)) => {
            Err(Refusal::new(RefusalCode::MustBeRoot, "only root may do this for another user; use sudo"))
        }
        (Request::Own(_), Viewer::Public) => {
            Err(Refusal::new(RefusalCode::MustBeRoot, "only a user of this Mac may do this"))
        }
        (Request::Own(request), viewer) => Ok(Admitted::Own(request, viewer)),
        (Request::Admin(request), Viewer::Admin) => Ok(Admitted::Admin(request)),
        (Request::Admin(_), Viewer::User(_) | Viewer::Public) => {
            Err(Refusal::new(RefusalCode::MustBeRoot, "only root may do this; use sudo"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::VmId;

    const SYNC: Request = Request::Admin(AdminRequest::Sync);
    const STATUS: Request = Request::Read(ReadRequest::Status);

    #[test]
    fn the_user_id_alone_decides() {
        for (peer, scratch_owner, viewer) in [
            (0, None, Viewer::Admin),
            (0, Some(Uid(501)), Viewer::Admin),
            (501, Some(Uid(501)), Viewer::Admin),
            (502, Some(Uid(501)), Viewer::User(Uid(502))),
            (501, None, Viewer::User(Uid(501))),
            (u32::MAX, None, Viewer::User(Uid(u32::MAX))),
        ] {
            assert_eq!(Viewer::of(Uid(peer), scratch_owner), viewer, "{peer} {scratch_owner:?}");
            assert_eq!(admit(SYNC, viewer).is_ok(), viewer == Viewer::Admin);
            assert_eq!(admit(STATUS, viewer), Ok(Admitted::Read(ReadRequest::Status, viewer)));
        }
    }

    #[test]
    fn a_user_orders_for_themselves_and_root_for_others() {
        let order = |user: Option<&str>| {
            Request::Own(OwnRequest::InstallImage { image: None, user: user.map(str::to_owned) })
        };
        for (user, viewer, admitted) in [
            (None, Viewer::User(Uid(501)), true),
            (Some("bob"), Viewer::User(Uid(501)), false),
            (Some("bob"), Viewer::Admin, true),
            (None, Viewer::Admin, true),
            (None, Viewer::Public, false),
        ] {
            assert_eq!(admit(order(user), viewer).is_ok(), admitted, "{user:?} {viewer:?}");
        }
    }

    #[test]
    fn a_user_sees_the_mac_and_what_is_theirs() {
        let vm = Subject::Vm(VmId::random());
        let (mine, theirs) = (Uid(501), Uid(502));
        let user = Viewer::User(mine);
        for (viewer, subject, owners, sees) in [
            (Viewer::Admin, vm, &[theirs][..], true),
            (Viewer::Admin, vm, &[], true),
            (user, vm, &[theirs, mine], true),
            (user, vm, &[theirs], false),
            (user, vm, &[], false),
            (user, Subject::User(mine), &[], true),
            (user, Subject::User(theirs), &[], false),
            (user, Subject::App, &[], true),
            (Viewer::Public, Subject::App, &[], true),
            (Viewer::Public, vm, &[mine], false),
            (Viewer::Public, Subject::User(mine), &[], false),
        ] {
            assert_eq!(viewer.sees(subject, owners), sees, "{viewer:?} {subject:?} {owners:?}");
        }
    }
}
