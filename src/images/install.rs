//! From a verified file to a virtual machine in a user's list: one journaled action.
//!
//! In go the book, the user and the file; out comes the next stage of the book, or a [`Trouble`]. Each step is looked for
//! before it is made, so that the action goes on after a crash at any point. While `restrict.add_vm` is lifted nobody else
//! changes anything, the observer does not look, and the book says so: whatever ends in between, the restriction is back
//! on before anything else is done. A virtual machine that somebody else added meanwhile is kept in mind as a violation.
//!
//! Lifting, registering and putting back are one row under the lock of changes; unpacking comes after it, with the
//! restriction back on and the lock free. Unpacking takes minutes to hours: that long anybody could add a machine without
//! being asked, and no drift would be put right and no license given back. That `prlctl unpack` asks for no password where
//! adding does is inferred, since it adds nothing to a list; where it should ask, the tool's refusal is a named problem.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use url::Url;

use super::added::{answered, is_there};
use super::book::{Attempt, Book, Install, Stage, Unseen};
use super::keeper::Keeper;
use super::place::{self, Draft, Kind, Order, Refused, Said, calls};
use super::space::{Free, Need, missing};
use super::trouble::{Again, Trouble, has_answered, heavy, unanswered};
use crate::clock::Clock;
use crate::domain::ids::{Uid, VmId};
use crate::error::Chain;
use crate::hypervisor::outcome::{Answer, Output};
use crate::hypervisor::runner::{Alone, Changed, RunError, Runner};
use crate::hypervisor::users::{LocalUser, parse_vm_home};
use crate::hypervisor::{images, inquiry, invocation, vm_list};
use crate::inventory::{Collector, Snapshot};
use crate::paths::Paths;
use crate::state::{StateError, Store};
use crate::wire::codes::ProblemCode;

const MIB: u64 = 1 << 20;

/// How often a restriction is put back before another pass tries again.
const TRIES: u32 = 3;

/// Puts back a restriction that is lifted by what is stored: for when the imager is not there to do it.
///
/// # Errors
/// [`Trouble`] when it could not be put back, or the book cannot be read.
pub async fn put_back(runner: Arc<Runner>, store: Arc<Store>, clock: Arc<dyn Clock>) -> Result<(), Trouble> {
    let (keeper, _) = Keeper::open(store)?;
    if !keeper.book().lifted {
        return Ok(());
    }
    let program = runner.paths().executable();
    Installer::new(runner, program, clock, keeper).put_back().await
}

/// Makes the steps.
pub struct Installer {
    /// The tools.
    runner: Arc<Runner>,
    /// The agent's own executable.
    program: PathBuf,
    clock: Arc<dyn Clock>,
    keeper: Keeper,
    collector: Collector,
}

impl Installer {
    /// An installer that goes on where the book is.
    #[must_use]
    pub fn new(runner: Arc<Runner>, program: PathBuf, clock: Arc<dyn Clock>, keeper: Keeper) -> Self {
        Self { runner, program, clock, keeper, collector: Collector::default() }
    }

    /// The book.
    #[must_use]
    pub fn book(&self) -> Arc<Book> {
        self.keeper.book()
    }

    /// Where the book is kept.
    #[must_use]
    pub const fn keeper(&self) -> &Keeper {
        &self.keeper
    }

