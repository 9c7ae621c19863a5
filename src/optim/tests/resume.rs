//! A state written and read back goes on to the bit; a damaged one is refused.

use std::io::Read as _;

use super::{
    super::{
        StateError,
        state::{Kind, RecordReader, RecordWriter},
    },
    EpsilonPlace, ONE, Optimizer, Options, adam_options, all_options, bits, drive, lbfgs_options,
    quadratic, state_of,
};

fn read(bytes: &[u8], options: Options, len: usize) -> Result<Optimizer, StateError> {
    Optimizer::read_from(&mut &bytes[..], options, len, ONE)
}

/// The state after `n` evaluations of three values.
fn small_state(options: Options, n: usize) -> Vec<u8> {
    let mut optimizer = Optimizer::new(options, ONE);
    drive(&mut optimizer, quadratic, &mut [0.0, 0.5, 2.0], n);
    state_of(&optimizer)
}

/// The signature, version and kind before the first field of a record.
const HEADER: usize = 16;

#[test]
fn a_run_restored_at_any_step_ends_on_the_same_bits() {
    let len = 19;
    for (name, options) in all_options() {
        let mut whole = vec![0.0; len];
        let mut reference = Optimizer::new(options, ONE);
        drive(&mut reference, quadratic, &mut whole, 12);
        for at in 0..=12 {
            let mut x = vec![0.0; len];
            let mut first = Optimizer::new(options, ONE);
            drive(&mut first, quadratic, &mut x, at);
            let mut second = read(&state_of(&first), options, len).expect("an intact state");
            assert_eq!(second.evaluations(), first.evaluations(), "{name} at {at}");
            drive(&mut second, quadratic, &mut x, 12 - at);
            assert_eq!(bits(&x), bits(&whole), "{name} restored at {at}");
            assert!(
                state_of(&second) == state_of(&reference),
                "{name} restored at {at}: state"
            );
        }
    }
}

#[test]
fn a_restored_run_steps_over_a_rejected_pair_alike() {
    let options = lbfgs_options(3);
    let mut x = [0.0; 8];
    let mut optimizer = Optimizer::new(options, ONE);
    drive(&mut optimizer, quadratic, &mut x, 5);
    let mut restored = read(&state_of(&optimizer), options, 8).expect("an intact state");
    let mut restored_x = x;
    // The gradient does not change, so the history and its scaling are all there is to go by.
    let flat = |_: &[f32]| (1.0, vec![1.0, -2.0, 3.0, 0.5, -0.25, 4.0, 1.5, -1.0]);
    drive(&mut optimizer, flat, &mut x, 3);
    drive(&mut restored, flat, &mut restored_x, 3);
    assert_eq!(bits(&restored_x), bits(&x));
    let mut again = read(&state_of(&optimizer), options, 8).expect("an intact state");
    let mut again_x = x;
    drive(&mut optimizer, flat, &mut x, 1);
    drive(&mut again, flat, &mut again_x, 1);
    assert_eq!(bits(&again_x), bits(&x));
}

#[test]
fn reading_stops_where_the_state_ends() {
    for (name, options) in all_options() {
        let mut bytes = small_state(options, 6);
        bytes.extend(b"and more");
        let mut rest = &bytes[..];
        Optimizer::read_from(&mut rest, options, 3, ONE).expect("an intact state");
        assert_eq!(rest, b"and more", "{name}");
    }
}

#[test]
fn a_state_cut_anywhere_is_refused() {
    for (name, options) in all_options() {
        let bytes = small_state(options, 6);
        for end in 0..bytes.len() {
            let error = read(&bytes[..end], options, 3).expect_err("a cut state");
            assert!(
                matches!(error, StateError::Read(_)),
                "{name} cut at {end}: {error}"
            );
        }
    }
}

#[test]
fn a_state_with_any_bit_turned_is_refused() {
    for (name, options) in all_options() {
        let bytes = small_state(options, 6);
        for bit in 0..bytes.len() * 8 {
            let mut bytes = bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(read(&bytes, options, 3).is_err(), "{name}, bit {bit}");
        }
    }
}

