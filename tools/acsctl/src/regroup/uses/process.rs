// SPDX-License-Identifier: GPL-2.0-only

//! The processes of a host, and the folders of `/proc` that show their open files.

use std::{
    ffi::{c_long, c_ulong},
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

/// A descriptor of an open file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Descriptor {
    /// The folder in `/proc` of a thread that has it.
    pub(super) thread: PathBuf,
    /// Its number.
    pub(super) number: c_ulong,
}

impl Descriptor {
    /// How many open files these descriptors surely are: after `dup()`, or in a child process, another descriptor is of the
    /// same open file, which a driver counts once. O(their number times the result).
    pub(super) fn open_files(list: &[Self]) -> usize {
        let mut found: Vec<&Self> = Vec::new();
        for one in list {
            let is_other = |other: &&Self| {
                let order = kcmp(
                    &one.thread,
                    &other.thread,
                    KCMP_FILE,
                    [one.number, other.number],
                );
                order.is_some_and(|order| order != 0)
            };
            if found.iter().all(is_other) {
                found.push(one);
            }
        }
        found.len()
    }
}

/// `enum kcmp_type` in `include/uapi/linux/kcmp.h`: compares two open files.
const KCMP_FILE: c_ulong = 0;
/// `enum kcmp_type`: compares the tables of open files.
const KCMP_FILES: c_ulong = 2;

/// Whether the kernel says that two threads, given by their folders in `/proc`, use one table of open files. `false` if it
/// does not say.
fn share_files(one: &Path, other: &Path) -> bool {
    kcmp(one, other, KCMP_FILES, [0, 0]) == Some(0)
}

/// Compares what two threads, given by their folders in `/proc`, have: 0 if it is the same. `None` if the kernel does not say:
/// for a copy of a host's files, without `CONFIG_KCMP`, and for a thread that has ended or has closed the file.
fn kcmp(one: &Path, other: &Path, kind: c_ulong, items: [c_ulong; 2]) -> Option<c_long> {
    let id = |folder: &Path| -> Option<c_ulong> {
        let is_live = folder.starts_with("/proc");
        let id = folder.file_name()?.to_str()?.parse().ok()?;
        is_live.then_some(id)
    };
    let [first, second] = items;
    // SAFETY: kcmp() takes numbers alone.
    let order = unsafe { libc::syscall(libc::SYS_kcmp, id(one)?, id(other)?, kind, first, second) };
    (order >= 0).then_some(order)
}

#[cfg(test)]
mod tests {
    use std::{fs::File, os::fd::AsRawFd as _, sync::mpsc, thread};

    use rustix::thread::{UnshareFlags, gettid, unshare_unsafe};

    use super::{Descriptor, Process};

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
    fn copies_of_a_descriptor_are_one_open_file() {
        let open = || File::open("/dev/null").expect("it exists");
        let (first, second) = (open(), open());
        let copy = first.try_clone().expect("there are free descriptors");
        let descriptor = |file: &File| Descriptor {
            thread: format!("/proc/{}", std::process::id()).into(),
            number: file.as_raw_fd().try_into().expect("it is positive"),
        };
        let [first, second, copy] = [&first, &second, &copy].map(descriptor);
        let count = |list: &[&Descriptor]| {
            let list: Vec<_> = list.iter().copied().cloned().collect();
            Descriptor::open_files(&list)
        };
        assert_eq!(count(&[]), 0);
        assert_eq!(count(&[&first]), 1);
        assert_eq!(count(&[&first, &copy]), 1);
        assert_eq!(count(&[&first, &second, &copy]), 2);
        // What the kernel cannot compare counts as the same file.
        let closed = Descriptor {
            number: 1 << 20,
            ..first.clone()
        };
        assert_eq!(count(&[&first, &closed]), 1);
    }

    #[test]
    fn threads_with_their_own_files() {
        assert!(shows_its_own(true));
        assert!(!shows_its_own(false));
    }
}
