// SPDX-License-Identifier: GPL-2.0-only

//! acs_quirks_oracle.ko: asks the running kernel for the IOMMU groups of described machines.
//!
//! `/dev/acs_quirks_oracle` takes descriptions of any number of machines, and returns one line for
//! each: see `answer.rs`. The module is for tests only, and taints the kernel.

mod answer;
#[allow(dead_code, unused_imports, reason = "the tools take more of it")]
#[path = "../../../tools/grouping/src/model/mod.rs"]
mod grouping;
mod model;
#[allow(dead_code, unused_imports, reason = "the model takes a part of it")]
#[path = "../../../src/rules/mod.rs"]
mod rules;
#[path = "../synthetic/mod.rs"]
mod synthetic;
#[path = "../../../src/sys/taint.rs"]
mod taint;
mod verdict;

use kernel::{
    fs::{
        File,
        Kiocb, //
    },
    iov::{
        IovIterDest,
        IovIterSource, //
    },
    miscdevice::{
        MiscDevice,
        MiscDeviceOptions,
        MiscDeviceRegistration, //
    },
    new_mutex,
    prelude::*,
    sync::Mutex, //
};

module! {
    type: Oracle,
    name: "acs_quirks_oracle",
    authors: ["The acs-quirks contributors"],
    description: "The kernel's IOMMU groups of described machines; for tests, taints the kernel",
    license: "GPL v2",
}

/// The loaded module.
#[pin_data]
struct Oracle {
    #[pin]
    _device: MiscDeviceRegistration<Session>,
}

impl kernel::InPlaceModule for Oracle {
    fn init(_module: &'static ThisModule) -> impl PinInit<Self, Error> {
        let options = MiscDeviceOptions {
            name: c"acs_quirks_oracle",
        };
        taint::kernel_under_test();
        try_pin_init!(Self {
            _device <- {
                verdict::find()?;
                MiscDeviceRegistration::register(options)
            },
        })
    }
}

/// The state of an open file.
#[pin_data]
struct Session {
    #[pin]
    inner: Mutex<Talk>,
}

/// Input and output of an open file.
struct Talk {
    /// Descriptions that were written and are not answered yet.
    asked: KVVec<u8>,
    /// The answers. The file position is an index into them.
    answered: KVVec<u8>,
}

#[vtable]
impl MiscDevice for Session {
    type Ptr = Pin<KBox<Self>>;

    fn open(_file: &File, _misc: &MiscDeviceRegistration<Self>) -> Result<Pin<KBox<Self>>> {
        let talk = Talk {
            asked: KVVec::new(),
            answered: KVVec::new(),
        };
        KBox::pin_init(pin_init!(Self { inner <- new_mutex!(talk) }), GFP_KERNEL)
    }

    fn write_iter(mut kiocb: Kiocb<'_, Self::Ptr>, iov: &mut IovIterSource<'_>) -> Result<usize> {
        let session = kiocb.file();
        let mut talk = session.inner.lock();
        // New answers are read from the beginning.
        *kiocb.ki_pos_mut() = 0;
        talk.answered.clear();
        iov.copy_from_iter_vec(&mut talk.asked, GFP_KERNEL)
    }

    fn read_iter(mut kiocb: Kiocb<'_, Self::Ptr>, iov: &mut IovIterDest<'_>) -> Result<usize> {
        let session = kiocb.file();
        let mut talk = session.inner.lock();
        if !talk.asked.is_empty() {
            let asked = core::mem::replace(&mut talk.asked, KVVec::new());
            talk.answered = answer::answer(&asked)?;
        }
        iov.simple_read_from_buffer(kiocb.ki_pos_mut(), &talk.answered)
    }
}
