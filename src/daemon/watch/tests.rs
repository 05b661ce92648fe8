use notify::event::{CreateKind, DataChange, MetadataKind, RemoveKind};

use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// A scratch folder to put the watched folder `prefs` into.
fn scratch() -> (tempfile::TempDir, PathBuf) {
    let scratch = tempfile::tempdir().unwrap();
    let folder = scratch.path().join("prefs");
    (scratch, folder)
}

#[expect(clippy::disallowed_methods, reason = "what MDM does, not what the agent does")]
fn write(folder: &Path, name: &str) {
    fs::write(folder.join(name), "x").unwrap();
}

/// Waits until the watcher told of the end of the folder it was armed on.
async fn folder_gone(watch: &Watch) {
    watch.armed.as_ref().unwrap().events.clone().wait_for(|seen| seen.folder_gone).await.unwrap();
}

/// With the time paused, a limit ends as soon as nothing else can happen.
async fn quiet(watch: &mut Watch) -> bool {
    tokio::time::timeout(60 * SECOND, watch.changed()).await.is_err()
}

#[tokio::test(start_paused = true)]
async fn the_folder_deleted_and_created_twice_is_one_change() {
    let (_scratch, folder) = scratch();
    fs::create_dir(&folder).unwrap();
    write(&folder, "a.plist");
    let mut watch = Watch::new(&folder, SECOND);
    for _ in 0..2 {
        fs::remove_dir_all(&folder).unwrap();
        fs::create_dir(&folder).unwrap();
        write(&folder, "a.plist");
    }
    folder_gone(&watch).await;
    watch.changed().await;
    assert!(quiet(&mut watch).await, "a second change");
    watch.rearm();
    assert!(quiet(&mut watch).await, "the new folder was under watch already");
    write(&folder, "b.plist");
    watch.changed().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_caught_up_with_is_told_no_more_and_what_comes_later_is() {
    let (_scratch, folder) = scratch();
    fs::create_dir(&folder).unwrap();
    write(&folder, "a.xml");
    let mut watch = Watch::new(&folder, SECOND);
    let mut told = watch.armed.as_ref().unwrap().events.clone();
    // A single event, where writing would bring one after the other.
    fs::remove_file(folder.join("a.xml")).unwrap();
    told.changed().await.unwrap();
    watch.catch_up();
    assert!(quiet(&mut watch).await, "it is known");
    write(&folder, "b.xml");
    watch.changed().await;
    fs::remove_dir_all(&folder).unwrap();
    folder_gone(&watch).await;
    watch.catch_up();
    watch.changed().await;
}

#[tokio::test(start_paused = true)]
async fn a_folder_that_comes_later_is_found_by_rearming() {
    let (_scratch, folder) = scratch();
    let mut watch = Watch::new(&folder, SECOND);
    watch.rearm();
    assert!(quiet(&mut watch).await, "there is no folder");
    fs::create_dir(&folder).unwrap();
    watch.rearm();
    watch.changed().await;
    write(&folder, "a.plist");
    watch.changed().await;
    fs::remove_dir_all(&folder).unwrap();
    folder_gone(&watch).await;
    watch.changed().await;
    watch.rearm();
    assert!(quiet(&mut watch).await, "it is gone, and that was told");
}

#[tokio::test(start_paused = true)]
async fn a_file_that_is_renamed_over_another_is_a_change() {
    let (scratch, folder) = scratch();
    fs::create_dir(&folder).unwrap();
    write(&folder, "a.plist");
    write(scratch.path(), "new");
    let mut watch = Watch::new(&folder, SECOND);
    rename(&scratch.path().join("new"), &folder.join("a.plist"));
    watch.changed().await;
}

#[tokio::test(start_paused = true)]
async fn a_folder_that_is_renamed_over_is_a_change() {
    let (scratch, folder) = scratch();
    let old = scratch.path().join("old");
    fs::create_dir(&folder).unwrap();
    let mut watch = Watch::new(&folder, SECOND);
    rename(&folder, &old);
    fs::create_dir(&folder).unwrap();
    folder_gone(&watch).await;
    watch.changed().await;
    write(&old, "a.plist");
    assert!(quiet(&mut watch).await, "the old folder is of no interest");
    write(&folder, "a.plist");
    watch.changed().await;
}

#[expect(clippy::disallowed_methods, reason = "what MDM does, not what the agent does")]
fn rename(from: &Path, to: &Path) {
    fs::rename(from, to).unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_change_is_told_a_debounce_after_its_first_event_also_when_nobody_waited() {
    let (_scratch, folder) = scratch();
    fs::create_dir(&folder).unwrap();
    let mut watch = Watch::new(&folder, SECOND);
    write(&folder, "a.plist");
    watch.armed.as_ref().unwrap().events.clone().changed().await.unwrap();
    let start = Instant::now();
    let cancelled = tokio::time::timeout(SECOND / 2, watch.changed()).await;
    assert!(cancelled.is_err(), "half the debounce is not all of it");
    watch.changed().await;
    assert_eq!(start.elapsed().as_secs(), 1, "the first wait was cancelled, its event was not lost");
}

#[test]
fn reading_wakes_nobody() {
    let wakes = |kind| super::wakes(&Event::new(kind));
    for kind in [
        AccessKind::Any,
        AccessKind::Read,
        AccessKind::Open(AccessMode::Any),
        AccessKind::Close(AccessMode::Read),
    ] {
        assert!(!wakes(EventKind::Access(kind)), "{kind:?}");
    }
    for kind in [
        EventKind::Access(AccessKind::Close(AccessMode::Write)),
        EventKind::Create(CreateKind::File),
        EventKind::Modify(ModifyKind::Data(DataChange::Any)),
        EventKind::Modify(ModifyKind::Metadata(MetadataKind::Any)),
        EventKind::Modify(ModifyKind::Name(RenameMode::Any)),
        EventKind::Remove(RemoveKind::File),
        EventKind::Other,
    ] {
        assert!(wakes(kind), "{kind:?}");
    }
}
