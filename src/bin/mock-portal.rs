//! The mock portal for people: a thin shell around `meridian::portal`.

use std::error::Error;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use meridian::error::{Chain, Exit};
use meridian::portal::demo::{self, custodian};
use meridian::portal::serve::{self, Serve};

/// A management portal for trying and testing Meridian.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Runs a portal until Ctrl-C.
    Serve {
        /// Where it listens.
        #[arg(long, default_value = "127.0.0.1:8443")]
        listen: SocketAddr,
        /// The origin that devices use, if it is not the address it listens on.
        #[arg(long)]
        origin: Vec<String>,
        /// The SQLite file; without it everything is lost at the end.
        #[arg(long)]
        database: Option<PathBuf>,
        /// The organization's name, at the first start.
        #[arg(long, default_value = "Example Organization")]
        organization: String,
        /// The certificate, in PEM; without it the portal speaks plain HTTP, which agents accept on loopback alone.
        #[arg(long, requires = "tls_key")]
        tls_cert: Option<PathBuf>,
        /// The certificate's key, in PEM.
        #[arg(long, requires = "tls_cert")]
        tls_key: Option<PathBuf>,
        /// Listens beyond loopback without TLS, all tokens in clear: for a proxy that speaks TLS and alone reaches it.
        #[arg(long, conflicts_with = "tls_cert")]
        plain_http: bool,
    },
    /// Shows a policy travel from a portal to a simulated Mac and its virtual machines travel back, until Ctrl-C.
    Demo(demo::Options),
    /// Holds the agent of a demo, and ends it with the demo.
    #[command(hide = true)]
    DemoCustodian(custodian::Charge),
}

fn main() -> ExitCode {
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    match Arguments::parse().verb {
        Verb::Serve { listen, origin, database, organization, tls_cert, tls_key, plain_http } => {
            let tls = tls_cert.zip(tls_key);
            let order = Serve { listen, origins: origin, database, organization, tls, plain_http };
            let served = serve::run(order, |line| writeln!(std::io::stdout(), "{line}"));
            served.map_or_else(|error| failed(&error, Exit::Failed as u8), |()| Exit::Fine.into())
        }
        Verb::Demo(options) => match demo::run(&options) {
            Ok(()) => Exit::Fine.into(),
            Err(error) if error.is_unread() => error.exit_code().into(),
            Err(error) => failed(&error, error.exit_code()),
        },
        Verb::DemoCustodian(charge) => match custodian::run(&charge) {
            Ok(()) => Exit::Fine.into(),
            Err(error) => failed(&error, Exit::Failed as u8),
        },
    }
}

fn failed(error: &(dyn Error + 'static), code: u8) -> ExitCode {
    // Where nobody listens there is nobody to tell.
    let _ = writeln!(std::io::stderr(), "mock-portal: {}", Chain(error));
    code.into()
}
