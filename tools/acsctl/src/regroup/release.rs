// SPDX-License-Identifier: GPL-2.0-only

//! `--release`: gives up on a device that is withheld, or that a killed run left behind.

use std::collections::BTreeMap;

use quirk_data::error::Error;
use topology::Bdf;

use super::{
    Outcome, Session, State, Withheld,
    restore::{held_off, is_held_off, shown},
    window::autoprobe,
    writer::Wait,
};

impl Session<'_> {
    /// Forgets what was withheld of the device of a function, and what is still to be restored of it.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] when there is nothing to forget; [`Error::CouldNotRun`] when a record cannot be
    /// read or removed, or drivers cannot be let in again. What is to be restored is then kept.
    pub fn release(&mut self, bdf: Bdf) -> Result<Vec<String>, Error> {
        // All that can be malformed is read before anything changes.
        let all = Withheld::all_but(self.paths, Some(bdf))?;
        let left_behind = State::left_behind_but(self.paths, Some(bdf))?;
        let mut functions = held_off(self.paths);
        functions.retain(|&held_off| held_off == bdf);
        let mut notes = Vec::new();
        if Withheld::forget_malformed(self.paths, bdf)? {
            functions.insert(bdf);
            notes.push(
                "the record of what was withheld could not be read, and was removed".to_owned(),
            );
        }
        let is_it = |it: &&Withheld| it.functions.contains(&bdf) || it.covers(self.paths, bdf);
        for withheld in all.iter().filter(is_it) {
            withheld.release(self.paths)?;
            functions.extend(&withheld.functions);
        }
        if State::forget_malformed(self.paths, bdf)? {
            let on = self.write(&autoprobe(self.paths), "1", Wait::Timeout);
            on.map_err(|error| Error::CouldNotRun(error.to_string()))?;
            functions.insert(bdf);
            notes.push(
                "what an acsctl of another version had to restore could not be read, so nothing was restored; drivers bind \
                 again. Reboot to bring missing functions and drivers back"
                    .to_owned(),
            );
        }
        for mut state in left_behind {
            if state.function_set().contains(&bdf) {
                self.give_overrides(&state, |_, _| true);
                notes.extend(self.let_drivers_in(&mut state)?);
                notes.extend(self.let_sleep(&state).err().map(shown));
                state.remove(self.paths)?;
                functions.extend(state.function_set());
            }
        }
        if functions.is_empty() {
            return Err(Error::NotFound(format!(
                "{bdf}: no regroup withheld it, and nothing is to be restored of it"
            )));
        }
        for bdf in functions {
            if is_held_off(self.paths, bdf) {
                let path = self.paths.function(bdf).join("driver_override");
                let freed = self.write(&path, "", Wait::Timeout);
                freed.map_err(|error| Error::CouldNotRun(error.to_string()))?;
            }
        }
        Ok(notes)
    }

    /// Lets drivers in again, and gives one to each other device that missed one and whose group is justified. Returns
    /// what went wrong with a device.
    fn let_drivers_in(&mut self, state: &mut State) -> Result<Vec<String>, Error> {
        let mut outcome = Outcome::new(state);
        // No device was compared yet.
        let closed = self.close_window(state, &BTreeMap::new(), &mut outcome);
        closed
            .map_err(|stop| Error::CouldNotRun(format!("{}: {}", state.requested, shown(stop))))?;
        Ok(outcome.problems)
    }
}
