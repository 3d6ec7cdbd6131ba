// SPDX-License-Identifier: GPL-2.0-only

//! `acsctl regroup`.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::Args;
use quirk_data::{entry::Entry, error::Error, json};
use schemars::JsonSchema;
use serde::Serialize;
use topology::{Bdf, Partition};

use super::{Failure, Format, print};
use crate::{
    database::Database,
    host::{DevicePath, HostPaths, HostView, Snapshot, finer},
    regroup::{self, Fate, Obstacle, Outcome, Plan, Planned, Session, Withheld, uses::Use},
};

pub(super) const SCHEMA: &str = "acsctl-regroup-1";

/// Regroup a device that nothing uses: remove it and rescan, without a reboot.
///
/// The kernel makes a group when it adds a device. After you load the module, or set up what an
/// entry requires, the device must be removed and rescanned to get a new group.
///
/// Prints the plan first. Removes and rescans all functions of the device, and everything below a
/// bridge; restores drivers and driver overrides afterwards. Refuses while something uses one of
/// the functions. --even-if accepts one use: programs and mounts that depend on it then fail. If this
/// command is killed, run it again: it restores everything from /run/acsctl. A device whose new groups
/// would not isolate its functions is withheld: it is removed, and no later run gives it back until
/// --release names it.
///
/// Exit status: 0 when the groups are as planned, 1 when it was refused or the groups differ from
/// the plan, 2 when it could not run.
#[derive(Args, Debug)]
pub(super) struct Regroup {
    /// A function of the device, as 0000:82:00.0.
    #[arg(value_name = "BDF", value_parser = Bdf::written, required_unless_present_any = ["all", "release"])]
    function: Option<Bdf>,
    /// Regroup every device that would be in smaller groups now.
    #[arg(long, conflicts_with = "function")]
    all: bool,
    /// With --all: leave these functions alone, and each device whose regroup would remove one of them. Each is an address, or a
    /// device path, which stays the same when the bus numbers change; with =VENDOR:DEVICE, the function must have these ids:
    /// 0000:00:1c.4/00.0=144d:a808.
    #[arg(long, value_name = "PATH", value_delimiter = ',', requires = "all")]
    leave: Vec<DevicePath>,
    /// Stop withholding the device of this function, and delete what was saved to restore it. The device comes back at
    /// the next rescan or boot.
    #[arg(long, value_name = "BDF", value_parser = Bdf::written, conflicts_with_all = ["function", "all", "dry_run"])]
    release: Option<Bdf>,
    /// Print the plan and change nothing.
    #[arg(long)]
    dry_run: bool,
    /// Plan for the host whose sysfs and procfs are below DIR.
    #[arg(long, value_name = "DIR", requires = "dry_run")]
    root: Option<PathBuf>,
    /// Accept this obstacle: its name in the plan, for example network:eth0; may be repeated.
    #[arg(long, value_name = "USE")]
    even_if: Vec<String>,
    /// Wait this long for the kernel to finish one step.
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    timeout: u64,
    /// Output format.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// The output in its JSON form.
#[derive(JsonSchema, Serialize)]
pub(super) struct Report<'a> {
    schema: &'a str,
    /// The plan for each device.
    plans: Vec<PlanOutput<'a>>,
    /// The result for each device that was regrouped or restored.
    outcomes: Vec<OutcomeOutput<'a>>,
}

#[derive(JsonSchema, Serialize)]
struct PlanOutput<'a> {
    /// The function that the command named.
    requested: String,
    /// Whether the groups already are as expected.
    up_to_date: bool,
    /// The functions to remove, in removal order.
    functions: &'a [Planned],
    /// The sysfs file that makes the kernel rescan the functions.
    rescan: String,
    /// The uses of the functions.
    uses: Vec<&'a Use>,
    /// What could not be checked.
    unchecked: Vec<&'a String>,
    /// What may keep the kernel from making the expected groups.
    warnings: &'a [String],
    /// The obstacles that were not accepted.
    obstacles: &'a [Obstacle],
    /// The current groups of the functions, with all members.
    current: Groups,
    /// The expected groups of the functions.
    planned: Groups,
}

#[derive(JsonSchema, Serialize)]
struct OutcomeOutput<'a> {
    /// The function that the command named.
    requested: String,
    /// Whether the result is as planned, or finer with justification.
    as_planned: bool,
    /// The state of each function.
    functions: &'a [Fate],
    /// The groups before the regroup.
    before: Groups,
    /// The groups that the kernel should have made; `null` if unknown.
    predicted: Option<Groups>,
    /// The groups after the regroup.
    after: Groups,
    /// What went wrong.
    problems: &'a [String],
    /// Notes that are not problems.
    notes: &'a [String],
}

/// The functions whose devices `--all` regroups, in the order of their addresses.
fn wanted(host: &HostView<'_>) -> Result<BTreeSet<Bdf>, Error> {
    let predicted = host.predict()?;
    let mut wanted: BTreeSet<_> = predicted.granted.keys().copied().collect();
    if host.is_modelled() {
        wanted.extend(host.regroupable(&predicted));
    }
    Ok(wanted)
}

