// SPDX-License-Identifier: GPL-2.0-only

//! `hold-ring FILE`: registers an open file in an `io_uring`, closes the file, and holds the ring until standard input
//! ends. Prints `held` when the file is registered.

use std::{
    env,
    fs::File,
    io::{self, Read as _},
    os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd},
    process::ExitCode,
};

use anyhow::{Context, Result};
use nix::{errno::Errno, libc};

/// `IORING_REGISTER_FILES` of `include/uapi/linux/io_uring.h`.
const REGISTER_FILES: libc::c_long = 2;
/// The size of `struct io_uring_params` there, in 64-bit words.
const PARAMETERS: usize = 15;

fn main() -> ExitCode {
    match hold() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("hold-ring: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn hold() -> Result<()> {
    let path = env::args().nth(1).context("name a file")?;
    let file = File::open(&path).with_context(|| format!("cannot open {path}"))?;
    let number = file.as_raw_fd();
    let mut parameters = [0_u64; PARAMETERS];
    // SAFETY: the parameters have the size that the kernel expects, and zero is valid for each of them.
    let ring = unsafe { libc::syscall(libc::SYS_io_uring_setup, 4, parameters.as_mut_ptr()) };
    let ring = i32::try_from(Errno::result(ring).context("io_uring_setup")?)?;
    // SAFETY: the kernel has just returned the file, which nothing else owns.
    let ring = unsafe { OwnedFd::from_raw_fd(ring) };
    // SAFETY: the ring is open, and the array has one element, as the last argument says.
    let registered = unsafe {
        libc::syscall(
            libc::SYS_io_uring_register,
            ring.as_raw_fd(),
            REGISTER_FILES,
            &raw const number,
            1,
        )
    };
    Errno::result(registered).context("io_uring_register")?;
    drop(file);
    println!("held");
    io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
