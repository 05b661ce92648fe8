//! What the portal's commands do on this Mac.

use tokio::sync::watch;

use super::board::{Board, Commanded, Part};
use super::commands::{Execute, Run};
use super::licensing;
use crate::wire::command::CommandKind;

/// Carries out the portal's commands.
pub struct Executor {
    /// Those about the license.
    pub license: licensing::Executor,
    /// Where looks are wished for.
    pub board: watch::Sender<Board>,
}

impl Execute for Executor {
    async fn run(&mut self, command: Run) -> Result<String, String> {
        match command.kind {
            CommandKind::DeactivateLicense | CommandKind::VerifyLicense => self.license.run(command).await,
            CommandKind::RefreshInventory => self.refresh_inventory().await,
            CommandKind::FetchImage | CommandKind::CollectDiagnostics | CommandKind::Unknown => {
                Err("this version does not know it".to_owned())
            }
        }
    }
}

impl Executor {
    /// Has the virtual machines listed, and then reported in full.
    async fn refresh_inventory(&self) -> Result<String, String> {
        self.board.send_modify(Board::look_again);
        let number = self.board.borrow().wanted.requests.vms;
        let mut board = self.board.subscribe();
        let served = board.wait_for(|board| board.observation.served.requests.vms >= number).await;
        served.map_err(|_| "the agent is ending".to_owned())?;
        self.board.send_modify(|board| {
            let full_reports = board.commanded.full_reports + 1;
            board.commanded = Part::new(Commanded { full_reports, ..(*board.commanded).clone() });
        });
        Ok("the virtual machines were listed".to_owned())
    }
}
