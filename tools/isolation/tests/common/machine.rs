// SPDX-License-Identifier: GPL-2.0-only

//! Machines for the tests of the grouping: made by hand or at random.

use fastrand::Rng;
use isolation::{
    groups::{self, DevfnSet, Fault, Function, Interface, Scratch, release::Release},
    pcie::PcieType,
};

/// Functions in the order in which the kernel adds them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Machine(pub(crate) Vec<Function>);

/// A device and function number.
pub(crate) const fn devfn(slot: u8, function: u8) -> u8 {
    (slot << 3) | function
}

/// A function with nothing special about it: a single-function endpoint that takes part.
pub(crate) const fn endpoint(bus: u8, devfn: u8) -> Function {
    Function {
        domain: 0,
        bus,
        devfn,
        above: None,
        dma_device: None,
        interface: Interface::Express(PcieType::Endpoint),
        translation_root: false,
        keeps_requester_ids: false,
        multifunction: false,
        isolated: true,
        dma_aliases: DevfnSet::EMPTY,
        takes_part: true,
    }
}

/// A bridge of this type, isolated or not.
pub(crate) const fn bridge(bus: u8, devfn: u8, interface: Interface, isolated: bool) -> Function {
    Function {
        interface,
        isolated,
        ..endpoint(bus, devfn)
    }
}

/// A port of this type, isolated or not.
pub(crate) const fn port(bus: u8, devfn: u8, kind: PcieType, isolated: bool) -> Function {
    bridge(bus, devfn, Interface::Express(kind), isolated)
}

/// One function of several that are not isolated.
pub(crate) const fn shared(bus: u8, devfn: u8) -> Function {
    Function {
        multifunction: true,
        isolated: false,
        ..endpoint(bus, devfn)
    }
}

impl Change for Function {}

/// Changes of one fact.
pub(crate) trait Change: Sized + Into<Function> {
    /// The same, behind the bridge with this index.
    fn behind(self, above: u32) -> Function {
        Function {
            above: Some(above),
            ..self.into()
        }
    }

    /// The same, sending requests under these numbers too.
    fn with_aliases(self, numbers: &[u8]) -> Function {
        Function {
            dma_aliases: numbers.iter().copied().collect(),
            ..self.into()
        }
    }

    /// The same, left out by the IOMMU driver.
    fn left_out(self) -> Function {
        Function {
            takes_part: false,
            ..self.into()
        }
    }
}

impl Machine {
    /// The model's groups.
    pub(crate) fn try_groups(&self) -> Result<Vec<Option<u32>>, Fault> {
        let len = self.0.len();
        let mut work = vec![Scratch::default(); len];
        let (mut order, mut groups) = (vec![0; len], vec![None; len]);
        let release = Release::LINUX_7_3;
        groups::assign(&release, &self.0, &mut work, &mut order, &mut groups)?;
        Ok(groups)
    }

    /// The same, of a machine that is sound.
    pub(crate) fn groups(&self) -> Vec<Option<u32>> {
        self.try_groups().expect("the machine is sound")
    }

    /// A machine of odd shape, with this many functions at least if there are buses for them.
    pub(crate) fn random(random: &mut Rng, size: usize) -> Self {
        let mut machine = Self::default();
        let odds = Odds::random(random);
        let mut domain = 0;
        while machine.0.len() < size {
            let mut buses = Buses {
                domain,
                next: random.u8(..4),
                odds: &odds,
                size,
            };
            machine.add_bus(random, &mut buses, None, 0);
            machine.add_virtual(random, &mut buses);
            domain += 1;
        }
        machine
    }

