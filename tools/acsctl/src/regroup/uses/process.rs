// SPDX-License-Identifier: GPL-2.0-only

//! The processes of a host, and the folders of `/proc` that show their open files.

use std::{
    ffi::c_ulong,
    path::{Path, PathBuf},
};

use crate::host::{HostPaths, names, text};

/// A process.
pub(super) struct Process {
    /// Its number.
    pub(super) id: String,
    /// Its folder in `/proc`.
    pub(super) folder: PathBuf,
}

impl Process {
    /// All processes of a host.
    pub(super) fn all(paths: &HostPaths) -> impl Iterator<Item = Self> {
        let ids = names(&paths.proc).into_iter();
        let ids = ids.filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()));
        ids.map(|id| Self {
            folder: paths.proc.join(&id),
            id,
        })
    }

    /// Its name and number.
    pub(super) fn shown(&self) -> String {
        let called = text(&self.folder.join("comm")).unwrap_or_default();
        format!("{called} (process {})", self.id)
    }

    /// Whether it is a thread of the kernel, which has no open files and no mappings of its own. Most processes of an idle host
    /// are, and this takes a third of the time that their files would. False if the kernel does not say.
    pub(super) fn is_of_kernel(&self) -> bool {
        /// `PF_KTHREAD` in `include/linux/sched.h`.
        const KTHREAD: u32 = 0x0020_0000;
        // The name, in parentheses, may contain anything. Behind it: state, parent, group, session, terminal, its group, flags
        // (`do_task_stat()` in `fs/proc/array.c`).
        let line = text(&self.folder.join("stat")).unwrap_or_default();
        let flags =
            (line.rsplit(')').next()).and_then(|rest| rest.split_whitespace().nth(6)?.parse().ok());
        flags.is_some_and(|flags: u32| flags & KTHREAD != 0)
    }

    /// The folders of all its threads.
    pub(super) fn threads(&self) -> impl Iterator<Item = PathBuf> {
        let tasks = self.folder.join("task");
        names(&tasks)
            .into_iter()
            .map(move |thread| tasks.join(thread))
    }

    /// Folders that show its open files: its own, and one for each further table of open files that its threads use. A
    /// thread has its own after `unshare(CLONE_FILES)`. The main thread has none once it has ended, while the files of the
    /// other threads stay open.
    pub(super) fn file_tables(&self) -> Vec<PathBuf> {
        let mut tables = vec![self.folder.clone()];
        let others = self
            .threads()
            .filter(|thread| thread.file_name() != self.folder.file_name());
        for thread in others {
            if !tables.iter().any(|other| share_files(other, &thread)) {
                tables.push(thread);
            }
        }
        tables
    }
}

/// Whether the kernel says that two threads, given by their folders in `/proc`, use one table of open files. `false` if it
/// does not say: for a copy of a host's files, without `CONFIG_KCMP`, and for a thread that has ended.
fn share_files(one: &Path, other: &Path) -> bool {
    /// `enum kcmp_type` in `include/uapi/linux/kcmp.h`.
    const KCMP_FILES: c_ulong = 2;
    let id = |folder: &Path| -> Option<c_ulong> {
        let is_live = folder.starts_with("/proc");
        let id = folder.file_name()?.to_str()?.parse().ok()?;
        is_live.then_some(id)
    };
    let (Some(one), Some(other)) = (id(one), id(other)) else {
        return false;
    };
    let unused: c_ulong = 0;
    // SAFETY: kcmp() takes numbers alone. With `KCMP_FILES` it does not use its last two arguments.
    let order = unsafe { libc::syscall(libc::SYS_kcmp, one, other, KCMP_FILES, unused, unused) };
    order == 0
}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc, thread};

    use rustix::thread::{UnshareFlags, gettid, unshare_unsafe};

    use super::Process;

    /// Whether a thread shows files of its own, after it got a table of its own or while it shares the first.
    fn shows_its_own(is_unshared: bool) -> bool {
        let (ready, is_ready) = mpsc::channel();
        let (end, is_ended) = mpsc::channel::<()>();
        let other = thread::spawn(move || {
            if is_unshared {
                // SAFETY: the thread uses no descriptor.
                unsafe { unshare_unsafe(UnshareFlags::FILES) }.expect("this needs no rights");
            }
            ready.send(gettid()).expect("somebody waits");
            let _ = is_ended.recv();
        });
        let thread = is_ready.recv().expect("the thread says so");
        let own = Process {
            id: std::process::id().to_string(),
            folder: format!("/proc/{}", std::process::id()).into(),
        };
        // Threads of other tests come and go.
        let folder = own.folder.join(format!("task/{thread}"));
        let found = own.file_tables().contains(&folder);
        drop(end);
        other.join().expect("it does not panic");
        found
    }

    #[test]
    fn threads_of_the_kernel() {
        let process = |id: &str| Process {
            id: id.to_owned(),
            folder: format!("/proc/{id}").into(),
        };
        assert!(!process("self").is_of_kernel());
        // kthreadd, except in a container
        let second = std::fs::read_to_string("/proc/2/comm").unwrap_or_default();
        assert_eq!(process("2").is_of_kernel(), second == "kthreadd\n");
    }

    #[test]
    fn threads_with_their_own_files() {
        assert!(shows_its_own(true));
        assert!(!shows_its_own(false));
    }
}
