//! The story, step by step. Each step acts, waits until what it is about was observed, and tells what was observed.
//!
//! In go the stage, which is a portal, an agent and the simulated Mac below one root; out come the narrator's lines,
//! or the step that did not come true in its time.

use std::cell::Cell;

use serde_json::{Value, json};

use super::admin::{Admin, AdminError};
use super::agent::Agent;
use super::narrator::{Narrator, spoken};
use super::observed::{restrictions, switched_on, vm_table};
use super::step::{Failure, Step};
use crate::control::view::{HealthState, LayerView, StatusView};
use crate::error::Chain;
use crate::simulator::{self, State};

/// Everything that the story is told of.
pub struct Stage {
    /// The agent.
    pub agent: Agent,
    /// The portal's administrator.
    pub admin: Admin,
    /// The simulated Mac's root.
    pub root: std::path::PathBuf,
    /// Who tells it.
    pub narrator: Narrator,
    /// The name of the step that is under way.
    pub current: Cell<&'static str>,
}

/// What the policy of the story says.
fn settings() -> Value {
    json!({
        "vms.corporate_only": true,
        "restrict.preferences": true,
        "reports.attach_screenshots": false,
        "updates.stay_on_major": false,
    })
}

impl Stage {
    /// Tells the story.
    ///
    /// # Errors
    /// A step did not come true.
    pub async fn tell(&mut self) -> Result<(), Failure> {
        let local = self.local_restrictions_hold().await?;
        let device = self.the_mac_enrolls().await?;
        let group = self.a_policy_is_assigned(&device).await?;
        self.local_restrictions_are_overridden().await?;
        self.a_user_meddles().await?;
        self.virtual_machines_are_seen(&device).await?;
        self.the_policy_goes(&group, &local).await
    }

    async fn local_restrictions_hold(&mut self) -> Result<Vec<String>, Failure> {
        let step = self.begin("Local restrictions are in force");
        let held = step
            .until(async || {
                let status = self.agent.status().await.map_err(|error| Chain(&error).to_string())?;
                if status.health.state == HealthState::Starting {
                    return Err("the agent is starting".to_owned());
                }
                let explain = self.agent.explain().await.map_err(|error| Chain(&error).to_string())?;
                let held = switched_on(&explain, LayerView::Local);
                if held.is_empty() { Err("the agent sees no local restriction".to_owned()) } else { Ok(held) }
            })
            .await?;
        self.tell_step(&step)?;
        for (key, origin) in &held {
            self.tell_fact(key, &format!("on, says the {origin}"))?;
        }
        let names = self.restrictions(&step)?;
        self.tell_fact("the Mac", &format!("asks for a password to {}", names.join(", ")))?;
        Ok(names)
    }

    async fn the_mac_enrolls(&mut self) -> Result<String, Failure> {
        let step = self.begin("The Mac is enrolled");
        let device = step
            .until(async || {
                let devices = self.admin.list("/devices").await.map_err(|error| Chain(&error).to_string())?;
                let seen = |device: &&Value| device["last_reason"].is_string();
                devices.into_iter().find(|device| seen(&device)).ok_or("the portal sees no device".to_owned())
            })
            .await?;
        let status = self.agent.status().await.map_err(|error| step.failed(&error))?;
        self.tell_step(&step)?;
        let claims = &device["claims"];
        let text = |value: &Value| value.as_str().unwrap_or("?").to_owned();
        let hardware = &claims["hardware"];
        let mac = format!(
            "{}, {}, {}",
            text(&claims["hostname"]),
            text(&hardware["model"]),
            text(&hardware["serial"])
        );
        self.tell_fact("portal sees", &mac)?;
        let own = status.portal.device.map_or_else(|| "none".to_owned(), |id| id.to_string());
        self.tell_fact("device id", &own)?;
        Ok(text(&device["id"]))
    }