/// Groups of addresses.
type Groups = Vec<Vec<String>>;

fn groups(partition: &Partition) -> Groups {
    let shown = |group: &Vec<Bdf>| group.iter().map(ToString::to_string).collect();
    partition.iter().map(shown).collect()
}

/// The plans, results and errors of a run.
#[derive(Default)]
struct Results {
    format: Format,
    plans: Vec<Plan>,
    outcomes: Vec<Outcome>,
    errors: Vec<Error>,
}

impl Regroup {
    pub(super) fn run(&self) -> Result<String, Failure> {
        let root = self.root.as_deref().unwrap_or(Path::new("/"));
        let paths = HostPaths::of(root);
        let entries = Database::default().entries()?;
        let mut results = Results {
            format: self.format,
            ..Results::default()
        };
        if let Err(error) = self.regroup(&paths, &entries, &mut results) {
            results.errors.push(error);
        }
        self.finish(results)
    }

    fn regroup(
        &self,
        paths: &HostPaths,
        entries: &[Entry],
        results: &mut Results,
    ) -> Result<(), Error> {
        let mut session = None;
        if !self.dry_run {
            if !rustix::process::geteuid().is_root() {
                let why = "only root may regroup; --dry-run shows the plan";
                return Err(Error::CouldNotRun(why.to_owned()));
            }
            let timeout = Duration::from_secs(self.timeout);
            let session = session.insert(Session::begin(paths, entries, timeout)?);
            if let Some(bdf) = self.release {
                let notes = session.release(bdf)?;
                let back = if paths.function(bdf).exists() {
                    ""
                } else {
                    "; a reboot brings it back in the correct groups, echo 1 > /sys/bus/pci/rescan perhaps in others"
                };
                results.say(&format!(
                    "{bdf}: released; the groups of its device were not compared{back}\n"
                ));
                for note in notes {
                    results.say(&format!("note: {note}\n"));
                }
                return Ok(());
            }
            for outcome in session.restore_left_behind()? {
                results.take(outcome);
            }
            if session.is_stuck() {
                let why = "the kernel is blocked in a write, so no other device is regrouped";
                return Err(Error::CouldNotRun(why.to_owned()));
            }
        }
        let withheld = Withheld::all(paths)?;
        for withheld in withheld.iter().filter(|it| it.is_of_this_boot(paths)) {
            if let Some(back) = withheld.present(paths).first() {
                results.errors.push(Error::Refused(format!(
                    "{back}: a rescan brought back the device of {}, which a regroup withheld because {}  do not \
                     pass it through; reboot to group it correctly",
                    withheld.requested, withheld.why
                )));
            }
        }
        match self.function {
            Some(bdf) => self.regroup_one(
                paths,
                session.as_mut(),
                &Snapshot::of_host(paths)?.view(entries),
                bdf,
                &BTreeSet::new(),
                results,
            ),
            None => self.regroup_all(paths, entries, session.as_mut(), results),
        }
    }

    /// Regroups every device that is not withheld, and that an entry isolates or that has an endpoint in a
    /// group that the kernel would split now: the cause of the former group is gone, for example ACS that
    /// was off. Ports come before the functions below them, which a port's rescan regroups too.
    fn regroup_all(
        &self,
        paths: &HostPaths,
        entries: &[Entry],
        mut session: Option<&mut Session<'_>>,
        results: &mut Results,
    ) -> Result<(), Error> {
        // At another address, nothing would keep the function from being removed.
        let find = |path: &DevicePath| {
            path.find(paths).map_err(|why| {
                Error::NotFound(format!(
                    "--leave {path}: {why}; nothing was regrouped, because the function may be elsewhere now"
                ))
            })
        };
        let leave: BTreeSet<_> = self.leave.iter().map(find).collect::<Result<_, _>>()?;
        let snapshot = Snapshot::of_host(paths)?;
        let host = snapshot.view(entries);
        let withheld = Withheld::all(paths)?;
        let is_withheld = |&bdf: &Bdf| withheld.iter().any(|it| it.covers(paths, bdf));
        let mut seen = BTreeSet::new();
        for bdf in wanted(&host)? {
            if seen.contains(&bdf) || is_withheld(&bdf) {
                continue;
            }
            let snapshot = Snapshot::of_host(paths)?;
            let host = snapshot.view(entries);
            let device = regroup::Device::of(host.topology, paths, bdf);
            seen.extend(device.iter().flat_map(|device| device.own.iter().copied()));
            let outcome =
                self.regroup_one(paths, session.as_deref_mut(), &host, bdf, &leave, results);
            results.errors.extend(outcome.err());
            if session.as_deref().is_some_and(Session::is_stuck) {
                return Ok(());
            }
            if session.as_deref().is_some_and(Session::is_stopped) {
                return Err(Error::CouldNotRun("stopped by a signal".to_owned()));
            }
        }
        if results.plans.is_empty() && results.errors.is_empty() {
            let all = host.topology.functions.iter();
            let all = all.map(|function| function.bdf).collect();
            let justified = host.is_modelled().then(|| host.justified(&BTreeSet::new()));
            let is_sound = match justified.transpose()? {
                Some(justified) => finer(&host.groups, &justified, &all).is_empty(),
                None => true,
            };
            results.say(if is_sound {
                "nothing to do: the kernel would make the same groups now, and no entry of a loaded module \
                 isolates a function of this host\n"
            } else {
                "nothing to do: no device would be in smaller groups now. Some groups are finer than isolation justifies: \
                 acsctl doctor names them\n"
            });
        }
        Ok(())
    }

