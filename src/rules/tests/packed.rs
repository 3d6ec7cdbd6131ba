// SPDX-License-Identifier: GPL-2.0-only

//! A decision packed into one word unpacks to the same decision.

use std::collections::BTreeSet;

use rules::{
    acs::AcsFlags, decision::Refusal, limits::Excess, packed::Verdict, release::Release,
    whole::Fault,
};

/// Every kind of outcome, with these numbers as details.
fn outcomes(devfn: u8, vendor: u16, device: u16, small: u8) -> Vec<Result<(), Refusal>> {
    let excesses = [
        Excess::Class((u32::from(small) << 16) | u32::from(device)),
        Excess::Revision(small),
        Excess::Subsystem(vendor, device),
    ];
    let faults = [
        Fault::Unreadable { devfn },
        Fault::Changed { vendor, device },
        Fault::Unaccounted,
        Fault::NotCovered {
            devfn,
            vendor,
            device,
        },
        Fault::HasAcs { devfn },
        Fault::AcsOff { devfn },
        Fault::NotFound { devfn },
        Fault::Exposed { devfn },
        Fault::Aliased { devfn },
        Fault::Condition {
            devfn,
            number: small,
        },
    ];
    let limits = excesses.map(|excess| Fault::Limits { devfn, excess });
    let alone = [
        Refusal::Withdrawn,
        Refusal::Mainline(Release::new(vendor, device)),
        Refusal::KernelVerdict,
        Refusal::FlagsNotGranted(AcsFlags::from_bits(device)),
        Refusal::WrongType,
        Refusal::OwnAcs,
        Refusal::Exposed,
        Refusal::Virtual,
        Refusal::Gone,
        Refusal::Unrecorded,
    ];
    let refusals = faults.into_iter().chain(limits).map(Refusal::Whole);
    let all = alone.into_iter().chain(refusals).map(Err);
    all.chain([Ok(())]).collect()
}

#[test]
fn each_verdict_comes_out_as_it_went_in() {
    let mut random = fastrand::Rng::with_seed(63);
    let corners = [(0, 0, 0, 0), (0xff, 0xffff, 0xffff, 0xff)];
    let random = (0..2_000).map(|_| (random.u8(..), random.u16(..), random.u16(..), random.u8(..)));
    for (devfn, vendor, device, small) in corners.into_iter().chain(random) {
        for entry in [1, 2, 4095, device % 4096] {
            let outcomes = outcomes(devfn, vendor, device, small);
            let words: BTreeSet<_> = outcomes
                .iter()
                .map(|&outcome| Verdict { entry, outcome }.pack())
                .collect();
            assert_eq!(words.len(), outcomes.len(), "no two are one word");
            for outcome in outcomes {
                let verdict = Verdict { entry, outcome };
                assert_ne!(verdict.pack(), 0);
                assert_eq!(Verdict::unpack(verdict.pack()), Some(verdict));
            }
        }
    }
}

#[test]
fn every_kind_has_a_bit_of_its_own() {
    let outcomes = outcomes(1, 2, 3, 4);
    let bits: BTreeSet<_> = outcomes
        .iter()
        .map(|&outcome| Verdict { entry: 1, outcome }.kind())
        .collect();
    assert_eq!(bits.len(), outcomes.len());
    assert!(bits.iter().all(|bits| bits.is_power_of_two()));
}

/// Any other word unpacks to no decision.
#[test]
fn other_words_are_no_decision() {
    assert_eq!(Verdict::unpack(0), None);
    let mut random = fastrand::Rng::with_seed(64);
    for _ in 0..1_000_000 {
        let word = random.u64(..);
        if let Some(verdict) = Verdict::unpack(word) {
            assert_eq!(verdict.pack(), word);
        }
        assert_eq!(Verdict::unpack(word & !(1 << 63)), None);
    }
}
