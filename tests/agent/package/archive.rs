//! The archive: what it holds, that it is read by others' tools, and that it is the same each time.

use std::path::Path;

use super::files::write;
use super::stand_ins::{Package, run};

/// Every path of the payload that is not generated, with its mode.
const PAYLOAD: [(&str, &str); 17] = [
    (".", "drwxr-xr-x"),
    ("./Library", "drwxr-xr-x"),
    ("./Library/LaunchDaemons", "drwxr-xr-x"),
    ("./Library/LaunchDaemons/dev.meridian.agent.plist", "-rw-r--r--"),
    ("./opt", "drwxr-xr-x"),
    ("./opt/meridian", "drwxr-xr-x"),
    ("./opt/meridian/bin", "drwxr-xr-x"),
    ("./opt/meridian/bin/meridian", "-rwxr-xr-x"),
    ("./opt/meridian/libexec", "drwxr-xr-x"),
    ("./opt/meridian/libexec/job", "-rwxr-xr-x"),
    ("./opt/meridian/libexec/links", "-rwxr-xr-x"),
    ("./opt/meridian/share", "drwxr-xr-x"),
    ("./opt/meridian/share/LICENSE", "-rw-r--r--"),
    ("./opt/meridian/share/completions", "drwxr-xr-x"),
    ("./opt/meridian/share/man", "drwxr-xr-x"),
    ("./opt/meridian/share/man/man1", "drwxr-xr-x"),
    ("./opt/meridian/uninstall", "-rwxr-xr-x"),
];

#[test]
fn the_payload_is_what_is_listed_and_belongs_to_root() {
    let package = Package::of_this_build();
    let listed = run(
        "bsdtar",
        &[Path::new("--numeric-owner"), Path::new("-tvf"), &package.parts.join("meridian.pkg/Payload")],
    );
    let mut rest = Vec::new();
    for line in listed.lines() {
        let mut cells = line.split_whitespace();
        let (mode, _links, owner, group) =
            (cells.next().unwrap(), cells.next(), cells.next().unwrap(), cells.next().unwrap());
        let path = cells.next_back().unwrap().trim_end_matches('/');
        assert_eq!((owner, group), ("0", "0"), "{line}");
        if !PAYLOAD.contains(&(path, mode)) {
            assert_eq!(mode, "-rw-r--r--", "{line}");
            rest.push(path.strip_prefix("./opt/meridian/share/").unwrap_or_else(|| panic!("{line}")));
        }
    }
    assert_eq!(listed.lines().count() - rest.len(), PAYLOAD.len());
    assert!(rest.contains(&"man/man1/meridian-status.1") && rest.contains(&"completions/_meridian"));
    assert!(rest.iter().all(|path| path.starts_with("man/man1/") || path.starts_with("completions/")));
}

#[test]
fn the_installer_is_told_what_it_has_to_know() {
    let package = Package::of_this_build();
    let text = |name: &str| std::fs::read_to_string(package.parts.join(name)).unwrap();
    let version = format!("version=\"{}\"", env!("CARGO_PKG_VERSION"));
    let info = text("meridian.pkg/PackageInfo");
    // Relocated, the daemon would not be where launchd looks for it.
    for part in ["relocatable=\"false\"", "auth=\"root\"", "identifier=\"dev.meridian.agent\"", &version] {
        assert!(info.contains(part), "{part}: {info}");
    }
    let distribution = text("Distribution");
    for part in ["rootVolumeOnly=\"true\"", "customize=\"never\"", "<os-version min=\"13.0\"/>", &version] {
        assert!(distribution.contains(part), "{part}: {distribution}");
    }
    let scripts = package.parts.join("scripts").read_dir().unwrap();
    let mut scripts: Vec<_> =
        scripts.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    scripts.sort();
    assert_eq!(scripts, ["job", "postinstall", "preinstall", "upgrader"]);
}

#[test]
fn the_product_archive_is_read_by_7_zip() {
    let listed = run("7zz", &[Path::new("l"), Path::new("-ba"), &Package::of_this_build().product]);
    for member in ["Distribution", "meridian.pkg/Bom", "meridian.pkg/Payload", "meridian.pkg/Scripts"] {
        assert!(listed.contains(member), "{member}: {listed}");
    }
}

/// A header of a Mach-O file and some content.
fn program(processor: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0xcf, 0xfa, 0xed, 0xfe, processor, 0, 0, 1, 0, 0, 0, 0];
    bytes.extend_from_slice(content);
    bytes
}

