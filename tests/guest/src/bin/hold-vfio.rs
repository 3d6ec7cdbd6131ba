// SPDX-License-Identifier: GPL-2.0-only

//! `hold-vfio BDF [in-flight]`: opens a function through VFIO as a virtual machine does, and holds it until
//! standard input ends. Prints `held` when the function is open. With `in-flight`, the open files are messages in a
//! socket that nobody has received, so no process shows them.

use std::{
    env,
    ffi::{CString, OsStr},
    fs::{self, File},
    io::{self, IoSlice, Read as _},
    os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd},
    process::ExitCode,
};

use anyhow::{Context, Result, bail};
use nix::{
    libc,
    sys::socket::{
        AddressFamily, ControlMessage, MsgFlags, SockFlag, SockType, sendmsg, socketpair,
    },
};

/// An IOMMU type that every host supports: `VFIO_TYPE1v2_IOMMU`.
const TYPE1V2_IOMMU: libc::c_int = 3;

mod vfio {
    //! Calls of `include/uapi/linux/vfio.h`.

    use nix::{ioctl_write_int_bad, ioctl_write_ptr_bad, libc, request_code_none};

    const TYPE: u8 = b';';
    ioctl_write_int_bad!(set_iommu, request_code_none!(TYPE, 102));
    ioctl_write_ptr_bad!(set_container, request_code_none!(TYPE, 104), libc::c_int);
    ioctl_write_ptr_bad!(get_device, request_code_none!(TYPE, 106), libc::c_char);
}

fn main() -> ExitCode {
    match hold() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("hold-vfio: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn hold() -> Result<()> {
    let function = env::args().nth(1).context("name a function")?;
    let link = format!("/sys/bus/pci/devices/{function}/iommu_group");
    let group = fs::read_link(&link).with_context(|| format!("cannot read {link}"))?;
    let group = group.file_name().and_then(OsStr::to_str);
    let group = group.context("the group has no number")?;
    let function = CString::new(function)?;
    let open = |name: &str| {
        let path = format!("/dev/vfio/{name}");
        let file = File::options().read(true).write(true).open(&path);
        file.with_context(|| format!("cannot open {path}"))
    };
    let (container, group) = (open("vfio")?, open(group)?);
    let number = container.as_raw_fd();
    // SAFETY: the files are open, and each argument has the type that its call expects. The last call returns a
    // new file, which nothing else owns.
    let device = unsafe {
        vfio::set_container(group.as_raw_fd(), &raw const number)?;
        vfio::set_iommu(container.as_raw_fd(), TYPE1V2_IOMMU)?;
        let device = vfio::get_device(group.as_raw_fd(), function.as_ptr())?;
        OwnedFd::from_raw_fd(device)
    };
    let held = match env::args().nth(2).as_deref() {
        None => Held::Open(container, group, device),
        Some("in-flight") => {
            let pair = in_flight(&[container.as_raw_fd(), group.as_raw_fd(), device.as_raw_fd()])?;
            drop((container, group, device));
            Held::InFlight(pair)
        }
        Some(other) => bail!("{other}: the only word is in-flight"),
    };
    println!("held");
    io::stdin().read_to_end(&mut Vec::new())?;
    drop(held);
    Ok(())
}

/// What keeps the function open.
#[expect(dead_code, reason = "the files are only kept")]
enum Held {
    Open(File, File, OwnedFd),
    InFlight((OwnedFd, OwnedFd)),
}

/// Sends open files through a pair of sockets. The message keeps them open until the pair is closed.
fn in_flight(files: &[i32]) -> Result<(OwnedFd, OwnedFd)> {
    let pair = socketpair(
        AddressFamily::Unix,
        SockType::Stream,
        None,
        SockFlag::empty(),
    )?;
    let text = [IoSlice::new(b"x")];
    let message = [ControlMessage::ScmRights(files)];
    sendmsg::<()>(pair.0.as_raw_fd(), &text, &message, MsgFlags::empty(), None)?;
    Ok(pair)
}