    /// All functions of a bus, then what is behind each of its bridges, depth first.
    fn add_bus(&mut self, random: &mut Rng, buses: &mut Buses<'_>, above: Option<u32>, depth: u8) {
        let Some(bus) = buses.take() else { return };
        let first = self.0.len();
        let slots = if random.u8(..4) == 0 {
            random.u8(1..32)
        } else {
            random.u8(1..5)
        };
        for slot in (0..32)
            .filter(|_| random.u8(..32) < slots)
            .collect::<Vec<_>>()
        {
            let several = random.u8(..3) > 0;
            let mut found = Vec::new();
            for function in 0..if several { 8 } else { 1 } {
                if random.u8(..3) > 0 {
                    found.push(function);
                }
            }
            for function in found {
                let function =
                    buses
                        .odds
                        .function(random, buses.domain, bus, devfn(slot, function));
                self.0.push(Function { above, ..function });
            }
        }
        let behind = self.0.len();
        if behind > first && random.u8(..6) == 0 {
            // Something on this bus stands for something else.
            let one = random.usize(first..behind);
            let other = random.usize(..=one);
            if one != other {
                self.0[one].dma_device = u32::try_from(other).ok();
            }
        }
        for at in first..behind {
            let is_bridge = random.u8(..100) < buses.odds.bridges;
            if is_bridge && self.0.len() < buses.size && depth < 40 {
                let interface = buses.odds.bridge(random);
                self.0[at].interface = interface;
                self.0[at].translation_root = random.u8(..12) == 0;
                self.0[at].keeps_requester_ids = random.u8(..4) == 0;
                self.add_bus(random, buses, u32::try_from(at).ok(), depth + 1);
            }
        }
    }

    /// Virtual functions, which come last: on the bus of their physical function, or on one that
    /// has no bridge.
    fn add_virtual(&mut self, random: &mut Rng, buses: &mut Buses<'_>) {
        if random.bool() {
            return;
        }
        for _ in 0..random.u8(..8) {
            let Some(physical) = random.choice(self.0.iter().copied()) else {
                return;
            };
            if physical.domain != buses.domain {
                continue;
            }
            let bus = if random.bool() {
                Some(physical.bus)
            } else {
                buses.take()
            };
            let Some(bus) = bus else { return };
            for number in 0..random.u8(1..6) {
                let devfn = physical.devfn.wrapping_add(number * 3).wrapping_add(1);
                let place = (physical.domain, bus, devfn);
                if self
                    .0
                    .iter()
                    .any(|it| (it.domain, it.bus, it.devfn) == place)
                {
                    continue;
                }
                let found = buses.odds.function(random, physical.domain, bus, devfn);
                self.0.push(Function {
                    above: physical.above,
                    multifunction: false,
                    ..found
                });
            }
        }
    }
}

/// Bus numbers of a domain that are left.
struct Buses<'a> {
    domain: u32,
    next: u8,
    odds: &'a Odds,
    size: usize,
}

impl Buses<'_> {
    fn take(&mut self) -> Option<u8> {
        let bus = self.next;
        self.next = bus.checked_add(1)?;
        Some(bus)
    }
}

/// What is likely on one machine, in percent.
struct Odds {
    isolated: u8,
    multifunction: u8,
    aliases: u8,
    left_out: u8,
    bridges: u8,
    conventional: u8,
}

impl Odds {
    fn random(random: &mut Rng) -> Self {
        let mut pick = |choices: &[u8]| random.choice(choices.iter().copied()).unwrap_or(0);
        Self {
            isolated: pick(&[0, 20, 50, 80, 95]),
            multifunction: pick(&[10, 60, 95]),
            aliases: pick(&[0, 5, 30, 90]),
            left_out: pick(&[0, 5, 60]),
            bridges: pick(&[10, 30, 70]),
            conventional: pick(&[0, 20, 70]),
        }
    }

    fn function(&self, random: &mut Rng, domain: u32, bus: u8, number: u8) -> Function {
        let mut dma_aliases = DevfnSet::EMPTY;
        if random.u8(..100) < self.aliases {
            match random.u8(..8) {
                0 => dma_aliases = DevfnSet::ALL,
                1 => dma_aliases.insert(number),
                2 => dma_aliases.insert(number & !7),
                _ => {
                    for _ in 0..random.u8(1..5) {
                        dma_aliases.insert(random.u8(..));
                        dma_aliases.insert(number.wrapping_add(random.u8(..24)));
                    }
                }
            }
        }
        Function {
            domain,
            multifunction: random.u8(..100) < self.multifunction,
            isolated: random.u8(..100) < self.isolated,
            dma_aliases,
            takes_part: random.u8(..100) >= self.left_out,
            ..endpoint(bus, number)
        }
    }

    fn bridge(&self, random: &mut Rng) -> Interface {
        if random.u8(..100) < self.conventional {
            return Interface::Conventional;
        }
        let any = random.u8(..20);
        match any {
            0..=9 => Interface::from_raw(Some(any)),
            10..=13 => Interface::Express(PcieType::DownstreamPort),
            14..=16 => Interface::Express(PcieType::RootPort),
            _ => Interface::Express(PcieType::PciBridge),
        }
    }
}
