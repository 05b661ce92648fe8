//! The command line's grammar. A usage error ends with exit code 2.

use std::io;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use super::config::ConfigVerb;
use super::field;
use super::profile::ProfileVerb;

/// Which value of every setting of Parallels Desktop holds on this Mac, and why.
#[derive(Debug, Parser)]
#[command(
    name = "meridian",
    disable_version_flag = true,
    disable_help_subcommand = true,
    max_term_width = 100
)]
#[command(
    after_help = "Exit codes: 0 fine, 1 failed, 2 usage, 3 degraded (status --check), 4 must be root, 5 daemon \
                        unreachable,\n6 portal not told yet (deactivate-license --require-ack).\nIn scripts use the \
                        absolute path: /opt/meridian/bin/meridian"
)]
pub(super) struct Arguments {
    /// Use the Mac layout below this folder instead of the Mac's own. The long form, since the short help has none and manual
    /// pages show what is there.
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        default_value = "/",
        help = "Use the Mac layout below this folder instead of the Mac's own",
        long_help = "Use the Mac layout below this folder instead of the Mac's own",
        hide_short_help = true,
        value_parser = root
    )]
    pub root: PathBuf,
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Show how the agent is: health, portal, policy, check-ins, settings, virtual machines
    Status(StatusArguments),
    /// Show which value of each setting holds, who says so, and what it overrides
    Explain(ExplainArguments),
    /// Show what would be changed on this Mac now, and why
    Plan(Format),
    /// List the virtual machines that you may see
    Vms(Format),
    /// Show which golden images are offered, to whom, why not, and what is being installed
    Images(Format),
    /// Install a golden image as a virtual machine of yours, and wait for it
    InstallImage(InstallArguments),
    /// Show which update of Parallels Desktop is allowed, which is held back, and why
    Updates(UpdatesArguments),
    /// Show how the license of Parallels Desktop stands, and what happens next
    License(Format),
    /// Give the license of Parallels Desktop back, and free its seat (root only)
    DeactivateLicense(DeactivateArguments),
    /// Check in with the portal now and wait for the result (root only)
    Sync(SyncArguments),
    /// Put back what stood before the policy and tell the portal, before the agent is removed (root only)
    Leave(LeaveArguments),
    /// Show the version
    Version(Format),
    /// Look at each link from MDM to Parallels Desktop for what is broken, and say what to do
    Doctor(Format),
    /// Write one archive for support, without secrets, and print its path (root only)
    Diagnose(DiagnoseArguments),
    /// Put an image into a user's folder, as that user; the daemon does this
    #[command(hide = true)]
    PlaceImage(PlaceArguments),
    /// Give a placed image its name, as its user; the daemon does this
    #[command(hide = true)]
    SettleImage(SettleArguments),
    /// Make the profile that MDM delivers to the Macs
    #[command(subcommand)]
    Profile(ProfileVerb),
    /// Judge the keys of a profile or a property list before MDM delivers it
    #[command(subcommand)]
    Config(ConfigVerb),
    /// Run the agent in the foreground; launchd does this
    #[command(hide = true)]
    Daemon,
}

/// For people or for programs.
#[derive(Debug, Clone, Copy, Args)]
pub(super) struct Format {
    /// Print JSON ("schema": 1) instead of a screen
    #[arg(long)]
    pub json: bool,
}

/// Of `status`.
#[derive(Debug, Args)]
#[command(
    after_help = "The status comes from the daemon, or within 2 s from the file that it last wrote; then the exit \
                        code is 5.\n`meridian status --help` lists the names of --field."
)]
#[command(after_long_help = field::help())]
pub(super) struct StatusArguments {
    /// For people or for programs.
    #[command(flatten)]
    pub format: Format,
    /// Print the bare value of this field alone, on one line; nothing where there is none
    #[arg(long, value_name = "NAME", conflicts_with = "json", value_parser = field::parse)]
    pub field: Option<field::Field>,
    /// End with exit code 3 unless all is well
    #[arg(long)]
    pub check: bool,
}

/// Of `explain`.
#[derive(Debug, Args)]
pub(super) struct ExplainArguments {
    /// One setting in full, such as restrict.create_vm; without it, all that are managed
    pub key: Option<String>,
    /// For people or for programs.
    #[command(flatten)]
    pub format: Format,
}

/// Of `updates`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct UpdatesArguments {
    /// For people or for programs.
    #[command(flatten)]
    pub format: Format,
    /// What else to do.
    #[command(subcommand)]
    pub verb: Option<UpdatesVerb>,
}

/// What else to do about updates.
#[derive(Debug, Subcommand)]
pub(super) enum UpdatesVerb {
    /// Check the parallels_updates.xml of a local update server; exit code 1 for any fault
    CheckFeed(CheckFeedArguments),
}

/// Of `updates check-feed`.
#[derive(Debug, Args)]
pub(super) struct CheckFeedArguments {
    /// The file to check
    pub file: PathBuf,
    /// For people or for programs.
    #[command(flatten)]
    pub format: Format,
}

/// Of `sync`.
#[derive(Debug, Args)]
pub(super) struct SyncArguments {
    /// Wait this long for the check-in to end
    #[arg(long, value_name = "SECONDS", default_value_t = 45, value_parser = clap::value_parser!(u16).range(1..=600))]
    pub timeout: u16,
    /// For people or for programs.
    #[command(flatten)]
    pub format: Format,
}

