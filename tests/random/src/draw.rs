// SPDX-License-Identifier: GPL-2.0-only

//! Draws a random plan: mostly common topologies, with a bias to odd ones that differs between
//! plans.

use fastrand::Rng;

use crate::{
    DEEPEST, ids,
    plan::{Form, Ids, Part, Plan, Start},
};

/// The forms of function on a bus, with weights.
type Menu = &'static [(u32, Form)];

const ON_ROOT_BUS: Menu = &[
    (12, Form::ROOT_PORT),
    (6, Form::RC_ENDPOINT),
    (2, Form::RC_EVENT_COLLECTOR),
    (4, Form::CONVENTIONAL),
    (3, Form::CONVENTIONAL_BRIDGE),
    (2, Form::ENDPOINT),
    (2, Form::PCI_BRIDGE),
    (1, Form::UPSTREAM_PORT),
];

const ON_LINK: Menu = &[
    (12, Form::ENDPOINT),
    (2, Form::LEGACY_ENDPOINT),
    (6, Form::UPSTREAM_PORT),
    (4, Form::PCI_BRIDGE),
    // Below a link, a function that claims to be a downstream port acts as an upstream port.
    (2, Form::DOWNSTREAM_PORT),
    (1, Form::CONVENTIONAL),
    (2, Form::CONVENTIONAL_BRIDGE),
];

const IN_SWITCH: Menu = &[
    (12, Form::DOWNSTREAM_PORT),
    // In a switch, a function that claims to be an upstream port acts as a downstream port.
    (2, Form::UPSTREAM_PORT),
    (3, Form::ENDPOINT),
    (1, Form::PCI_BRIDGE),
];

const CONVENTIONAL: Menu = &[
    (10, Form::CONVENTIONAL),
    (5, Form::CONVENTIONAL_BRIDGE),
    (5, Form::PCIE_BRIDGE),
    (2, Form::ENDPOINT),
];

/// Any form in any place, including reserved types.
const ODD: Menu = &[
    (2, Form::ENDPOINT),
    (2, Form::LEGACY_ENDPOINT),
    (2, Form::ROOT_PORT),
    (2, Form::UPSTREAM_PORT),
    (2, Form::DOWNSTREAM_PORT),
    (2, Form::PCI_BRIDGE),
    (2, Form::PCIE_BRIDGE),
    (2, Form::RC_ENDPOINT),
    (2, Form::RC_EVENT_COLLECTOR),
    (2, Form::CONVENTIONAL),
    (2, Form::CONVENTIONAL_BRIDGE),
    (1, Form::CARDBUS),
    (1, Form::endpoint(0x2)),
    (1, Form::endpoint(0xf)),
    (1, Form::bridge(0x3)),
    (1, Form::bridge(0xb)),
];

/// Probabilities for one plan, in percent.
struct Odds {
    /// The next function is on the deepest bus.
    deeper: u8,
    /// A function that is not a bridge is drawn again, up to three times.
    bridges: u8,
    /// The form is from [`ODD`].
    odd: u8,
    /// The next function of a bus is in the same slot.
    same_slot: u8,
    /// A number is skipped, function 0 in particular.
    gaps: u8,
    /// A link has many functions.
    ari: u8,
    multifunction: u8,
    left_out: u8,
    /// The ids are those of an earlier function.
    again: u8,
    /// All flags of ACS are enabled.
    acs_on: u8,
    /// There is no ACS capability. All other functions have mixed flags.
    acs_none: u8,
    ids: ids::Odds,
}

impl Odds {
    fn draw(random: &mut Rng) -> Self {
        let mut pick = |choices: &[u8]| random.choice(choices.iter().copied()).unwrap_or(0);
        Self {
            deeper: pick(&[20, 50, 80, 98]),
            bridges: pick(&[0, 10, 80]),
            odd: pick(&[0, 5, 50]),
            same_slot: pick(&[10, 50, 90]),
            gaps: pick(&[0, 10, 40]),
            ari: pick(&[0, 0, 10, 60]),
            multifunction: pick(&[0, 50, 90]),
            left_out: pick(&[0, 0, 5, 40]),
            again: pick(&[0, 30, 80]),
            acs_on: pick(&[0, 40, 90]),
            acs_none: pick(&[10, 50, 90]),
            ids: ids::Odds {
                in_tree: pick(&[0, 20, 60]),
                alias: pick(&[0, 10, 35]),
                odd: pick(&[0, 5]),
            },
        }
    }
}

/// Draws a plan of at most `most` functions. One in ten has up to an eighth of that, and one in a
/// hundred up to `most`. The others have about a dozen.
pub(crate) fn plan(random: &mut Rng, most: usize) -> Plan {
    let limit = match random.u8(..100) {
        0 => most,
        1..=9 => most / 8,
        _ => 20,
    };
    let count = random.usize(1..=limit.clamp(1, most.max(1)));
    let mut draw = Draw {
        odds: Odds::draw(random),
        random,
        path: Vec::new(),
        next: vec![0],
        parts: Vec::new(),
    };
    while draw.parts.len() < count {
        draw.function();
        if draw.is(draw.odds.ari) {
            draw.many(count);
        }
    }
    let iommu = draw
        .random
        .choice([Some("Intel VT-d"), Some("AMD-Vi"), None]);
    Plan {
        iommu: iommu.flatten(),
        parts: draw.parts,
    }
}

struct Draw<'a> {
    random: &'a mut Rng,
    odds: Odds,
    /// The bridges above the next function.
    path: Vec<Form>,
    /// The lowest free number on the root bus, and on the bus behind each bridge.
    next: Vec<u8>,
    parts: Vec<Part>,
}

