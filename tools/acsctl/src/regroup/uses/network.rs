// SPDX-License-Identifier: GPL-2.0-only

//! Network interfaces in use.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use nix::ifaddrs::getifaddrs;
use topology::{Bdf, Topology};

use super::{Node, Uses, keeps_for_programs, namespaces::Elsewhere};
use crate::host::{HostPaths, link, names, text};

/// The classes of Ethernet and other network controllers, with sub-class.
const NETWORK: [u32; 2] = [0x0200, 0x0280];

/// The network configuration.
#[derive(Clone, Default, Debug)]
pub(super) struct Network {
    addresses: BTreeMap<String, BTreeSet<String>>,
    routes: BTreeSet<String>,
    /// The indices of interfaces that a packet socket listens to.
    sockets: BTreeSet<String>,
}

impl Network {
    pub(super) fn read(paths: &HostPaths, uses: &mut Uses) -> Self {
        let mut network = Self::default();
        match getifaddrs() {
            Err(error) => {
                uses.unseen
                    .insert(format!("addresses of network interfaces: {error}"));
            }
            Ok(all) => {
                for one in all {
                    let Some(address) = one.address else { continue };
                    let ip = (address
                        .as_sockaddr_in()
                        .map(|socket| socket.ip().to_string()))
                    .or_else(|| {
                        address
                            .as_sockaddr_in6()
                            .map(|socket| socket.ip().to_string())
                    });
                    // An address with a label has the name "eth0:label"; no interface's name has a colon
                    // (`dev_valid_name()` in `net/core/dev.c`).
                    let name = one.interface_name.split(':').next().unwrap_or_default();
                    let list = network.addresses.entry(name.to_owned()).or_default();
                    list.extend(ip);
                }
            }
        }
        let table = |name: &str| text(&paths.proc.join("net").join(name)).unwrap_or_default();
        let first = |line: &str| line.split_whitespace().next().map(str::to_owned);
        let last = |line: &str| line.split_whitespace().last().map(str::to_owned);
        network
            .routes
            .extend(table("route").lines().skip(1).filter_map(first));
        network
            .routes
            .extend(table("ipv6_route").lines().filter_map(last));
        let number = |line: &str| line.split_whitespace().nth(4).map(str::to_owned);
        network
            .sockets
            .extend(table("packet").lines().skip(1).filter_map(number));
        network
    }

    /// Finds uses of a function's interfaces.
    pub(super) fn find(&self, bdf: Bdf, nodes: &[Node], uses: &mut Uses) {
        for interface in nodes.iter().filter(|node| node.subsystem == "net") {
            let name = &interface.name;
            let addresses = self.addresses.get(name).filter(|list| !list.is_empty());
            let down = format!("ip link set {name} down, and remove its addresses and routes");
            if let Some(addresses) = addresses {
                let list = addresses.iter().cloned().collect::<Vec<_>>().join(", ");
                let what = format!("{name} has the address {list}");
                uses.add(bdf, format!("network:{name}"), what, &down);
            } else if self.routes.contains(name) {
                let what = format!("a route leads to {name}");
                uses.add(bdf, format!("network:{name}"), what, &down);
            } else if is_up(&interface.folder) {
                let what = format!("{name} is up");
                uses.add(bdf, format!("network:{name}"), what, &down);
            }
            let above = names(&interface.folder).into_iter();
            let above = above.filter_map(|file| Some(file.strip_prefix("upper_")?.to_owned()));
            let above: BTreeSet<_> = above
                .chain(link(&interface.folder.join("master")))
                .collect();
            for upper in above {
                let what = format!("{name} is part of {upper}");
                let remedy =
                    format!("detach it: ip link set {name} nomaster, or ip link delete {upper}");
                uses.add(bdf, format!("member:{name}"), what, &remedy);
            }
            let number = text(&interface.folder.join("ifindex")).unwrap_or_default();
            if self.sockets.contains(&number) {
                let what = format!("a program has a packet socket on {name}");
                let remedy = "end that program: ss --packet --processes names it";
                uses.add(bdf, format!("packets:{name}"), what, remedy);
            }
        }
    }
}

/// Whether an interface is up (`IFF_UP` in `include/uapi/linux/if.h`). Sockets of many kinds, and interfaces of
/// other network namespaces on top of it, leave no other sign.
fn is_up(folder: &Path) -> bool {
    let flags = text(&folder.join("flags")).unwrap_or_default();
    let flags = u32::from_str_radix(flags.trim_start_matches("0x"), 16);
    flags.is_ok_and(|flags| flags & 1 != 0)
}

/// Adds a use for each of a function's interfaces in another network namespace, and for a network card with a
/// driver but no interface in any namespace that was seen.
pub(super) fn elsewhere(
    paths: &HostPaths,
    topology: &Topology,
    bdf: Bdf,
    nodes: &[Node],
    interfaces: &[Elsewhere],
    uses: &mut Uses,
) {
    let mut is_seen = nodes.iter().any(|node| node.subsystem == "net");
    for interface in interfaces.iter().filter(|it| it.function == bdf) {
        is_seen = true;
        let (name, holder) = (&interface.name, &interface.namespace);
        let what = format!("its interface {name} is in another network namespace: {holder}");
        let remedy = "stop the container, or move the interface back: ip link set NAME netns 1";
        uses.add(bdf, format!("elsewhere:{name}"), what, remedy);
    }
    let mut functions = topology.functions.iter();
    let found = functions.find(|function| function.bdf == bdf);
    let class = found.and_then(|function| function.class);
    let is_network = class.is_some_and(|class| NETWORK.contains(&(class.0 >> 8)));
    let Some(driver) = paths.driver(bdf).filter(|_| is_network && !is_seen) else {
        return;
    };
    if !keeps_for_programs(&driver) {
        let what = format!(
            "the driver {driver} is bound to it, but no network interface is visible: it may be in \
             the network namespace of a container"
        );
        let remedy = format!(
            "stop the container, or unbind the driver: echo {bdf} > /sys/bus/pci/drivers/{driver}/unbind"
        );
        uses.add(bdf, format!("elsewhere:{bdf}"), what, &remedy);
    }
}
