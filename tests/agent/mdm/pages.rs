//! The page of each service: its commands are run as they stand there.

use super::*;

const PAGES: [&str; 6] = ["mdm/jamf", "mdm/intune", "mdm/munki", "mdm/kandji", "mdm/fleet", "profiles"];

fn page(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging").join(name).join("README.md");
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"))
}

/// The blocks of commands of a page.
fn blocks(page: &str) -> Vec<String> {
    page.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

/// The files that a page names between backticks, as paths beside it.
fn named(page: &str) -> Vec<&str> {
    let code = page.split('`').skip(1).step_by(2);
    code.filter(|text| text.ends_with(".sh") || text.ends_with(".yml") || text.ends_with(".mobileconfig"))
        .filter(|text| text.contains('/') && !text.contains(' ') && !text.starts_with('/'))
        .collect()
}

#[tokio::test]
async fn every_command_of_the_pages_works() {
    let environment = managed().await;
    let root = environment.root();
    let desk = root.join("desk");
    let (real, tools) = (env!("CARGO_BIN_EXE_meridian"), desk.join("tools"));
    lay(&tools.join("meridian"), &format!("#!/bin/sh\nexec '{real}' --root '{}' \"$@\"\n", root.display()));
    lay(&tools.join("sudo"), "#!/bin/sh\nexec \"$@\"\n");
    let flags = "for word; do case $word in --restore | --purge) ;; *) exit 2 ;; esac; done\n";
    lay(&tools.join("uninstall"), &format!("#!/bin/sh\n{flags}"));
    lay(&desk.join("token.txt"), "mde1_example\n");
    for name in PAGES {
        let page = page(name);
        let blocks = blocks(&page);
        assert!(!blocks.is_empty(), "{name} has no commands");
        for block in blocks {
            let commands = block
                .replace("/opt/meridian/bin/meridian", "meridian")
                .replace("/opt/meridian/uninstall", "uninstall");
            let path = desk.join("commands.sh");
            lay(&path, &format!("set -e\ncd '{}'\nrm -f *.mobileconfig\n{commands}", desk.display()));
            let shell = Path::new("/bin/sh");
            let search = format!("{}:{BARE_PATH}", tools.display());
            let reply = run(root, shell, &[&path.display().to_string()], &search).await;
            assert_eq!(reply.code, 0, "{name}: {block}\n{reply:?}");
        }
    }
}

#[test]
fn every_script_is_on_its_page_and_every_file_of_a_page_is_there() {
    let mut told = Vec::new();
    for name in PAGES {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging").join(name);
        let page = page(name);
        for file in named(&page) {
            let path = folder.join(file).canonicalize().unwrap_or_else(|_| panic!("{name} names {file}"));
            told.push(path);
        }
    }
    for script in scripts() {
        assert!(told.contains(&script.canonicalize().unwrap()), "{script:?} is on no page");
    }
}

#[test]
fn what_the_pages_and_scripts_call_is_what_the_package_lays_down() {
    let of_package = |name: &str| {
        let path = packaging().join("../payload").join(name);
        std::fs::read_to_string(path).unwrap()
    };
    let uninstall = of_package("uninstall");
    assert!(uninstall.contains("--restore)") && uninstall.contains("--purge)"));
    assert!(of_package("job").contains("restart::)"));
    let remediation = std::fs::read_to_string(packaging().join("kandji/remediation.sh")).unwrap();
    assert!(remediation.contains("/opt/meridian/libexec/job\" restart"));
    let build = std::fs::read_to_string(packaging().join("../build-pkg.sh")).unwrap();
    assert!(build.contains(" opt/meridian/libexec/job\n") && build.contains(" opt/meridian/uninstall\n"));
}

#[test]
fn every_page_tells_the_way_from_enrollment_to_removal() {
    for name in PAGES.iter().filter(|name| name.starts_with("mdm/")) {
        let page = page(name);
        let headings: Vec<_> = page.lines().filter_map(|line| line.strip_prefix("## ")).collect();
        assert_eq!(headings, ["Enroll", "Look", "Act", "Give the license back", "Remove"], "{name}");
    }
}
