//! The connections that are open, and which of them makes room for a new one.
//!
//! In go connections and whose they are; out comes whether one more is taken. Nobody can keep others, or themselves, from an
//! answer by holding connections open: where there are too many, the oldest that waits for nothing but its peer goes.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::task::{AbortHandle, JoinSet};

use super::Viewer;

/// How many connections there may be.
pub const CONNECTIONS: usize = 32;
/// How many of them an administrator may have, so that room for others is left.
pub(super) const OF_AN_ADMINISTRATOR: usize = 16;
/// How many of them anyone else may have.
pub(super) const OF_A_USER: usize = 4;

/// Whether a connection waits for its peer to ask.
#[derive(Debug, Clone)]
pub(super) struct Idle(Arc<AtomicBool>);

impl Idle {
    fn from_the_start() -> Self {
        Self(Arc::new(AtomicBool::new(true)))
    }

    /// It waits from now on, or no longer.
    pub(super) fn set(&self, idle: bool) {
        self.0.store(idle, Ordering::Relaxed);
    }

    fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

struct Open {
    task: AbortHandle,
    viewer: Viewer,
    idle: Idle,
}

/// The connections, the oldest first.
#[derive(Default)]
pub(super) struct Connections {
    tasks: JoinSet<()>,
    open: Vec<Open>,
}

impl Connections {
    /// Whether there is room for one more of this viewer's, if need be by ending one that is idle: one of their own where
    /// they have too many, one of anybody's where all have.
    pub(super) fn make_room_for(&mut self, viewer: Viewer) -> bool {
        let most = if viewer == Viewer::Admin { OF_AN_ADMINISTRATOR } else { OF_A_USER };
        if self.open.iter().filter(|open| open.viewer == viewer).count() >= most {
            return self.end_idle(|open| open.viewer == viewer);
        }
        self.open.len() < CONNECTIONS || self.end_idle(|_| true)
    }

    fn end_idle(&mut self, of: impl Fn(&Open) -> bool) -> bool {
        let Some(oldest) = self.open.iter().position(|open| of(open) && open.idle.get()) else {
            return false;
        };
        self.open.remove(oldest).task.abort();
        true
    }

    /// Takes a connection; `converse` is told how to say that it waits.
    pub(super) fn take<F>(&mut self, viewer: Viewer, converse: impl FnOnce(Idle) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let idle = Idle::from_the_start();
        let task = self.tasks.spawn(converse(idle.clone()));
        self.open.push(Open { task, viewer, idle });
    }

    /// Waits for the end of one and forgets it; without any it waits for ever.
    pub(super) async fn ended(&mut self) {
        if self.tasks.join_next().await.is_none() {
            std::future::pending::<()>().await;
        }
        self.open.retain(|open| !open.task.is_finished());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::Uid;

    const FIRST: Viewer = Viewer::User(Uid(501));
    const SECOND: Viewer = Viewer::User(Uid(502));

    /// So many connections of each, all idle or all busy.
    fn held(viewers: &[(Viewer, usize)], idle: bool) -> Connections {
        let mut connections = Connections::default();
        for (viewer, count) in viewers {
            for _ in 0..*count {
                connections.take(*viewer, |its| {
                    its.set(idle);
                    std::future::pending()
                });
            }
        }
        connections
    }

    #[tokio::test]
    async fn a_user_has_few_busy_connections_an_administrator_more_and_all_of_them_no_more_than_there_are() {
        let users: Vec<_> = (0..8).map(|uid| (Viewer::User(Uid(600 + uid)), OF_A_USER)).collect();
        for (viewers, room) in [
            (vec![(FIRST, OF_A_USER - 1)], [true, true, true]),
            (vec![(FIRST, OF_A_USER)], [false, true, true]),
            (vec![(Viewer::Admin, OF_AN_ADMINISTRATOR - 1)], [true, true, true]),
            (vec![(Viewer::Admin, OF_AN_ADMINISTRATOR)], [true, true, false]),
            (users, [false, false, false]),
        ] {
            let has_room =
                [FIRST, SECOND, Viewer::Admin].map(|viewer| held(&viewers, false).make_room_for(viewer));
            assert_eq!(has_room, room, "{viewers:?}");
        }
    }

    #[tokio::test]
    async fn an_idle_one_makes_room_the_oldest_first_and_ones_own_before_others() {
        let mut connections = held(&[(FIRST, 1), (SECOND, OF_A_USER)], true);
        let oldest = connections.open[1].task.clone();
        assert!(connections.make_room_for(SECOND));
        connections.ended().await;
        assert!(oldest.is_finished());
        let left: Vec<_> = connections.open.iter().map(|open| open.viewer).collect();
        assert_eq!(left, [FIRST, SECOND, SECOND, SECOND]);

        let users: Vec<_> = (0..8).map(|uid| (Viewer::User(Uid(600 + uid)), OF_A_USER)).collect();
        let mut full = held(&users, true);
        for viewer in [Viewer::Admin, FIRST, SECOND] {
            assert!(full.make_room_for(viewer), "{viewer:?}");
            full.take(viewer, |idle| {
                idle.set(false);
                std::future::pending()
            });
            assert_eq!(full.open.len(), CONNECTIONS);
        }
    }
}
