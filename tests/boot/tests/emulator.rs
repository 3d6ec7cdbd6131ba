// SPDX-License-Identifier: GPL-2.0-only

//! The server of emulated functions against a client that sends anything: it goes on to serve others.

use std::{
    env,
    io::{Read as _, Write as _},
    os::unix::net::UnixStream,
    path::Path,
    time::{Duration, Instant},
};

use boot::{emulator::Served, space::Space};
use fastrand::Rng;
use vfio_bindings::bindings::vfio::VFIO_PCI_CONFIG_REGION_INDEX;
use vfio_user::Client;

/// The connections of one test, unless `ACS_QUIRKS_CASES` has another number.
const CONNECTIONS: u64 = 2_000;
/// A client of good will checks the server after so many others.
const EACH: u64 = 100;
/// The commands of the protocol, from 1 on (`Command` in `vfio_user`).
const COMMANDS: u16 = 14;
/// The size of a message's header: message id, command, size, flags, error.
const HEADER: u32 = 16;
/// The flag of a message that wants no reply.
const NO_REPLY: u32 = 0x10;

/// A message: mostly with a known command and its true size.
fn message(random: &mut Rng) -> Vec<u8> {
    let command = if random.u8(..) < 240 {
        random.u16(1..=COMMANDS)
    } else {
        random.u16(..)
    };
    let payload = match (command, random.u8(..)) {
        (_, 0..32) => (0..random.usize(..64)).map(|_| random.u8(..)).collect(),
        // Version numbers, and text that may lack its end.
        (1, version) => {
            let texts = [
                "{\"capabilities\":{}}\0",
                "{}\0",
                "{\"capabilities\":1}\0",
                "\0\0",
                "\u{fffd}\0",
                "{",
                "",
            ];
            let text = texts[usize::from(version) % texts.len()];
            [&[0; 4], text.as_bytes()].concat()
        }
        // The place of an access, its region and its length, as in a read or a write.
        _ => {
            let offset = [0, 4, 0xffc, 0x1000, u64::MAX - 3, random.u64(..)];
            let region = [VFIO_PCI_CONFIG_REGION_INDEX, 0, 8, 9, u32::MAX];
            let count = [4_u32, 1, 0, 0x1000, 0x0010_0000];
            let mut payload = random.choice(offset).unwrap_or(0).to_ne_bytes().to_vec();
            payload.extend(random.choice(region).unwrap_or(0).to_ne_bytes());
            payload.extend(random.choice(count).unwrap_or(0).to_ne_bytes());
            payload.extend((0..random.usize(..64)).map(|_| random.u8(..)));
            payload
        }
    };
    let true_size = HEADER + u32::try_from(payload.len()).expect("it is small");
    let size = match random.u8(..) {
        0..200 => true_size,
        200..230 => random.u32(..64),
        _ => random
            .choice([0, HEADER - 1, HEADER, HEADER + 3, 0x0100_0000])
            .unwrap_or(0),
    };
    let flags = random.choice([0, 0, 0, NO_REPLY, 1, u32::MAX]).unwrap_or(0);
    let mut message = random.u16(..).to_ne_bytes().to_vec();
    message.extend(command.to_ne_bytes());
    for number in [size, flags, 0] {
        message.extend(number.to_ne_bytes());
    }
    message.extend(payload);
    if random.u8(..) < 16 {
        message.truncate(random.usize(..message.len()));
    }
    message
}

/// Sends up to eight messages, and reads what comes meanwhile, or leaves at once.
fn visit(path: &Path, random: &mut Rng) {
    let mut stream = UnixStream::connect(path).expect("the server accepts connections");
    for _ in 0..random.usize(1..=8) {
        // The server may have closed the connection.
        if stream.write_all(&message(random)).is_err() {
            return;
        }
    }
    if random.bool() {
        stream
            .set_read_timeout(Some(Duration::from_millis(1)))
            .expect("1 ms is possible");
        let _ = stream.read(&mut [0; 4096]);
    }
}

#[test]
fn the_server_outlives_a_client_that_sends_anything() {
    let number = |name: &str| {
        env::var(name)
            .ok()
            .map(|value| value.parse().expect("a number"))
    };
    let (connections, seed) = (
        number("ACS_QUIRKS_CASES").unwrap_or(CONNECTIONS),
        number("ACS_QUIRKS_SEED").unwrap_or(1),
    );
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = folder.path().join("function");
    let space = Space::new(0x10de, 0x0a01, 0x0002_0000, 1);
    let mut served = Served::start(space, &path).expect("the function is served");
    let mut random = Rng::with_seed(seed);
    let start = Instant::now();
    for connection in 1..=connections {
        visit(&path, &mut random);
        if connection % EACH == 0 || connection == connections {
            let mut ids = [0; 4];
            let mut client = Client::new(&path).expect("the server still speaks the protocol");
            client
                .region_read(VFIO_PCI_CONFIG_REGION_INDEX, 0, &mut ids)
                .expect("the server still answers");
            assert_eq!(
                ids,
                [0xde, 0x10, 0x01, 0x0a],
                "what one client writes is not for others"
            );
            served
                .answer(u64::MAX)
                .expect("the process still takes orders");
        }
    }
    println!(
        "{connections} connections from seed {seed} in {:?}",
        start.elapsed()
    );
}
