//! Files of a local update server, good and bad.

use super::*;

fn screen(name: &str) -> (Exit, String) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/updates").join(name);
    let checked = Checked { file: name.to_owned(), ..request(&path).unwrap() };
    (checked.exit(), render(&checked, &Style { color: false, width: 120 }))
}

#[test]
fn each_fault_is_told_with_line_and_reason() {
    let screens: Vec<String> = ["v26.xml", "local.xml", "guide.xml", "faults.xml"]
        .map(|name| {
            let (exit, text) = screen(name);
            assert_eq!(exit == Exit::Fine, name != "faults.xml");
            text
        })
        .into();
    insta::assert_snapshot!("check_feed", screens.join("\n----\n"));
}

#[test]
fn what_is_no_feed_fails_with_its_line() {
    let checked = of("x.xml".to_owned(), b"<ParallelsUpdates>\n<Product>\n</ParallelsUpdates>");
    assert_eq!((checked.exit(), checked.faults[0].line, checked.faults[0].whole), (Exit::Failed, 3, true));
    let text = render(&checked, &Style { color: false, width: 120 });
    assert!(text.contains("x.xml:3: ") && text.contains("no Mac would use anything of it"), "{text}");
    let missing = request(Path::new("/nonexistent/feed.xml")).unwrap_err();
    assert_eq!(missing.exit(), Exit::Failed);
}
