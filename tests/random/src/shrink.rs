// SPDX-License-Identifier: GPL-2.0-only

//! The strategy, and how topologies shrink: parts are removed from the plan, many at once and then
//! single ones, and the others become plain, until no step is possible.
//!
//! proptest's own strategies pass through a list once. Here a function is often in the list only
//! because of another function, so several rounds are needed.

use std::mem;

use fastrand::Rng;
use proptest::{
    prelude::RngCore as _,
    strategy::{NewTree, Strategy, ValueTree},
    test_runner::TestRunner,
};
use topology::Topology;

use crate::{
    draw,
    layout::lay_out,
    plan::{Form, Ids, Part, Plan, Start},
};

/// A strategy for topologies. See [the crate](crate).
#[derive(Clone, Copy, Debug)]
pub struct Topologies {
    pub(crate) most: usize,
}

impl Strategy for Topologies {
    type Tree = Tree;
    type Value = Topology;

    fn new_tree(&self, runner: &mut TestRunner) -> NewTree<Self> {
        let seed = runner.rng().next_u64();
        Ok(Tree::of(draw::plan(&mut Rng::with_seed(seed), self.most)))
    }
}

/// A topology that can shrink.
#[derive(Clone, Debug)]
pub struct Tree {
    plan: Plan,
    topology: Topology,
    /// Plan and topology before the last step.
    before: Option<(Plan, Topology)>,
    step: Shrink,
    /// Whether a step of this round has been kept.
    kept: bool,
}

/// A step that makes a plan smaller.
#[derive(Clone, Copy, Debug)]
enum Shrink {
    /// Removes `size` parts from `index` on.
    Cut { size: usize, index: usize },
    /// Applies the change `which` to the part at `index`.
    Change { index: usize, which: usize },
    /// Removes the kind of the IOMMU.
    Iommu,
}

/// Changes of a part. Each makes it simpler or does nothing.
const CHANGES: [fn(&mut Part); 19] = [
    |part| part.form = Form::ENDPOINT,
    |part| part.start = Start::Here,
    |part| part.depth = 0,
    |part| part.depth /= 2,
    |part| part.depth = part.depth.saturating_sub(1),
    |part| part.devfn = 0,
    |part| part.devfn &= 0x07,
    |part| part.devfn &= 0xf8,
    |part| part.devfn = part.devfn.saturating_sub(8),
    |part| part.devfn = part.devfn.saturating_sub(1),
    |part| {
        if part.form.is_bridge() {
            part.form = Form::ROOT_PORT;
        }
    },
    |part| part.ids = Ids::PLAIN,
    |part| part.ids.class = Ids::PLAIN.class,
    |part| part.ids.revision = 0,
    |part| part.ids.subsystem = (0, 0),
    |part| part.left_out = false,
    |part| part.multifunction = false,
    |part| part.acs = None,
    |part| {
        if let Some(acs) = &mut part.acs {
            *acs = (0x1d, 0x1d);
        }
    },
];

impl Shrink {
    fn first(plan: &Plan) -> Self {
        Self::Cut {
            size: plan.parts.len() / 2,
            index: 0,
        }
    }

    /// Applies the step to a plan. `None` if that changes nothing.
    fn of(self, plan: &Plan) -> Option<Plan> {
        let mut smaller = plan.clone();
        match self {
            Self::Cut { size, index } => {
                let end = plan.parts.len().min(index + size);
                smaller.parts.drain(index.min(end)..end);
            }
            Self::Change { index, which } => CHANGES[which](smaller.parts.get_mut(index)?),
            Self::Iommu => smaller.iommu = None,
        }
        (smaller != *plan).then_some(smaller)
    }

    /// The next step. `None` at the end of the round.
    fn next(self, plan: &Plan) -> Option<Self> {
        let len = plan.parts.len();
        match self {
            Self::Cut { size, index } if index + size < len && size > 0 => Some(Self::Cut {
                size,
                index: index + size,
            }),
            Self::Cut { size, .. } if size > 1 => Some(Self::Cut {
                size: size / 2,
                index: 0,
            }),
            Self::Cut { .. } => Some(Self::Change { index: 0, which: 0 }),
            Self::Change { index, which } if which + 1 < CHANGES.len() => Some(Self::Change {
                index,
                which: which + 1,
            }),
            Self::Change { index, .. } if index + 1 < len => Some(Self::Change {
                index: index + 1,
                which: 0,
            }),
            Self::Change { .. } => Some(Self::Iommu),
            Self::Iommu => None,
        }
    }
}

impl Tree {
    pub(crate) fn of(plan: Plan) -> Self {
        Self {
            topology: lay_out(&plan),
            before: None,
            step: Shrink::first(&plan),
            kept: false,
            plan,
        }
    }

    /// Takes the next step that changes the topology.
    fn advance(&mut self) -> bool {
        loop {
            let smaller = self.step.of(&self.plan);
            let laid_out = smaller.map(|plan| (lay_out(&plan), plan));
            match laid_out.filter(|(topology, _)| !topology.functions.is_empty()) {
                Some((topology, plan)) if topology == self.topology => self.plan = plan,
                Some((topology, plan)) => {
                    let plan = mem::replace(&mut self.plan, plan);
                    let topology = mem::replace(&mut self.topology, topology);
                    self.before = Some((plan, topology));
                    return true;
                }
                None => match self.step.next(&self.plan) {
                    Some(step) => self.step = step,
                    None if mem::take(&mut self.kept) => self.step = Shrink::first(&self.plan),
                    None => return false,
                },
            }
        }
    }
}

impl ValueTree for Tree {
    type Value = Topology;

    fn current(&self) -> Topology {
        self.topology.clone()
    }

    /// Keeps the last step, and repeats it.
    fn simplify(&mut self) -> bool {
        self.kept |= self.before.take().is_some();
        self.advance()
    }

    /// Reverts the last step, and tries the next one.
    fn complicate(&mut self) -> bool {
        let Some((plan, topology)) = self.before.take() else {
            return false;
        };
        (self.plan, self.topology) = (plan, topology);
        match self.step.next(&self.plan) {
            Some(step) => self.step = step,
            None if mem::take(&mut self.kept) => self.step = Shrink::first(&self.plan),
            None => return false,
        }
        self.advance()
    }
}