    /// Changes the book.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub fn change<T>(&self, change: impl FnOnce(&mut Book) -> T) -> Result<T, StateError> {
        self.keeper.change(change)
    }

    /// Makes the next step of a user's installation, whose file lies verified at `image`; whether a policy is assigned is
    /// remembered where its restriction is lifted. Out comes whether more follow.
    ///
    /// # Errors
    /// [`Trouble`]; the step is then to be made again, or the installation has failed.
    pub async fn step(
        &mut self,
        user: &LocalUser,
        image: &Path,
        under_policy: bool,
    ) -> Result<bool, Trouble> {
        let Some(install) = self.book().installs.get(&user.uid).cloned() else { return Ok(false) };
        match install.stage.clone() {
            Stage::Ordered | Stage::Fetching | Stage::Placing => self.place(user, &install, image).await?,
            Stage::Placed { draft, bundle } => {
                let draft = Draft { draft: draft.into(), bundle: bundle.into() };
                self.settle(user, draft).await?;
            }
            Stage::Registering { bundle, attempt } => {
                self.register(user, (bundle, attempt), under_policy).await?;
            }
            Stage::Unpacking { vm, packed } => self.unpack(user, &install, (vm, packed)).await?,
            Stage::Done { .. } | Stage::Failed { .. } => return Ok(false),
        }
        Ok(self.book().is_busy(user.uid))
    }

    /// Takes a trouble into the book.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub fn note(&self, user: Uid, trouble: Trouble) -> Result<(), StateError> {
        let now = self.clock.now();
        let Trouble { code, why, again } = trouble;
        self.keeper.change(|book| {
            let goes_on = match again {
                Again::Always => true,
                Again::Times(most) => book.refuse(user) <= most,
                Again::Never => false,
            };
            if goes_on {
                book.wait(user, code, why, now);
            } else {
                book.fail(user, code, why, now);
            }
        })
    }

    /// Takes away what an installation that failed while it was copied left in the user's folder, under a name that only the
    /// agent uses. A bundle that has its final name stays: it is the user's, who may have opened it.
    ///
    /// # Errors
    /// [`Trouble`]; the next image of that name takes it away.
    pub async fn discard(&self, user: &LocalUser, install: &Install) -> Result<(), Trouble> {
        if !matches!(install.stage, Stage::Placing | Stage::Placed { .. }) {
            return Ok(());
        }
        let draft = place::draft(&self.into(user).await?, &place::file_name(&install.of.name));
        heard(self.runner.run(&calls::discard(&self.program, &draft, user)).await?)?;
        Ok(())
    }

    async fn place(&mut self, user: &LocalUser, install: &Install, image: &Path) -> Result<(), Trouble> {
        self.keeper.change(|book| book.advance(user.uid, Stage::Placing))?;
        let order = self.order(user, install, image).await?;
        let call = calls::place(&self.program, image, &order, user);
        let output = self.runner.run(&call).await.map_err(heavy)?;
        let Said::Placed(draft) = heard(output)? else {
            return Err(Trouble::passing(ProblemCode::ImageInstallFailed, "it was asked for something else"));
        };
        let text = |path: &Path| path.to_string_lossy().into_owned();
        let stage = Stage::Placed { draft: text(&draft.draft), bundle: text(&draft.bundle) };
        Ok(self.keeper.change(|book| book.advance(user.uid, stage))?)
    }

    /// Whether there is space for the image, packed and unpacked, of which `present` bytes are here.
    ///
    /// # Errors
    /// [`Trouble`] with what is missing. What cannot be found out stands in nobody's way: the child looks again.
    pub async fn has_space(&self, user: &LocalUser, install: &Install, present: u64) -> Result<(), Trouble> {
        let downloads = self.runner.paths().images();
        let into = self.into(user).await?;
        let machines = into.ancestors().find(|folder| folder.is_dir()).unwrap_or(&into);
        let (Ok(free), Ok(free_there)) = (place::free(&downloads), place::free(machines)) else {
            return Ok(());
        };
        let device = |path: &Path| path.metadata().ok().map(|found| found.dev());
        let free =
            Free { downloads: free, machines: free_there, shared: device(&downloads) == device(machines) };
        let of = &install.of;
        // What a copy that was interrupted takes is free once the child has taken it away.
        let copying = install.stage == Stage::Placing;
        let machine = if copying { 0 } else { of.size.saturating_add(of.unpacked_size) };
        let need = Need { download: of.size.saturating_sub(present), machine };
        match missing(need, free) {
            None => Ok(()),
            Some(bytes) => Err(Trouble::passing(
                ProblemCode::ImageNoSpace,
                format!("{} MiB more are needed", bytes / MIB + 1),
            )),
        }
    }

    /// Where the user's virtual machines go.
    async fn into(&self, user: &LocalUser) -> Result<PathBuf, Trouble> {
        let listed = self.runner.stdout_of(&invocation::user_list(self.runner.paths())).await?;
        let into = parse_vm_home(&listed, &user.name).ok().flatten().ok_or_else(|| {
            Trouble::passing(
                ProblemCode::ImageInstallFailed,
                "Parallels' service names no folder for this user's virtual machines",
            )
        })?;
        if is_within(self.runner.paths(), &into) {
            return Ok(into);
        }
        let why = "the user's folder for virtual machines is outside of the one that stands for the Mac";
        Err(Trouble::lasting(ProblemCode::ImageInstallFailed, why))
    }

    async fn order(&self, user: &LocalUser, install: &Install, image: &Path) -> Result<Order, Trouble> {
        let into = self.into(user).await?;
        let mut first = [0; 4];
        // A file that is shorter is no archive.
        let _ = File::open(image).and_then(|mut file| file.read_exact(&mut first));
        let kind = Url::parse(&install.of.url).map_or(Kind::Pvmp, |url| Kind::of(&url, &first));
        let (size, unpacked_size) = (install.of.size, install.of.unpacked_size);
        Ok(Order { into, name: place::file_name(&install.of.name), kind, size, unpacked_size })
    }

    async fn settle(&mut self, user: &LocalUser, draft: Draft) -> Result<(), Trouble> {
        // What lies under the bundle's name from now on is the image's, also where its user opens it first; what the list has
        // under that name already lost its bundle before.
        let there = self.listed().await?;
        has_answered(&there, user)?;
        heard(self.runner.run(&calls::settle(&self.program, &draft, user)).await?)?;
        let bundle = draft.bundle.to_string_lossy().into_owned();
        let stage = Stage::Registering { bundle, attempt: Some(Attempt::at(&there)) };
        Ok(self.keeper.change(|book| book.advance(user.uid, stage))?)
    }

    /// Adds the bundle to the user's list, with the restriction lifted for as long as that takes.
    async fn register(
        &mut self,
        user: &LocalUser,
        (bundle, attempt): (String, Option<Attempt>),
        under_policy: bool,
    ) -> Result<(), Trouble> {
        let runner = Arc::clone(&self.runner);
        let _unseen = runner.begin_changes(Changed::Service);
        let alone = runner.alone().await;
        let there = self.listed().await?;
        self.look_back(&there)?;
        has_answered(&there, user)?;
        let attempt = attempt.unwrap_or_else(|| Attempt::at(&there));
        let mut added = Ok(());
        if is_there(&there, &attempt.before, user.uid, &bundle).is_none() {
            // What an earlier try found says nothing about now: a restriction that is off by now stays off.
            let lifts = self.is_restricted().await?;
            let stage = Stage::Registering { bundle: bundle.clone(), attempt: Some(attempt.clone()) };
            let unseen = Unseen { since: self.clock.now(), before: Attempt::at(&there).before };
            self.keeper.change(|book| {
                book.advance(user.uid, stage);
                if lifts {
                    (book.lifted, book.lifted_under_policy) = (true, under_policy);
                    for uid in answered(&there) {
                        book.unseen.entry(uid).or_insert_with(|| unseen.clone());
                    }
                }
            })?;
            added = self.add(&alone, user, (&bundle, lifts)).await;
            self.put_back_alone(&alone).await?;
        }
        drop(alone);
        self.take_in(user, bundle, (attempt, added)).await
    }

    /// Looks what came of an attempt, whether or not the tool was content with it.
    async fn take_in(
        &mut self,
        user: &LocalUser,
        bundle: String,
        (attempt, added): (Attempt, Result<(), Trouble>),
    ) -> Result<(), Trouble> {
        let there = self.listed().await?;
        self.look_back(&there)?;
        has_answered(&there, user)?;
        let vm = is_there(&there, &attempt.before, user.uid, &bundle);
        let (now, packed) = (self.clock.now(), bundle.ends_with(".pvmp"));
        let missing = || {
            let why = "Parallels Desktop says that it added the virtual machine, and does not list it";
            Trouble::passing(ProblemCode::ImageInstallFailed, why)
        };
        match vm {
            Some(vm) => Ok(self.keeper.change(|book| book.registered(user.uid, vm, packed, now))?),
            None => Err(added.err().unwrap_or_else(missing)),
        }
    }

    /// Takes note of what was added while a restriction was lifted, of everyone whose list was read for this; by the next
    /// list more may have been added that nobody had to ask for.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub fn look_back(&self, there: &Snapshot) -> Result<(), StateError> {
        let now = self.clock.now();
        self.keeper.change(|book| book.look_back(there, now))
    }

    async fn add(
        &self,
        alone: &Alone<'_>,
        user: &LocalUser,
        (bundle, lifts): (&str, bool),
    ) -> Result<(), Trouble> {
        let paths = self.runner.paths();
        if lifts {
            alone.stdout_of(&images::require_add_vm(paths, false)).await?;
        }
        alone.stdout_of(&images::register(paths, bundle, user)).await.map_err(heavy)?;
        Ok(())
    }

    /// Puts the restriction back, where the book says that it is lifted.
    ///
    /// # Errors
    /// [`Trouble`] when it could not be put back; that is to be tried again.
    pub async fn put_back(&mut self) -> Result<(), Trouble> {
        let runner = Arc::clone(&self.runner);
        let alone = runner.alone().await;
        self.put_back_alone(&alone).await
    }

    async fn put_back_alone(&mut self, alone: &Alone<'_>) -> Result<(), Trouble> {
        let mut last = None;
        for _ in 0..TRIES {
            if !self.book().lifted {
                return Ok(());
            }
            match alone.stdout_of(&images::require_add_vm(self.runner.paths(), true)).await {
                Ok(_) => return Ok(self.keeper.change(|book| book.lifted = false)?),
                Err(error) => last = Some(Chain(&error).to_string()),
            }
        }
        Err(Trouble::passing(ProblemCode::RestrictionNotRestored, last.unwrap_or_default()))
    }

    async fn is_restricted(&self) -> Result<bool, Trouble> {
        match inquiry::server_info(&self.runner).await {
            Answer::Known(info) => {
                Ok(info.require_password.is_some_and(|actions| actions.contains("add-vm")))
            }
            other => Err(unanswered(other.map(|_| ()))),
        }
    }

    /// The virtual machines of all who can be asked. The users are asked for as well, since they come and go between
    /// installations.
    async fn listed(&mut self) -> Result<Snapshot, Trouble> {
        self.collector.forget_users();
        match self.collector.collect(&self.runner).await {
            Answer::Known(snapshot) => Ok(snapshot),
            other => Err(unanswered(other.map(|_| ()))),
        }
    }

    async fn unpack(
        &mut self,
        user: &LocalUser,
        install: &Install,
        (vm, packed): (VmId, bool),
    ) -> Result<(), Trouble> {
        let paths = self.runner.paths();
        if packed && self.is_packed(user, vm).await? {
            let unpack = images::unpack(paths, vm, install.of.unpacked_size, user);
            self.runner.stdout_of(&unpack).await.map_err(heavy)?;
        }
        let at: Timestamp = self.clock.now();
        Ok(self.keeper.change(|book| book.advance(user.uid, Stage::Done { vm, at }))?)
    }

    /// Whether a virtual machine is still packed; one that does not say so is taken for packed.
    async fn is_packed(&self, user: &LocalUser, vm: VmId) -> Result<bool, Trouble> {
        let output = self.runner.stdout_of(&invocation::vm_details(self.runner.paths(), user, vm)).await?;
        let found = vm_list::parse(&output).ok();
        let found = found.and_then(|list| list.vms.into_iter().find(|each| each.id == vm));
        Ok(found.is_none_or(|vm| vm.protection.packed != Some(false)))
    }
}