#[test]
fn another_optimizer_size_or_option_is_refused_by_name() {
    let lbfgs = small_state(lbfgs_options(3), 6);
    let adam = small_state(adam_options(EpsilonPlace::AfterCorrection), 6);
    let refusal = |bytes: &[u8], options, len| {
        read(bytes, options, len)
            .expect_err("a state of something else")
            .to_string()
    };
    assert_eq!(
        refusal(&adam, lbfgs_options(3), 3),
        "the optimiser's state holds the state of Adam where the state of L-BFGS was expected"
    );
    assert_eq!(
        refusal(&lbfgs, lbfgs_options(3), 4),
        "the optimiser's state is for 3 values, this picture has 4"
    );
    let others = "the optimiser's state was made with other options";
    assert_eq!(refusal(&lbfgs, lbfgs_options(4), 3), others);
    assert_eq!(
        refusal(&adam, adam_options(EpsilonPlace::BeforeCorrection), 3),
        others
    );
    assert_eq!(
        refusal(b"GIF89a and so on", lbfgs_options(3), 3),
        "this is not the state of an optimiser"
    );
    let mut later = lbfgs;
    later[8] = 2;
    assert_eq!(
        refusal(&later, lbfgs_options(3), 3),
        "the optimiser's state has format 2, this program reads format 1"
    );
}

/// Builds an L-BFGS state with true checksums over whatever `counts` and `pairs` say.
fn forged(counts: [u64; 4], pairs: &[(u64, u64)]) -> Vec<u8> {
    let [evaluations, next_sequence, n_pairs, len] = counts;
    let mut bytes = Vec::new();
    let mut record = RecordWriter::begin(&mut bytes, Kind::Lbfgs).expect("memory");
    for field in [
        3,
        1.0_f64.to_bits(),
        evaluations,
        1.0_f64.to_bits(),
        next_sequence,
        n_pairs,
        len,
    ] {
        record.u64(field).expect("memory");
    }
    record.vector(&[1.0, 2.0]).expect("memory");
    record.vector(&[1.0, 2.0]).expect("memory");
    record.end().expect("memory");
    for (sequence, n_older) in pairs {
        let mut record = RecordWriter::begin(&mut bytes, Kind::Pair).expect("memory");
        for field in [*sequence, 1.0_f64.to_bits(), 1.0_f64.to_bits(), *n_older, 2] {
            record.u64(field).expect("memory");
        }
        for _ in 0..(*n_older).min(5) * 2 {
            record.f64(0.5).expect("memory");
        }
        record.vector(&[1.0, 2.0]).expect("memory");
        record.vector(&[1.0, 2.0]).expect("memory");
        record.end().expect("memory");
    }
    bytes
}

#[test]
fn a_state_that_claims_too_much_is_refused_before_memory_is_taken() {
    let options = lbfgs_options(3);
    assert!(
        read(&forged([9, 2, 2, 2], &[(0, 0), (1, 1)]), options, 2).is_ok(),
        "the forgery works"
    );
    let all = u64::MAX;
    for (name, bytes) in [
        ("length", forged([9, 2, 2, all], &[(0, 0), (1, 1)])),
        (
            "pairs above the history",
            forged([9, 4, 4, 2], &[(0, 0), (1, 1), (2, 2), (3, 2)]),
        ),
        ("endless pairs", forged([all, all, all, 2], &[(0, 0)])),
        (
            "more pairs than evaluations",
            forged([2, 2, 2, 2], &[(0, 0), (1, 1)]),
        ),
        (
            "more pairs than numbers",
            forged([9, 1, 2, 2], &[(0, 0), (1, 1)]),
        ),
        (
            "endless products",
            forged([9, 2, 2, 2], &[(0, 0), (1, all)]),
        ),
        ("too few products", forged([9, 2, 2, 2], &[(0, 0), (1, 0)])),
        ("order", forged([9, 2, 2, 2], &[(1, 1), (0, 0)])),
        ("a gap", forged([9, 3, 2, 2], &[(0, 0), (2, 1)])),
        ("vectors before the first step", forged([0, 0, 0, 2], &[])),
    ] {
        let error = read(&bytes, options, 2).expect_err(name);
        let refused = matches!(
            error,
            StateError::Inconsistent(_) | StateError::Length { .. }
        );
        assert!(refused, "{name}: {error}");
    }
}

