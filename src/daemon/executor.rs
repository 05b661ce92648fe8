//! What the portal's commands do on this Mac.

use serde_json::{Map, Value};
use tokio::sync::watch;

use super::board::{Board, Commanded, Part};
use super::commands::{Execute, Run};
use super::imaging::Counter;
use super::licensing;
use super::ticker::Ticker;
use crate::wire::command::CommandKind;

/// Carries out the portal's commands.
pub struct Executor {
    /// Those about the license.
    pub license: licensing::Executor,
    /// Where looks are wished for.
    pub board: watch::Sender<Board>,
    /// Where golden images are ordered.
    pub counter: Counter,
    /// The wall clock.
    pub clock: Ticker,
}

impl Execute for Executor {
    async fn run(&mut self, command: Run) -> Result<String, String> {
        match command.kind {
            CommandKind::DeactivateLicense | CommandKind::VerifyLicense => self.license.run(command).await,
            CommandKind::RefreshInventory => self.refresh_inventory().await,
            CommandKind::FetchImage => self.fetch_image(&command.args),
            CommandKind::CollectDiagnostics | CommandKind::Unknown => {
                Err("this version does not know it".to_owned())
            }
        }
    }
}

impl Executor {
    /// Orders a golden image: `image` is its id or its name, `user` a short name; all of them and the first that is offered
    /// to each where the command does not say. How far it comes is reported apart, because it takes long.
    fn fetch_image(&self, args: &Map<String, Value>) -> Result<String, String> {
        let text = |name| args.get(name).and_then(Value::as_str);
        let ordered = self.counter.order_for_portal(text("user"), text("image"), self.clock.now());
        match ordered {
            Ok(users) => Ok(format!("ordered for {}", users.join(", "))),
            Err(declined) => Err(declined.to_string()),
        }
    }

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