#[test]
fn programs_for_both_processors_become_one_and_the_same_each_time() {
    let scratch = tempfile::tempdir().unwrap();
    let path = |name: &str| scratch.path().join(name);
    let (arm, intel) = (program(0x0c, &[7; 40_000]), program(0x07, b"intel"));
    write(&path("arm"), &arm);
    write(&path("intel"), &intel);
    let said = Package::build(&path("one.pkg"), &[&path("arm"), &path("intel")]);
    assert!(said.contains("NOT FOR SHIPPING") && said.contains("arm64,x86_64"), "{said}");
    Package::build(&path("two.pkg"), &[&path("arm"), &path("intel")]);
    assert!(std::fs::read(path("one.pkg")).unwrap() == std::fs::read(path("two.pkg")).unwrap());

    run("bsdtar", &[Path::new("-xf"), &path("one.pkg"), Path::new("-C"), scratch.path()]);
    let distribution = std::fs::read_to_string(path("Distribution")).unwrap();
    assert!(distribution.contains("hostArchitectures=\"arm64,x86_64\""));
    run("bsdtar", &[Path::new("-xf"), &path("meridian.pkg/Payload"), Path::new("-C"), scratch.path()]);
    let both = std::fs::read(path("opt/meridian/bin/meridian")).unwrap();
    let number = |at: usize| u32::from_be_bytes(both[at..at + 4].try_into().unwrap());
    assert_eq!((number(0), number(4)), (0xcafe_babe, 2));
    for (row, program) in [(8, &arm), (28, &intel)] {
        let (offset, size) = (number(row + 8) as usize, number(row + 12) as usize);
        assert_eq!(number(row).to_le_bytes(), program[4..8], "the processor");
        assert!(offset.is_multiple_of(1 << 14) && both[offset..offset + size] == **program);
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the script is a program")]
fn what_is_no_program_for_one_processor_is_not_packed() {
    let scratch = tempfile::tempdir().unwrap();
    let path = |name: &str| scratch.path().join(name);
    write(&path("both"), &[0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, 2]);
    write(&path("text"), b"#!/bin/sh\n");
    let out = path("out.pkg");
    let build = |words: &[&Path]| {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/build-pkg.sh");
        let output = std::process::Command::new(script).args(words).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
    };
    let (binary, to) = (Path::new("--binary"), Path::new("--out"));
    for (program, why) in [
        (path("both").as_path(), "several processors"),
        (&path("text"), "no program of a Mac"),
        (Path::new("/dev/null"), "is no file"),
        (&path("missing"), "is no file"),
    ] {
        let (code, _, said) = build(&[to, &out, binary, program]);
        assert!(code == 1 && said.contains(why) && !out.exists(), "{code} {said}");
    }
    let (code, _, said) = build(&[binary]);
    assert_eq!((code, said.as_str()), (2, "build-pkg.sh: --binary wants a file\n"));
    let (code, usage, _) = build(&[Path::new("--help")]);
    assert!(code == 0 && usage.starts_with("Usage: packaging/build-pkg.sh"), "{usage}");
    assert_eq!(build(&[Path::new("--what")]).0, 2);
}

/// Every target that rustup names is built, however much it names: a stand-in for it, for cargo and for a Mac's tools.
#[test]
#[expect(clippy::disallowed_methods, reason = "the script is a program")]
fn on_a_mac_each_target_that_is_there_is_built() {
    let scratch = tempfile::tempdir().unwrap();
    let path = |name: &str| scratch.path().join(name);
    let tool = |name: &str, script: &str| {
        use std::os::unix::fs::PermissionsExt;
        let path = path("bin").join(name);
        write(&path, format!("#!/bin/sh\n{script}\n").as_bytes());
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    };
    let built = path("built");
    tool("uname", "echo Darwin");
    tool("rustup", "echo aarch64-apple-darwin; seq 1 100000; echo x86_64-apple-darwin");
    tool("cargo", &format!("echo \"$*\" >>'{}'; case $* in *x86_64*) exit 9 ;; esac", built.display()));
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/build-pkg.sh");
    let search = format!("{}:/usr/bin:/bin", path("bin").display());
    let output = std::process::Command::new(script).env("PATH", search).output().unwrap();
    let built = std::fs::read_to_string(built).unwrap();
    // The last stand-in fails, so that nothing is packed.
    assert_eq!((output.status.code(), built.lines().count()), (Some(9), 2), "{output:?} {built}");
    for target in ["aarch64-apple-darwin", "x86_64-apple-darwin"] {
        assert!(built.contains(&format!("--target {target}")), "{built}");
    }
}