    fn regroup_one(
        &self,
        paths: &HostPaths,
        session: Option<&mut Session<'_>>,
        host: &HostView<'_>,
        bdf: Bdf,
        leave: &BTreeSet<Bdf>,
        results: &mut Results,
    ) -> Result<(), Error> {
        let accepted = self.even_if.iter().cloned().collect();
        let plan = Plan::make(paths, host, bdf, &accepted)?;
        let left = leave.iter().find(|&&left| plan.removes(left));
        if let Some(left) = left.filter(|_| !plan.up_to_date) {
            results.say(&format!(
                "{bdf}: left alone, because --leave names {left}\n"
            ));
            return Ok(());
        }
        if let Some(stale) = plan.stale.filter(|_| self.all && !plan.up_to_date) {
            results.say(&format!(
                "{bdf}: left alone: the kernel would put it into the present group of {stale}; first acsctl regroup {stale}\n"
            ));
            return Ok(());
        }
        if plan.up_to_date {
            results.say(&format!(
                "{bdf}: nothing to do: the kernel would make the same groups now\n"
            ));
            if !self.all || self.dry_run {
                results.say(&plan.to_string());
            }
        } else {
            results.say(&plan.to_string());
        }
        let (refusal, up_to_date) = (plan.refusal(), plan.up_to_date);
        results.plans.push(plan);
        let Some(plan) = results.plans.last().filter(|_| !up_to_date) else {
            return Ok(());
        };
        if let Some(refusal) = refusal {
            return Err(Error::Refused(refusal));
        }
        if let Some(session) = session {
            let outcome = regroup::regroup(session, host.topology, plan)?;
            results.take(outcome);
        }
        Ok(())
    }

    /// Assembles the output.
    fn finish(&self, results: Results) -> Result<String, Failure> {
        let is_as_planned = results.outcomes.iter().all(Outcome::is_as_planned);
        let printed = match self.format {
            Format::Text => String::new(),
            Format::Json => results.json()?,
        };
        let refused = |errors: Vec<Error>| {
            let could_not = errors.iter().any(|error| error.exit_status() == 2);
            let text: Vec<_> = errors.iter().map(ToString::to_string).collect();
            if could_not {
                Error::CouldNotRun(text.join("\n"))
            } else {
                Error::Refused(text.join("\n"))
            }
        };
        let error = if results.errors.is_empty() {
            let why = "the result differs from the plan; the lines above say where";
            (!is_as_planned).then(|| Error::Refused(why.to_owned()))
        } else {
            Some(refused(results.errors))
        };
        match error {
            None => Ok(printed),
            Some(error) => Err(Failure { printed, error }),
        }
    }
}

impl Results {
    /// Prints text at once, because the next step may take long.
    fn say(&mut self, text: &str) {
        if self.format == Format::Text {
            self.errors.extend(print(text).err());
        }
    }

    fn take(&mut self, outcome: Outcome) {
        self.say(&outcome.to_string());
        self.outcomes.push(outcome);
    }

    fn json(&self) -> Result<String, Error> {
        let plans = self.plans.iter().map(|plan| PlanOutput {
            requested: plan.requested.to_string(),
            up_to_date: plan.up_to_date,
            functions: &plan.functions,
            rescan: plan.rescan.display().to_string(),
            uses: plan.uses.list.iter().collect(),
            unchecked: plan.uses.unseen.iter().collect(),
            warnings: &plan.warnings,
            obstacles: &plan.obstacles,
            current: groups(&plan.current),
            planned: groups(&plan.planned),
        });
        let outcomes = self.outcomes.iter().map(|outcome| OutcomeOutput {
            requested: outcome.requested.to_string(),
            as_planned: outcome.is_as_planned(),
            functions: &outcome.functions,
            before: groups(&outcome.before),
            predicted: outcome.predicted.as_ref().map(groups),
            after: groups(&outcome.after),
            problems: &outcome.problems,
            notes: &outcome.notes,
        });
        json::pretty(&Report {
            schema: SCHEMA,
            plans: plans.collect(),
            outcomes: outcomes.collect(),
        })
    }
}