impl Draw<'_> {
    fn is(&mut self, percent: u8) -> bool {
        self.random.u8(..100) < percent
    }

    /// Draws the next function.
    fn function(&mut self) {
        let last = self
            .parts
            .last()
            .map(|last| (last.ids.vendor, last.ids.device));
        let after_vmd = last.is_some_and(|last| ids::VMD.contains(&last));
        let start = match self.random.u8(..200) {
            0..=3 => Start::RootBus,
            4..=5 => Start::Domain,
            6..=8 => Start::Vmd(self.random.u8(..3)),
            9..=100 if after_vmd => Start::Vmd(0),
            _ => Start::Here,
        };
        if start != Start::Here {
            self.path.clear();
            self.next = vec![0];
        }
        if !self.is(self.odds.deeper) {
            self.path.truncate(self.random.usize(..=self.path.len()));
            self.next.truncate(self.path.len() + 1);
        }
        let mut form = self.form();
        for _ in 0..3 {
            if !form.is_bridge() && self.is(self.odds.bridges) {
                form = self.form();
            }
        }
        let ids = self.ids(form);
        let devfn = self.number();
        self.add(start, devfn, form, ids);
        if form.is_bridge() && self.path.len() < DEEPEST {
            self.path.push(form);
            self.next.push(0);
        }
    }

    /// Draws further functions on the bus of the last one, if that is an endpoint on a link.
    fn many(&mut self, count: usize) {
        let on_link = self.path.last().is_some_and(|above| {
            [Form::ROOT_PORT, Form::DOWNSTREAM_PORT, Form::PCIE_BRIDGE].contains(above)
        });
        let left = count.saturating_sub(self.parts.len());
        let Some(last) = self.parts.last().filter(|_| on_link && left > 0) else {
            return;
        };
        let (form, ids) = (last.form, last.ids);
        if form.is_bridge() || form.raw.is_none() {
            return;
        }
        for _ in 0..self.random.usize(1..=left.min(300)) {
            let ids = if self.is(20) { self.ids(form) } else { ids };
            let gap = if self.is(self.odds.gaps) {
                self.random.u8(..16)
            } else {
                0
            };
            let devfn = self.next().saturating_add(gap);
            self.add(Start::Here, devfn, form, ids);
        }
    }

    /// The lowest free number on the bus.
    fn next(&self) -> u8 {
        self.next.last().copied().unwrap_or(0)
    }

    fn add(&mut self, start: Start, devfn: u8, form: Form, ids: Ids) {
        if let Some(next) = self.next.last_mut() {
            *next = devfn.saturating_add(1);
        }
        let part = Part {
            start,
            depth: u8::try_from(self.path.len()).unwrap_or(u8::MAX),
            devfn,
            form,
            ids,
            left_out: self.is(self.odds.left_out),
            multifunction: self.is(self.odds.multifunction),
            acs: self.acs(),
        };
        self.parts.push(part);
    }

    fn form(&mut self) -> Form {
        let menu = if self.is(self.odds.odd) {
            ODD
        } else {
            match self.path.last().copied() {
                None => ON_ROOT_BUS,
                Some(Form::ROOT_PORT | Form::DOWNSTREAM_PORT | Form::PCIE_BRIDGE) => ON_LINK,
                Some(Form::UPSTREAM_PORT) => IN_SWITCH,
                Some(_) => CONVENTIONAL,
            }
        };
        let mut at = self
            .random
            .u32(..menu.iter().map(|(weight, _)| weight).sum::<u32>());
        for &(weight, form) in menu {
            if at < weight {
                return form;
            }
            at -= weight;
        }
        Form::ENDPOINT
    }

    /// A free number on the bus: in the last slot or in a later one. A new slot mostly begins with
    /// function 0.
    fn number(&mut self) -> u8 {
        let gap = if self.is(self.odds.gaps) {
            self.random.u8(..4)
        } else {
            0
        };
        let next = self.next();
        if next & 7 != 0 && self.is(self.odds.same_slot) {
            return next.saturating_add(gap);
        }
        let first = if self.is(self.odds.gaps / 2) {
            self.random.u8(1..8)
        } else {
            0
        };
        let slot = next.div_ceil(8).saturating_add(gap).min(31);
        (slot << 3) | first
    }

    fn ids(&mut self, form: Form) -> Ids {
        if self.is(self.odds.again) {
            if let Some(earlier) = self.random.choice(&self.parts) {
                return earlier.ids;
            }
        }
        ids::draw(self.random, self.odds.ids, form)
    }

    /// Capability and control register. Grouping asks for the flags 1d.
    fn acs(&mut self) -> Option<(u16, u16)> {
        if self.is(self.odds.acs_none) {
            return None;
        }
        if self.is(self.odds.acs_on) {
            return Some((0x5f, 0x1d));
        }
        let one = self.random.choice([0x01, 0x04, 0x08, 0x10]).unwrap_or(0);
        let any = self.random.u16(..0x80);
        self.random.choice([
            // No flag enabled; one disabled; all enabled; an enabled flag missing; a disabled flag
            // missing.
            (0x1f, 0),
            (0x1d, 0x1d & !one),
            (0x1d, 0x1d),
            (0x1d & !one, 0x1d),
            (0x1d & !one, 0x1d & !one),
            // No flag present, without and with Egress Control.
            (0, 0),
            (0x20, 0x20),
            (0x3d, 0x3d),
            (0x7f, any),
            (any, 0x7f),
            (any, any & 0x1d),
        ])
    }
}