#[test]
fn a_record_is_checked_as_a_whole() {
    let mut bytes = Vec::new();
    let mut record = RecordWriter::begin(&mut bytes, Kind::Pair).expect("memory");
    record.u64(7).expect("memory");
    record.end().expect("memory");
    assert_eq!(bytes.len(), HEADER + 8 + 32);
    bytes[HEADER] = 8;
    let mut reader = &bytes[..];
    let mut record = RecordReader::begin(&mut reader, Kind::Pair).expect("an intact header");
    assert_eq!(record.u64().expect("a field"), 8);
    let error = record.end().expect_err("an altered field");
    assert!(matches!(error, StateError::Checksum(_)), "{error}");
}

#[test]
fn a_state_whose_pairs_are_kept_apart_goes_on_to_the_same_bits() {
    let len = 19;
    for (name, options) in all_options() {
        let mut x = vec![0.0; len];
        let mut first = Optimizer::new(options, ONE);
        drive(&mut first, quadratic, &mut x, 7);
        let mut head = Vec::new();
        first.write_head(&mut head).expect("memory");
        let pairs: Vec<(u64, Vec<u8>)> = first
            .pairs()
            .map(|pair| {
                let mut bytes = Vec::new();
                pair.write_to(&mut bytes).expect("memory");
                (pair.sequence(), bytes)
            })
            .collect();
        let gone = || std::io::Error::from(std::io::ErrorKind::NotFound);
        let find = |sequence: u64| {
            let pair = pairs.iter().find(|(number, _)| *number == sequence);
            pair.map(|(_, bytes)| &bytes[..]).ok_or_else(gone)
        };
        let mut second = Optimizer::read_apart(&mut &head[..], options, len, ONE, &mut { find })
            .expect("an intact state");
        let mut second_x = x.clone();
        drive(&mut first, quadratic, &mut x, 4);
        drive(&mut second, quadratic, &mut second_x, 4);
        assert_eq!(bits(&second_x), bits(&x), "{name}");
        assert!(state_of(&second) == state_of(&first), "{name}: state");
        if pairs.is_empty() {
            continue;
        }
        let mut longer = |sequence: u64| find(sequence).map(|bytes| bytes.chain(&b"!"[..]));
        let read = Optimizer::read_apart(&mut &head[..], options, len, ONE, &mut longer);
        assert!(read.is_err(), "{name}: something behind a pair");
        let mut none = |_: u64| Err::<&[u8], _>(gone());
        let read = Optimizer::read_apart(&mut &head[..], options, len, ONE, &mut none);
        assert!(read.is_err(), "{name}: no pairs");
    }
}

#[test]
fn another_function_clears_the_history_of_lbfgs_and_leaves_adams_means() {
    for (name, options) in all_options() {
        let mut x = vec![0.0; 8];
        let mut optimizer = Optimizer::new(options, ONE);
        drive(&mut optimizer, quadratic, &mut x, 5);
        let before = state_of(&optimizer);
        optimizer.function_changed();
        optimizer.set_learning_rate(0.25);
        match options {
            Options::Lbfgs(_) => {
                assert_eq!(optimizer.pairs().count(), 0, "{name}");
                assert_eq!(optimizer.evaluations(), 0, "{name}");
                read(&state_of(&optimizer), options, 8).expect("a learning rate means nothing");
            }
            Options::Adam(adam) => {
                assert!(state_of(&optimizer) != before, "{name}: the learning rate");
                optimizer.set_learning_rate(adam.learning_rate);
                assert!(state_of(&optimizer) == before, "{name}: the means");
            }
        }
        drive(&mut optimizer, quadratic, &mut x, 3);
    }
}
