//! What Linux tells of a running process, without disturbing it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// A process by its folder below `/proc`.
#[derive(Debug, Clone)]
pub(crate) struct Proc(PathBuf);

impl Proc {
    /// The process of this id.
    #[must_use]
    pub(crate) fn of(id: i32) -> Self {
        Self(Path::new("/proc").join(id.to_string()))
    }

    /// The proportional set in KiB: its own memory, and its share of what others map, too.
    ///
    /// # Errors
    /// The process is gone, or this is not Linux; so for every figure.
    pub(crate) fn proportional_kib(&self) -> io::Result<u64> {
        number(&fs::read_to_string(self.0.join("smaps_rollup"))?, "Pss:")
    }

    /// The memory in KiB that is its own and behind no file: heap and stacks. Unlike the proportional set it does not
    /// change when other processes come and go.
    ///
    /// # Errors
    /// As above.
    pub(crate) fn anonymous_kib(&self) -> io::Result<u64> {
        number(&fs::read_to_string(self.0.join("smaps_rollup"))?, "Anonymous:")
    }

    /// How often its threads gave the processor away to wait; a thread that ended counts no more.
    ///
    /// # Errors
    /// As above.
    pub(crate) fn voluntary_switches(&self) -> io::Result<u64> {
        self.threads()?
            .iter()
            .map(|thread| number(&fs::read_to_string(thread.join("status"))?, "voluntary_ctxt_switches:"))
            .sum()
    }

    /// The processor's time that its threads took.
    ///
    /// # Errors
    /// As above.
    pub(crate) fn cpu(&self) -> io::Result<Duration> {
        let mut sum = 0;
        for thread in self.threads()? {
            // The first number is the time on the processor in nanoseconds.
            sum += number(&fs::read_to_string(thread.join("schedstat"))?, "")?;
        }
        Ok(Duration::from_nanos(sum))
    }

    fn threads(&self) -> io::Result<Vec<PathBuf>> {
        fs::read_dir(self.0.join("task"))?.map(|entry| Ok(entry?.path())).collect()
    }
}

/// The bytes of an executable without its tables for unwinding and relocation, by binutils' `size`: Linux loads them from
/// the file, while a Mac's linker packs them into a few KB.
///
/// # Errors
/// Where there is no `size`, or it does not tell them.
pub(crate) fn size(executable: &Path) -> io::Result<u64> {
    let told = Command::new("size").arg("-A").arg(executable).output()?;
    let told = String::from_utf8_lossy(&told.stdout);
    let mut size = fs::metadata(executable)?.len();
    for table in [".eh_frame ", ".eh_frame_hdr", ".rela.dyn"] {
        size -= number(&told, table)?;
    }
    Ok(size)
}

/// The number that follows a name at the start of a line.
fn number(text: &str, name: &str) -> io::Result<u64> {
    let found =
        text.lines().find_map(|line| line.strip_prefix(name)?.split_whitespace().next()?.parse().ok());
    found.ok_or_else(|| io::Error::other(format!("the system does not tell {name}")))
}