/// Of `install-image`.
#[derive(Debug, Args)]
#[command(
    after_help = "The daemon fetches, verifies and installs the image, and goes on when nobody waits or after a restart. \
                        `meridian images` lists what is offered.\n\
                        Exit codes: 0 installed; 1 not offered, failed, or not done in time."
)]
pub(super) struct InstallArguments {
    /// The name or the id of one image; without it, the first that is offered
    pub image: Option<String>,
    /// Install it for the user of this short name (root only)
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,
    /// Order it, and do not wait for it
    #[arg(long, conflicts_with = "timeout")]
    pub no_wait: bool,
    /// Wait no longer than this; it goes on nevertheless
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    pub timeout: Option<u32>,
    /// For people or for programs.
    #[command(flatten)]
    pub format: Format,
}

/// Of `place-image`.
#[derive(Debug, Args)]
pub(super) struct PlaceArguments {
    /// The folder
    #[arg(long)]
    pub into: PathBuf,
    /// The bundle's name
    #[arg(long, allow_hyphen_values = true)]
    pub name: String,
    /// How it is packed
    #[arg(long, value_parser = ["pvmp", "zip"])]
    pub kind: String,
    /// Its size in bytes
    #[arg(long)]
    pub size: u64,
    /// Its size in bytes when unpacked
    #[arg(long)]
    pub unpacked_size: u64,
}

/// Of `settle-image`.
#[derive(Debug, Args)]
pub(super) struct SettleArguments {
    /// The name that it has
    pub draft: PathBuf,
    /// The name that it is to get; without one it is taken away
    pub bundle: Option<PathBuf>,
}

/// Of `deactivate-license`.
#[derive(Debug, Args)]
#[command(
    after_help = "It asks nothing and needs no terminal, and works whether or not the daemon runs. The portal is \
                        told at once, or once it can be reached and the daemon runs. The Mac then activates again \
                        with the key in Parallels' profile, or waits for its user to sign in.\n\
                        Exit codes: 0 done, or nothing to do; 1 not done, and the last line says whether the daemon \
                        tries again or nothing could be written down; 2 usage; 4 must be root; 6 with --require-ack: \
                        done, and the portal does not know yet, at once where the daemon does not run."
)]
pub(super) struct DeactivateArguments {
    /// Name this order: run again under the same name, it does nothing
    #[arg(long, value_name = "NAME", value_parser = order_name)]
    pub id: Option<String>,
    /// End with exit code 6 unless the portal knows of it in time
    #[arg(long)]
    pub require_ack: bool,
    /// End after this time at the latest
    #[arg(long, value_name = "SECONDS", default_value_t = 45, value_parser = clap::value_parser!(u16).range(5..=300))]
    pub timeout: u16,
    /// For people or for programs.
    #[command(flatten)]
    pub format: Format,
}

/// Of `leave`.
#[derive(Debug, Args)]
#[command(
    after_help = "The uninstaller runs it, with the daemon stopped. It asks nothing and needs no terminal.\n\
                        Exit codes: 0 done, also when the portal could not be told; 1 the daemon still runs, or not \
                        all values could be put back; 2 usage; 4 must be root."
)]
pub(super) struct LeaveArguments {
    /// Put back the values from before the policy
    #[arg(long)]
    pub restore: bool,
    /// End after this time at the latest
    #[arg(long, value_name = "SECONDS", default_value_t = 45, value_parser = clap::value_parser!(u16).range(5..=300))]
    pub timeout: u16,
    /// For people or for programs.
    #[command(flatten)]
    pub format: Format,
}

/// Of `diagnose`.
#[derive(Debug, Args)]
#[command(
    after_help = "It works with the daemon up or down, and takes a minute at most. The archive (.tar.gz) lies in \
                        /Library/Logs/Meridian, where only root can read it; three of them stay. It holds names of \
                        users, of the Mac and of the portal, and no key, token or password; README.txt in it says \
                        what is what."
)]
pub(super) struct DiagnoseArguments {
    /// Write the archive to standard output instead
    #[arg(long, conflicts_with = "json")]
    pub stdout: bool,
    /// For people or for programs.
    #[command(flatten)]
    pub format: Format,
}

/// Programs are run by their absolute path, and so the root is made one before anything else.
fn root(text: &str) -> io::Result<PathBuf> {
    std::path::absolute(text)
}

fn order_name(text: &str) -> Result<String, &'static str> {
    const EXPECTED: &str = "a name has 1 to 128 characters that can be seen, and no space at its ends";
    if crate::domain::license::is_order_name(text) { Ok(text.to_owned()) } else { Err(EXPECTED) }
}

impl Verb {
    /// For people or for programs.
    #[must_use]
    pub(super) const fn format(&self) -> Format {
        match self {
            Self::Status(StatusArguments { format, .. })
            | Self::Explain(ExplainArguments { format, .. })
            | Self::Sync(SyncArguments { format, .. })
            | Self::DeactivateLicense(DeactivateArguments { format, .. })
            | Self::InstallImage(InstallArguments { format, .. })
            | Self::Images(format)
            | Self::Updates(
                UpdatesArguments {
                    verb: Some(UpdatesVerb::CheckFeed(CheckFeedArguments { format, .. })),
                    ..
                }
                | UpdatesArguments { format, .. },
            )
            | Self::Leave(LeaveArguments { format, .. })
            | Self::Diagnose(DiagnoseArguments { format, .. })
            | Self::License(format)
            | Self::Plan(format)
            | Self::Vms(format)
            | Self::Version(format)
            | Self::Doctor(format) => *format,
            Self::Profile(ProfileVerb::Make(arguments)) => arguments.format(),
            Self::Config(ConfigVerb::Validate(arguments)) => arguments.format,
            Self::Daemon | Self::PlaceImage(_) | Self::SettleImage(_) => Format { json: false },
        }
    }
}
