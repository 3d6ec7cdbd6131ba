// SPDX-License-Identifier: GPL-2.0-only

//! Parses addresses on the command line.

use topology::Bdf;

/// Parses an address; the domain may be omitted.
pub(super) fn address(text: &str) -> Result<Bdf, String> {
    let whole = if text.matches(':').count() == 1 {
        format!("0000:{text}")
    } else {
        text.to_owned()
    };
    whole.to_lowercase().parse().map_err(|_| {
        format!(
            "\"{text}\" is not an address; write it as lspci does: [domain:]bus:device.function, \
             for example 82:00.5 or 0000:82:00.5"
        )
    })
}
