//! The questions about the Mac as a whole, each with its fallback: tools are asked, output is read.

use std::io;

use super::defaults::Preferences;
use super::host::{self, HostFacts};
use super::outcome::Answer;
use super::runner::{RunError, Runner};
use super::server_info::{self, ServerInfo};
use super::users::LocalUser;
use super::{ParseError, defaults, invocation, license};
use crate::domain::host::Host;
use crate::domain::license::LicenseFacts;
use crate::domain::version::ParallelsVersion;
use crate::file::{self, Links};

/// No property list of a program or of macOS is longer, in bytes.
const LARGEST_LIST: u64 = 1 << 20;

/// No file of licenses is longer, in bytes.
const LICENSES_LIMIT: u64 = 1 << 20;

/// Why the agent does not know its Mac.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// A tool of macOS did not answer.
    #[error("cannot ask what this Mac is")]
    Run(#[from] RunError),
    /// The version of macOS stands in a file that cannot be read.
    #[error("cannot read the version of macOS")]
    Read(#[source] io::Error),
    /// An answer was not understood.
    #[error("cannot understand what this Mac is")]
    Parse(#[from] ParseError),
}

/// What `prlsrvctl info` shows: as JSON, or as text where the JSON cannot be read.
pub async fn server_info(runner: &Runner) -> Answer<ServerInfo> {
    let json = match runner.stdout_of(&invocation::server_info(runner.paths())).await {
        Ok(output) => output,
        Err(error) => return error.into(),
    };
    if let Ok(info) = server_info::parse(&json) {
        return Answer::Known(info);
    }
    match runner.stdout_of(&invocation::server_info_text(runner.paths())).await {
        Ok(output) => server_info::parse_text(&output).map_or_else(Answer::from, Answer::Known),
        Err(error) => error.into(),
    }
}

/// The version of Parallels Desktop: from its property list, or from its tool where that cannot be read.
pub async fn parallels_version(runner: &Runner) -> Answer<ParallelsVersion> {
    let paths = runner.paths();
    match file::read(&paths.parallels_info_plist(), Links::Refused, LARGEST_LIST) {
        Ok(bytes) => {
            if let Ok(version) = host::parallels_version(&bytes) {
                return Answer::Known(version);
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound && !paths.parallels_app().exists() => {
            return Answer::NotInstalled;
        }
        Err(_) => {}
    }
    match runner.stdout_of(&invocation::cli_version(paths)).await {
        Ok(output) => String::from_utf8_lossy(&output).parse().map_or_else(
            |_| Answer::from(ParseError::Missing("version of Parallels Desktop")),
            Answer::Known,
        ),
        Err(error) => error.into(),
    }
}

/// The license: one process and one file. Whatever stands in the way makes it unknown, never "none".
pub async fn license(runner: &Runner) -> LicenseFacts {
    let output = runner.stdout_of(&invocation::license_info(runner.paths())).await;
    let facts = output.ok().and_then(|output| license::parse_info(&output).ok()).unwrap_or_default();
    let file = file::read(&runner.paths().parallels_licenses(), Links::Refused, LICENSES_LIMIT);
    license::with(facts, file.ok().and_then(|bytes| license::parse_licenses_json(&bytes)))
}

/// A user's own preferences of Parallels Desktop.
pub async fn preferences(runner: &Runner, user: &LocalUser) -> Preferences {
    let values = match runner.stdout_of(&invocation::preferences(runner.paths(), user)).await {
        Ok(output) => defaults::parse(&output).map_or_else(Answer::from, Answer::Known),
        Err(error) => error.into(),
    };
    Preferences { user: user.clone(), values }
}

/// What this Mac is.
///
/// # Errors
/// A [`HostError`]; without an answer there is nothing to enroll.
pub async fn host(runner: &Runner) -> Result<Host, HostError> {
    let paths = runner.paths();
    let ioreg = runner.stdout_of(&invocation::platform(paths)).await?;
    let hostname = runner.stdout_of(&invocation::sysctl(paths, "kern.hostname")).await?;
    // On Intel there is no such name, and `sysctl` fails.
    let arm64 = runner.run(&invocation::sysctl(paths, "hw.optional.arm64")).await?;
    let system_version =
        file::read(&paths.system_version(), Links::Refused, LARGEST_LIST).map_err(HostError::Read)?;
    Ok(host::parse(HostFacts {
        ioreg: &ioreg,
        hostname: &hostname,
        arm64: &arm64.stdout,
        system_version: &system_version,
    })?)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::hypervisor::outcome::Output;
    use crate::paths::Paths;

    const TEXT: &[u8] = include_bytes!("../../tests/golden/prlsrvctl_info.pd20.2.txt");
    const JSON: &[u8] = include_bytes!("../../tests/golden/prlsrvctl_info.pd20.2.json");

    fn runner(root: &std::path::Path, mut answer: impl FnMut(&str) -> Output + Send + 'static) -> Runner {
        Runner::answering(Paths::under(root), move |call| {
            answer(&format!("{} {}", call.program.file_name().unwrap().display(), call.argv.join(" ")))
        })
    }

    #[tokio::test]
    async fn text_is_asked_for_only_where_json_fails() {
        let root = tempfile::tempdir().unwrap();
        let first = runner(root.path(), |line| match line {
            "prlsrvctl info --json" => Output::success(JSON),
            other => panic!("{other}"),
        });
        let info = server_info(&first).await.known().unwrap();
        let second = runner(root.path(), |line| match line {
            "prlsrvctl info --json" => Output::success("Unrecognized option"),
            "prlsrvctl info" => Output::success(TEXT),
            other => panic!("{other}"),
        });
        assert_eq!(server_info(&second).await, Answer::Known(info));
        let stopped = runner(root.path(), |_| Output::failure(253, "no service"));
        assert_eq!(server_info(&stopped).await, Answer::ServiceStopped);
        let garbage = runner(root.path(), |_| Output::success("garbage"));
        assert!(matches!(server_info(&garbage).await, Answer::CouldNotAsk(_)));
    }

    #[tokio::test]
    async fn the_license_is_one_process_and_one_file_and_unknown_where_it_cannot_be_asked_for() {
        use crate::domain::license::LicenseState;
        let root = tempfile::tempdir().unwrap();
        let answering = |output: Output| {
            runner(root.path(), move |line| {
                assert_eq!(line, "prlsrvctl info --license --json");
                output.clone()
            })
        };
        let active = || answering(Output::success(r#"{"status": "ACTIVE"}"#));
        assert_eq!(license(&active()).await.state, LicenseState::Active);
        assert_eq!(license(&answering(Output::success("{}"))).await.state, LicenseState::None);
        let bad = "PrlHandle_FromString: Invalid argument. An invalid argument was passed.";
        for unknown in [
            Output::failure(255, bad),
            Output { stderr: bad.into(), ..Output::success("") },
            Output::failure(253, "no service"),
            Output::failure(1, ""),
            Output::success("<html>"),
            Output::success(""),
        ] {
            assert_eq!(license(&answering(unknown)).await, LicenseFacts::default());
        }
        let folder = root.path().join("Library/Preferences/Parallels");
        fs::create_dir_all(&folder).unwrap();
        std::fs::File::create(folder.join("licenses.json"))
            .and_then(|mut file| {
                std::io::Write::write_all(&mut file, br#"{"license": "{\"is_suspended\": 1}"}"#)
            })
            .unwrap();
        assert_eq!(license(&active()).await.state, LicenseState::Suspended);
    }

    #[tokio::test]
    async fn the_version_falls_back_to_the_tool() {
        let root = tempfile::tempdir().unwrap();
        let tool = || runner(root.path(), |_| Output::success("prlctl version 26.4.1 (57516)\n"));
        assert_eq!(parallels_version(&tool()).await, Answer::NotInstalled);
        let contents = root.path().join("Applications/Parallels Desktop.app/Contents");
        fs::create_dir_all(&contents).unwrap();
        let from_tool = ParallelsVersion::new(26, 4, 1).with_build(57_516);
        assert_eq!(parallels_version(&tool()).await, Answer::Known(from_tool.clone()));
        let plist = plist::Dictionary::from_iter([("CFBundleShortVersionString", "20.0.9")]);
        plist::Value::Dictionary(plist).to_file_binary(contents.join("Info.plist")).unwrap();
        let old = ParallelsVersion::new(20, 0, 9);
        assert_eq!(parallels_version(&tool()).await, Answer::Known(old.clone()));
        assert_eq!(
            parallels_version(&tool()).await.reaching(crate::domain::version::POLICY_GATE),
            Answer::TooOld(old)
        );
        let list = contents.join("Info.plist");
        let deep = format!("<plist version=\"1.0\">{}</plist>", "<array>".repeat(200_000));
        fs::remove_file(&list).unwrap();
        crate::state::atomic::write(&list, deep.as_bytes(), 0o644).unwrap();
        assert_eq!(parallels_version(&tool()).await, Answer::Known(from_tool.clone()), "nested without end");
        fs::remove_file(&list).unwrap();
        let mode = rustix::fs::Mode::RUSR;
        rustix::fs::mknodat(rustix::fs::CWD, &list, rustix::fs::FileType::Fifo, mode, 0).unwrap();
        assert_eq!(parallels_version(&tool()).await, Answer::Known(from_tool), "nobody writes to the pipe");
        let broken = runner(root.path(), |_| Output::success("hello"));
        fs::remove_file(&list).unwrap();
        assert!(matches!(parallels_version(&broken).await, Answer::CouldNotAsk(_)));
    }
}
