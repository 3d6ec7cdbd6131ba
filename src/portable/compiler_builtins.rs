// SPDX-License-Identifier: GPL-2.0-only

//! The crate `compiler_builtins`, which `rustc` links into everything. It is empty: the kernel
//! exports the functions that generated code calls, `memcpy()` and its kind.

#![feature(compiler_builtins)]
#![allow(internal_features)]
#![compiler_builtins]
#![no_builtins]
#![no_std]
