// SPDX-License-Identifier: GPL-2.0-only

//! Has the program built anew when the data changes that it has in itself: the macro sees changes in
//! files, but not new ones.

fn main() {
    println!("cargo::rerun-if-changed=../../quirks");
}