    async fn a_policy_is_assigned(&mut self, device: &str) -> Result<String, Failure> {
        let step = self.begin("A group and its policy are assigned in the portal");
        let assigned: Result<_, AdminError> = async {
            let policy = self.admin.create_policy("Sales Macs", &settings()).await?;
            let group = self.admin.create_group("Sales").await?;
            self.admin.assign(&group, Some(&policy)).await?;
            self.admin.move_device(device, Some(&group)).await?;
            let policy = self.admin.ask(reqwest::Method::GET, &format!("/policies/{policy}"), None).await?;
            Ok((group, policy))
        }
        .await;
        let (group, policy) = assigned.map_err(|error| step.failed(&error))?;
        self.tell_step(&step)?;
        let name = policy["name"].as_str().unwrap_or("?");
        self.tell_fact("policy", &format!("{name}, revision {}", policy["revision"]))?;
        for (key, value) in policy["settings"].as_object().into_iter().flatten() {
            self.tell_fact("", &format!("{key} = {value}"))?;
        }
        Ok(group)
    }

    async fn local_restrictions_are_overridden(&mut self) -> Result<(), Failure> {
        let step = self.begin("The policy is enforced, and local restrictions are overridden");
        let expected = ["create-vm", "add-vm", "clone-vm"];
        let (status, names) = step
            .until(async || {
                let names = State::load(&self.root).map(|state| restrictions(&state)).unwrap_or_default();
                if names != expected {
                    return Err(format!("the Mac asks for a password to {}", names.join(", ")));
                }
                let status = self.agent.status().await.map_err(|error| Chain(&error).to_string())?;
                settled(&status, true).map(|()| (status, names))
            })
            .await?;
        self.tell_step(&step)?;
        self.tell_fact("the Mac", &format!("asks for a password to {}", names.join(", ")))?;
        let kept = &status.enforcement;
        let counts = format!("{} managed: {} of {} kept", kept.managed, kept.tally.compliant, kept.enforced);
        self.tell_fact("settings", &counts)?;
        self.show(&step, &["explain"]).await
    }

    async fn a_user_meddles(&mut self) -> Result<(), Failure> {
        let step = self.begin("A user switches a restriction off behind the agent's back");
        let before = self.agent.status().await.map_err(|error| step.failed(&error))?.enforcement.corrections;
        let off = simulator::edit(&self.root, |state| {
            state.service.require_password.create_vm = false;
            restrictions(state)
        });
        let off = off.map_err(|error| step.failed(&error))?;
        let repair = self.begin("It is put right");
        self.tell_step(&step)?;
        self.tell_fact("the Mac", &format!("asks for a password to {}", off.join(", ")))?;
        let names = repair
            .until(async || {
                let state = State::load(&self.root).map_err(|error| Chain(&error).to_string())?;
                let on = state.service.require_password.create_vm;
                if on { Ok(restrictions(&state)) } else { Err("create-vm is still off".to_owned()) }
            })
            .await?;
        let took = repair.begun.elapsed();
        let status = repair
            .until(async || {
                let status = self.agent.status().await.map_err(|error| Chain(&error).to_string())?;
                settled(&status, true)?;
                let counted = status.enforcement.corrections > before;
                if counted { Ok(status) } else { Err("the agent has not counted it".to_owned()) }
            })
            .await?;
        self.narrator.step(repair.name, took)?;
        self.tell_fact("the Mac", &format!("asks for a password to {}", names.join(", ")))?;
        self.tell_fact("took", &format!("{} from the user's change to the Mac's state", spoken(took)))?;
        self.tell_fact("corrections", &status.enforcement.corrections.to_string())
    }

