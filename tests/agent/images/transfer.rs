//! The download against a server that cuts, changes and lies.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use meridian::domain::digest::Digest;
use meridian::images::transfer::{Lie, Manner, Source, TransferError, Vault};
use meridian::paths::Paths;
use meridian::simulator;
use meridian::state::Store;

use super::super::support::image_server::{Fate, ImageServer};

const SIZE: usize = 1_000_000;

struct Stage {
    root: tempfile::TempDir,
    server: ImageServer,
    source: Source,
    vault: Option<Vault>,
}

impl Stage {
    async fn new(size: usize) -> Self {
        let bytes = simulator::image(size);
        let sha256 = Digest::of(&bytes);
        let server = ImageServer::start(bytes).await;
        let url = format!("{}/windows.pvmp", server.origin).parse().unwrap();
        let mut stage = Self {
            root: tempfile::tempdir().unwrap(),
            server,
            source: Source { url, sha256, size: size as u64 },
            vault: None,
        };
        stage.restart();
        stage
    }

    /// As the agent's next process finds it.
    fn restart(&mut self) {
        self.vault = None;
        let paths = Paths::under(self.root.path());
        let store = Arc::new(Store::open(&paths).unwrap());
        let (vault, damage) = Vault::open(&paths, store).unwrap();
        assert!(damage.is_none());
        self.vault = Some(vault);
    }

    fn vault(&mut self) -> &mut Vault {
        self.vault.as_mut().unwrap()
    }

    async fn fetch(&mut self) -> Result<(), TransferError> {
        let source = self.source.clone();
        self.vault().fetch(&source, &Manner::default(), |_| {}).await
    }

    /// Fetches until it is there, as the daemon does.
    async fn fetch_all(&mut self) {
        for _ in 0..300 {
            match self.fetch().await {
                Ok(()) => return,
                Err(error) => assert!(error.may_pass(), "{error:?}"),
            }
        }
        panic!("it never arrived");
    }

    fn is_there(&mut self) -> bool {
        let source = self.source.clone();
        let path = self.vault().path(source.sha256);
        std::fs::read(path).is_ok_and(|bytes| Digest::of(&bytes) == source.sha256)
    }
}

/// Numbers that look random and are the same each time.
fn draws(seed: u64) -> impl Iterator<Item = usize> {
    let mut last = seed;
    std::iter::repeat_with(move || {
        last = last.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(last >> 40).unwrap()
    })
}

#[tokio::test]
async fn cut_at_a_hundred_offsets_it_arrives_whole_and_little_comes_twice() {
    for restarts in [false, true] {
        let mut stage = Stage::new(3_300_000).await;
        // So that a hundred pieces are less than the whole.
        stage.server.fate(draws(7).take(100).map(|draw| Fate::CutAfter(draw % 55_000)));
        let mut cuts = 0;
        loop {
            match stage.fetch().await {
                Ok(()) => break,
                Err(TransferError::Cut { .. }) => cuts += 1,
                Err(error) => panic!("{error:?}"),
            }
            if restarts && cuts % 7 == 0 {
                stage.restart();
            }
        }
        assert_eq!(cuts, 100);
        assert!(stage.is_there());
        let twice = stage.server.sent() - 3_300_000;
        assert!(twice < 165_000, "{twice} bytes came twice");
    }
}

#[tokio::test]
async fn nothing_is_asked_for_what_is_there() {
    let mut stage = Stage::new(SIZE).await;
    stage.fetch().await.unwrap();
    stage.fetch().await.unwrap();
    assert_eq!(stage.server.asked().len(), 1);
    stage.restart();
    stage.fetch().await.unwrap();
    assert_eq!(stage.server.asked().len(), 1, "after a restart it is read again, and not asked for");
}

#[tokio::test]
async fn a_file_that_was_swapped_starts_over() {
    for fate in [Fate::Whole, Fate::HeedsNoIfRange] {
        let mut stage = Stage::new(SIZE).await;
        let right = simulator::image(SIZE);
        let mut wrong = right.clone();
        wrong[10] ^= 1;
        stage.server.swap(wrong, Some("\"0\""));
        stage.server.fate([Fate::CutAfter(400_000)]);
        assert!(matches!(stage.fetch().await, Err(TransferError::Cut { at: 400_000, .. })));
        stage.server.swap(right, Some("\"1\""));
        stage.restart();
        stage.server.fate([fate]);
        stage.fetch().await.unwrap();
        assert!(stage.is_there());
        let asked = stage.server.asked();
        assert_eq!(asked[1].if_range.as_deref(), Some("\"0\""));
        assert_eq!(asked.len(), if fate == Fate::Whole { 2 } else { 3 }, "{asked:?}");
    }
}

#[tokio::test]
async fn a_file_without_a_version_that_was_swapped_is_told_by_its_digest() {
    let mut stage = Stage::new(SIZE).await;
    let right = simulator::image(SIZE);
    let mut wrong = right.clone();
    wrong[10] ^= 1;
    stage.server.swap(wrong, None);
    stage.server.fate([Fate::CutAfter(400_000)]);
    assert!(stage.fetch().await.is_err());
    stage.server.swap(right, None);
    assert!(matches!(stage.fetch().await, Err(TransferError::Mismatch { mixed: true })));
    assert!(!stage.is_there());
    stage.fetch().await.unwrap();
    assert!(stage.is_there());
}