/// Whether a folder is the Mac's whose layout this is: an agent below a scratch root leaves the rest of the system alone.
fn is_within(paths: &Paths, folder: &Path) -> bool {
    let goes_up = folder.components().any(|part| part == Component::ParentDir);
    let true_root = paths.root().canonicalize();
    let within = |root: &Path| folder.starts_with(root);
    paths.is_system() || (!goes_up && (within(paths.root()) || true_root.is_ok_and(|root| within(&root))))
}

/// What the child that works in the user's folder says.
fn heard(output: Output) -> Result<Said, Trouble> {
    let text = output.into_stdout().map_err(RunError::Refused)?;
    let said = serde_json::from_slice(&text).map_err(|_| {
        Trouble::passing(ProblemCode::ImageInstallFailed, "what became of the image is not to be understood")
    })?;
    let Said::Refused { kind, why } = said else { return Ok(said) };
    // Its words may hold a path of the user's.
    let why = without_paths(&why);
    Err(match kind {
        Refused::Privacy => Trouble::passing(ProblemCode::ImagePrivacyRefused, why),
        Refused::Space => Trouble::passing(ProblemCode::ImageNoSpace, why),
        Refused::Image => Trouble::lasting(ProblemCode::ImageInstallFailed, why),
        Refused::Other => Trouble::passing(ProblemCode::ImageInstallFailed, why),
    })
}

fn without_paths(words: &str) -> String {
    words.split_once("/Users/").map_or(words.to_owned(), |(before, _)| format!("{before}/Users/…"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn below_a_scratch_root_nothing_outside_of_it_is_a_users_folder() {
        for (root, folder, expected) in [
            ("/", "/Users/ada/Parallels", true),
            ("/", "/Volumes/VMs", true),
            ("/tmp/mac", "/tmp/mac/Users/ada/Parallels", true),
            ("/tmp/mac", "/Users/ada/Parallels", false),
            ("/tmp/mac", "/tmp/mac2/Users/ada", false),
            ("/tmp/mac", "/tmp/mac/Users/../../../Users/ada", false),
        ] {
            assert_eq!(is_within(&Paths::under(root), Path::new(folder)), expected, "{root} {folder}");
        }
    }
}
