// SPDX-License-Identifier: GPL-2.0-only

//! Bytes to characters: UTF-8 and UTF-16, with or without a byte order mark.

/// The text of these bytes. A byte that is not UTF-8 counts as Latin-1, because names that devices
/// store, and lspci prints, may have any bytes.
///
/// # Errors
///
/// What the bytes are, if they are no text.
pub(crate) fn decode(bytes: &[u8]) -> Result<String, &'static str> {
    const COMPRESSED: [&[u8]; 4] = [&[0x1f, 0x8b], b"BZh", &[0xfd, b'7', b'z'], b"PK\x03\x04"];
    if COMPRESSED.iter().any(|magic| bytes.starts_with(magic)) {
        return Err("is compressed");
    }
    // What a lost connection or a full disk leaves behind the text.
    let end = bytes
        .iter()
        .rposition(|&byte| byte != 0)
        .map_or(0, |last| last + 1);
    let (text, zeros_behind) = bytes.split_at(end);
    let bytes = if !text.is_empty() && !text.contains(&0) && !zeros_behind.is_empty() {
        text
    } else {
        bytes
    };
    let text = match bytes {
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => utf8(rest),
        _ => match zeros(bytes) {
            (0, 0) => utf8(bytes),
            // Nearly every character of such a text has one byte that is 0.
            (even, odd) if odd > even * 8 => utf16(bytes, u16::from_le_bytes),
            (even, odd) if even > odd * 8 => utf16(bytes, u16::from_be_bytes),
            _ => return Err("is not text"),
        },
    };
    if text.contains('\0') {
        return Err("is not text");
    }
    // A mark in the middle comes from files that were appended to each other.
    Ok(text.replace('\u{feff}', ""))
}

/// The number of zeros at even and at odd positions.
fn zeros(bytes: &[u8]) -> (usize, usize) {
    let at = |parity: usize| {
        let bytes = bytes.iter().skip(parity).step_by(2);
        bytes.filter(|&&byte| byte == 0).count()
    };
    (at(0), at(1))
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let units: Vec<u16> = bytes
        .chunks_exact(2)
        .map(|pair| unit([pair[0], pair[1]]))
        .collect();
    String::from_utf16_lossy(&units)
}

fn utf8(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|&byte| char::from(byte)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_encoding_gives_the_same_text() {
        let text = "00:1f.0 ISA bridge \u{2019}\n";
        let le: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let be: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        for bytes in [
            text.as_bytes(),
            &[b"\xef\xbb\xbf", text.as_bytes()].concat(),
            &[b"\xff\xfe", &le[..]].concat(),
            &[b"\xfe\xff", &be[..]].concat(),
            &le,
            &be,
        ] {
            assert_eq!(decode(bytes).as_deref(), Ok(text));
        }
        assert_eq!(decode(b"a\xa0b").as_deref(), Ok("a\u{a0}b"));
        assert_eq!(decode(b"\x1f\x8b\x08"), Err("is compressed"));
        assert_eq!(decode(b"\0\0\0\0"), Err("is not text"));
        assert_eq!(decode(b"a\nb\n\0\0\0").as_deref(), Ok("a\nb\n"));
        assert_eq!(decode(b"a\0b\n\0\0\0"), Err("is not text"));
    }
}