#[tokio::test]
async fn a_wrong_digest_leaves_nothing() {
    let mut stage = Stage::new(SIZE).await;
    stage.server.fate([Fate::Flipped]);
    let error = stage.fetch().await.unwrap_err();
    assert!(matches!(error, TransferError::Mismatch { mixed: false }) && !error.may_pass(), "{error:?}");
    let digest = stage.source.sha256;
    assert_eq!(stage.vault().present(digest), 0);
    assert!(!stage.vault().path(digest).exists());
}

#[tokio::test]
async fn one_flipped_byte_in_what_was_kept_costs_one_more_download() {
    let mut stage = Stage::new(SIZE).await;
    stage.server.fate([Fate::CutAfter(400_000)]);
    assert!(stage.fetch().await.is_err());
    let digest = stage.source.sha256;
    let path = stage.vault().path(digest);
    stage.vault = None;
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[1000] ^= 1;
    std::os::unix::fs::FileExt::write_all_at(
        &std::fs::OpenOptions::new().write(true).open(&path).unwrap(),
        &bytes,
        0,
    )
    .unwrap();
    stage.restart();
    stage.fetch_all().await;
    assert!(stage.is_there());
}

#[tokio::test]
async fn lies_are_told_from_the_file() {
    for (fate, fits) in [
        (Fate::Status(404), "Status(404)"),
        (Fate::Status(503), "Status(503)"),
        (Fate::Encoded, "Encoded"),
        (Fate::Longer(10), "TooLong"),
        (Fate::Unmeasured(1000), "Cut { at: 1000"),
    ] {
        let mut stage = Stage::new(SIZE).await;
        stage.server.fate([fate]);
        let error = format!("{:?}", stage.fetch().await.unwrap_err());
        assert!(error.contains(fits), "{fate:?}: {error}");
        assert!(!stage.is_there());
    }
    let mut stage = Stage::new(SIZE).await;
    stage.source.size -= 1;
    let error = stage.fetch().await.unwrap_err();
    assert!(matches!(error, TransferError::Answer(Lie::Size { found: 1_000_000, .. })), "{error:?}");
    let digest = stage.source.sha256;
    assert_eq!(stage.vault().present(digest), 0, "of a file of another size no byte is kept");
}

#[tokio::test]
async fn another_part_than_was_asked_for_is_not_taken() {
    let mut stage = Stage::new(SIZE).await;
    stage.server.fate([Fate::CutAfter(1000), Fate::Shifted, Fate::NoRanges]);
    assert!(stage.fetch().await.is_err());
    assert!(matches!(stage.fetch().await, Err(TransferError::Answer(Lie::Range))));
    stage.fetch().await.unwrap();
    assert!(stage.is_there());
}

#[tokio::test]
async fn what_was_kept_of_a_larger_file_is_thrown_away() {
    let mut stage = Stage::new(SIZE).await;
    let digest = stage.source.sha256;
    let path = stage.vault().path(digest);
    stage.vault = None;
    meridian::state::atomic::write(&path, &vec![1; SIZE + 5], 0o600).unwrap();
    stage.restart();
    stage.fetch().await.unwrap();
    assert!(stage.is_there());
}

#[tokio::test]
async fn a_cap_on_bandwidth_is_kept() {
    let mut stage = Stage::new(SIZE).await;
    let source = stage.source.clone();
    let manner = Manner { bytes_per_s: Some(500_000), ..Manner::default() };
    let begun = tokio::time::Instant::now();
    let most = Cell::new(0_u64);
    let progress = |bytes| {
        let allowed = (begun.elapsed() + Duration::from_secs(1)).as_secs_f64() * 500_000.0 + 400_000.0;
        assert!(bytes as f64 <= allowed, "{bytes} bytes after {:?}", begun.elapsed());
        most.set(bytes);
    };
    stage.vault().fetch(&source, &manner, progress).await.unwrap();
    assert_eq!(most.get(), SIZE as u64);
    assert!(begun.elapsed() >= Duration::from_secs(1), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_download_that_is_dropped_goes_on_later() {
    let mut stage = Stage::new(SIZE).await;
    stage.server.slow(50_000, Duration::from_millis(20));
    let source = stage.source.clone();
    {
        let arrived = tokio::sync::Notify::new();
        let progress = |bytes| {
            if bytes > 300_000 {
                arrived.notify_one();
            }
        };
        let vault = stage.vault.as_mut().unwrap();
        let manner = Manner::default();
        tokio::select! {
            done = vault.fetch(&source, &manner, progress) => panic!("{done:?}"),
            () = arrived.notified() => {}
        }
    }
    stage.server.hurry();
    stage.fetch().await.unwrap();
    assert!(stage.is_there());
    let asked = stage.server.asked();
    assert!(asked[1].from.is_some_and(|from| from >= 300_000), "{asked:?}");
}

#[tokio::test]
async fn files_that_nobody_wants_go() {
    let mut stage = Stage::new(SIZE).await;
    stage.fetch().await.unwrap();
    let digest = stage.source.sha256;
    let folder = stage.vault().path(digest).parent().unwrap().to_owned();
    meridian::state::atomic::write(&folder.join("stray"), b"x", 0o600).unwrap();
    stage.vault().keep_only(&[digest]).unwrap();
    assert!(stage.is_there());
    assert_eq!(folder.read_dir().unwrap().count(), 1);
    stage.vault().keep_only(&[]).unwrap();
    assert_eq!(folder.read_dir().unwrap().count(), 0);
}
