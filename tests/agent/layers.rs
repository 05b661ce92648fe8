//! The dependencies of the modules are those of the table in `src/lib.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

type Dependencies = BTreeMap<String, BTreeSet<String>>;

/// The rows of the table, in its order.
fn documented() -> Vec<(String, BTreeSet<String>)> {
    let library = include_str!("../../src/lib.rs");
    let rows = library.lines().filter_map(|line| line.strip_prefix("//! | `"));
    rows.map(|row| {
        let mut cells = row.split('|').map(str::trim);
        let module = cells.next().unwrap().trim_matches('`').to_owned();
        let names = cells.next().unwrap().split(", ").filter(|name| !name.is_empty());
        (module, names.map(str::to_owned).collect())
    })
    .collect()
}

/// The files below a folder.
fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The modules of a file that are compiled for tests alone, as the file or folder that each is.
fn of_tests(path: &Path, text: &str) -> Vec<PathBuf> {
    let is_root = path.file_name().is_some_and(|name| name == "mod.rs" || name == "lib.rs");
    let folder = if is_root { path.parent().unwrap().to_owned() } else { path.with_extension("") };
    let mut modules = Vec::new();
    for after in text.split("#[cfg(test)]\n").skip(1) {
        let line = after.lines().find(|line| !line.starts_with("#[")).unwrap_or_default();
        let name = line.strip_suffix(';').and_then(|line| line.split("mod ").nth(1));
        modules.extend(name.map(|name| folder.join(name)));
    }
    modules
}

/// The code of a file that is not for tests alone, without comments.
fn code(text: &str) -> String {
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
    code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// What every module names of the others.
fn actual(top: &Path) -> Dependencies {
    let mut found = Vec::new();
    files(top, &mut found);
    let texts: Vec<_> =
        found.into_iter().map(|path| (std::fs::read_to_string(&path).unwrap(), path)).collect();
    let tests: Vec<_> = texts.iter().flat_map(|(text, path)| of_tests(path, text)).collect();
    let mut dependencies = Dependencies::new();
    for (text, path) in &texts {
        let within = path.strip_prefix(top).unwrap();
        let module = within.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs").to_owned();
        let is_test = path.ancestors().any(|part| tests.contains(&part.with_extension("")));
        if is_test || module == "bin" || module == "lib" {
            continue;
        }
        let code = code(text);
        assert!(
            !code.contains("crate::{"),
            "{}: a path for each module, so that this test reads them",
            path.display()
        );
        let named = code.split("crate::").skip(1).map(|rest| {
            rest.split(|c: char| !c.is_ascii_lowercase() && c != '_').next().unwrap_or_default().to_owned()
        });
        let others = named.filter(|name| !name.is_empty() && *name != module).collect::<Vec<_>>();
        dependencies.entry(module).or_default().extend(others);
    }
    dependencies
}

#[test]
fn modules_stand_on_what_the_table_says() {
    let actual = actual(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    let documented = documented();
    let mut above = BTreeSet::new();
    for (module, on) in &documented {
        let real = actual.get(module).unwrap_or_else(|| panic!("there is no module {module}"));
        assert_eq!(real, on, "what `{module}` stands on; on the left what the code says");
        let below: Vec<_> = on.difference(&above).collect();
        assert!(below.is_empty(), "`{module}` stands on {below:?}, which the table puts below it");
        above.insert(module.clone());
    }
    let missing: Vec<_> = actual.keys().filter(|module| !above.contains(*module)).collect();
    assert!(missing.is_empty(), "the table lacks {missing:?}");
}

#[test]
fn tests_and_comments_do_not_count() {
    let text = "//! crate::daemon\nuse crate::domain::ids;\n#[cfg(test)]\npub(crate) mod samples;\n#[cfg(test)]\nmod tests {\n    use crate::portal;\n}\n";
    assert_eq!(code(text).matches("crate::").count(), 1);
    for (path, module) in [("src/plan/mod.rs", "src/plan/samples"), ("src/plan.rs", "src/plan/samples")] {
        assert_eq!(of_tests(Path::new(path), text), [PathBuf::from(module)]);
    }
}
