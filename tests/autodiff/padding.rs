//! Cases of padding, in each mode.

use super::check::{Case, case};

fn pad(name: &str, mode: &'static str, shape: &[usize], pads: &[i64]) -> Case {
    case(
        &format!("Pad, {mode}, {name}"),
        &[shape],
        (-2.0, 2.0),
        |b, x| {
            let pads = b.ints(pads);
            vec![
                b.node("Pad", &[&x[0], &pads], [("mode", mode.into())])
                    .unwrap(),
            ]
        },
    )
}

pub fn cases() -> Vec<Case> {
    let image: &[usize] = &[1, 2, 3, 5];
    let uneven = &[0, 0, 2, 1, 0, 0, 1, 4];
    vec![
        pad("uneven", "constant", image, uneven),
        pad(
            "cutting off",
            "constant",
            image,
            &[0, -1, 2, -1, 0, 0, -1, 3],
        ),
        pad("nothing", "constant", image, &[0; 8]),
        case(
            "Pad, value computed",
            &[&[3, 5], &[]],
            (-2.0, 2.0),
            |b, x| {
                let pads = b.ints(&[1, -1, 0, 2]);
                vec![b.node("Pad", &[&x[0], &pads, &x[1]], []).unwrap()]
            },
        ),
        pad("uneven", "edge", image, uneven),
        pad("one side", "edge", &[3, 5], &[0, 3, 0, 0]),
        pad("axes of 1 and 2", "edge", &[1, 2], &[2, 1, 1, 3]),
        pad("cutting off", "edge", &[4, 5], &[-1, 2, 2, -2]),
        pad("uneven", "reflect", image, &[0, 0, 2, 1, 0, 0, 1, 4]),
        pad("one side", "reflect", &[3, 5], &[0, 3, 2, 0]),
        pad("as far as it goes", "reflect", &[4, 2], &[3, 1, 3, 1]),
        pad("channels too", "reflect", &[2, 3, 4], &[1, 2, 0, 0, 1, 3]),
    ]
}
