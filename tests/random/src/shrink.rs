// SPDX-License-Identifier: GPL-2.0-only

//! The strategy, and how what it has drawn gets smaller: by taking parts out of the plan, many at
//! once and then single ones, and by having those that are left be plain, until nothing can be
//! spared.
//!
//! proptest's own strategies go once through a list. Here one function is in the list only because
//! of another often enough that it takes several rounds.

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

/// Topologies of at most so many functions; see [the crate](crate).
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

/// A topology, and smaller ones.
#[derive(Clone, Debug)]
pub struct Tree {
    plan: Plan,
    topology: Topology,
    /// What the last step came from.
    before: Option<(Plan, Topology)>,
    step: Step,
    /// Whether a step of this round has been kept.
    kept: bool,
}

/// A way to make a plan smaller.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// Takes out so many parts from this one on.
    Cut { size: usize, at: usize },
    /// Makes this change to this part.
    Change { at: usize, which: usize },
    /// Has no IOMMU in particular.
    Iommu,
}

/// Changes of a part, each to something simpler or to nothing else.
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

impl Step {
    fn first(plan: &Plan) -> Self {
        Self::Cut {
            size: plan.parts.len() / 2,
            at: 0,
        }
    }

    /// What it makes of a plan; `None`: nothing else.
    fn of(self, plan: &Plan) -> Option<Plan> {
        let mut smaller = plan.clone();
        match self {
            Self::Cut { size, at } => {
                let end = plan.parts.len().min(at + size);
                smaller.parts.drain(at.min(end)..end);
            }
            Self::Change { at, which } => CHANGES[which](smaller.parts.get_mut(at)?),
            Self::Iommu => smaller.iommu = None,
        }
        (smaller != *plan).then_some(smaller)
    }

    /// The step after it; `None`: the round is over.
    fn next(self, plan: &Plan) -> Option<Self> {
        let len = plan.parts.len();
        match self {
            Self::Cut { size, at } if at + size < len && size > 0 => Some(Self::Cut {
                size,
                at: at + size,
            }),
            Self::Cut { size, .. } if size > 1 => Some(Self::Cut {
                size: size / 2,
                at: 0,
            }),
            Self::Cut { .. } => Some(Self::Change { at: 0, which: 0 }),
            Self::Change { at, which } if which + 1 < CHANGES.len() => Some(Self::Change {
                at,
                which: which + 1,
            }),
            Self::Change { at, .. } if at + 1 < len => Some(Self::Change {
                at: at + 1,
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
            step: Step::first(&plan),
            kept: false,
            plan,
        }
    }

    /// Takes the next step that makes a difference.
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
                    None if mem::take(&mut self.kept) => self.step = Step::first(&self.plan),
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

    /// The last step was right, so the same again is tried.
    fn simplify(&mut self) -> bool {
        self.kept |= self.before.take().is_some();
        self.advance()
    }

    /// The last step went too far, so the next one is tried in its place.
    fn complicate(&mut self) -> bool {
        let Some((plan, topology)) = self.before.take() else {
            return false;
        };
        (self.plan, self.topology) = (plan, topology);
        match self.step.next(&self.plan) {
            Some(step) => self.step = step,
            None if mem::take(&mut self.kept) => self.step = Step::first(&self.plan),
            None => return false,
        }
        self.advance()
    }
}