    async fn virtual_machines_are_seen(&mut self, device: &str) -> Result<(), Failure> {
        let step = self.begin("The virtual machines are in the portal's monitoring tab");
        let vms = step
            .until(async || {
                let vms = self.admin.list("/vms").await.map_err(|error| Chain(&error).to_string())?;
                let local = self.agent.vms().await.map_err(|error| Chain(&error).to_string())?.vms.len();
                let complete = !vms.is_empty() && vms.len() == local;
                if complete { Ok(vms) } else { Err(format!("the portal shows {} of {local}", vms.len())) }
            })
            .await?;
        self.tell_step(&step)?;
        let mac = self.admin.ask(reqwest::Method::GET, &format!("/devices/{device}"), None).await;
        let mac = mac.map_err(|error| step.failed(&error))?;
        let table = vm_table(&vms, mac["claims"]["hostname"].as_str().unwrap_or("?"));
        Ok(self.narrator.table(&table)?)
    }

    async fn the_policy_goes(&mut self, group: &str, local: &[String]) -> Result<(), Failure> {
        let step = self.begin("The policy is unassigned in the portal");
        let assigned = self.admin.assign(group, None).await.map_err(|error| step.failed(&error))?;
        self.tell_step(&step)?;
        let name = assigned["name"].as_str().unwrap_or("?");
        let policy = assigned["policy"].as_str().unwrap_or("none");
        self.tell_fact("group", name)?;
        self.tell_fact("policy", policy)?;
        let back = self.begin("The local restrictions are back");
        // At most one wake a minute is followed, so the agent is asked for a check-in as a person would.
        let sync =
            self.agent.command(&["sync", "--json"]).output().await.map_err(|error| back.failed(&error))?;
        if !sync.status.success() {
            return Err(back.fails(String::from_utf8_lossy(&sync.stderr).trim().to_owned()));
        }
        let names = back
            .until(async || {
                let names = State::load(&self.root).map(|state| restrictions(&state)).unwrap_or_default();
                if names != local {
                    return Err(format!("the Mac asks for a password to {}", names.join(", ")));
                }
                let status = self.agent.status().await.map_err(|error| Chain(&error).to_string())?;
                settled(&status, false).map(|()| names)
            })
            .await?;
        self.tell_step(&back)?;
        self.tell_fact("the Mac", &format!("asks for a password to {}", names.join(", ")))
    }

    /// Lets the agent's own command line draw.
    ///
    /// # Errors
    /// It failed.
    pub async fn show_status(&self) -> Result<(), Failure> {
        self.show(&self.begin("The status screen"), &["status"]).await
    }

    async fn show(&self, step: &Step, arguments: &[&str]) -> Result<(), Failure> {
        self.narrator.pause()?;
        let status = self.agent.show(arguments).await.map_err(|error| step.failed(&error))?;
        if status.success() {
            Ok(())
        } else {
            Err(step.fails(format!("meridian {} ended with {status}", arguments.join(" "))))
        }
    }

    fn begin(&self, name: &'static str) -> Step {
        self.current.set(name);
        Step::begin(name)
    }

    fn restrictions(&self, step: &Step) -> Result<Vec<String>, Failure> {
        State::load(&self.root).map(|state| restrictions(&state)).map_err(|error| step.failed(&error))
    }

    fn tell_step(&mut self, step: &Step) -> Result<(), Failure> {
        Ok(self.narrator.step(step.name, step.begun.elapsed())?)
    }

    fn tell_fact(&self, label: &str, fact: &str) -> Result<(), Failure> {
        Ok(self.narrator.fact(label, fact)?)
    }
}

/// Whether the agent is done with what it is assigned, a policy or none, and has seen that it is so.
fn settled(status: &StatusView, policy: bool) -> Result<(), String> {
    let assignment = status.assignment.as_ref().ok_or("nothing is assigned")?;
    let kept = &status.enforcement;
    if assignment.policy.is_some() != policy {
        Err(format!("the agent {} a policy", if policy { "has not heard of" } else { "still has" }))
    } else if !kept.settled {
        Err(format!("{} of {} settings are kept", kept.tally.compliant, kept.enforced))
    } else {
        Ok(())
    }
}
