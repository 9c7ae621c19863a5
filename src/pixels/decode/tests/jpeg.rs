//! JPEG: cut files, tails, orientation, ink.

use super::{
    samples::{CMYK, PROGRESSIVE, exif, flat, jpeg, smooth, with_segment},
    *,
};

#[test]
fn every_cut_is_incomplete_for_baseline_and_progressive() {
    let baseline = jpeg(&smooth(80, 64));
    for (kind, whole) in [
        ("baseline", baseline.as_slice()),
        ("progressive", PROGRESSIVE),
    ] {
        assert!(opened("whole.jpg", whole).unwrap().notes.is_empty());
        let len = whole.len();
        let cuts = (3..len - 50)
            .step_by(11)
            .chain([len / 50, len / 2, len - 50]);
        for cut in cuts {
            let error = opened("cut.jpg", &whole[..cut.max(4)]).unwrap_err();
            assert!(
                error.may_still_arrive(),
                "{kind} cut to {cut} of {len}: {}",
                told(&error)
            );
        }
    }
}

#[test]
fn a_cut_file_padded_with_zeros_is_incomplete_too() {
    let whole = jpeg(&smooth(80, 64));
    let mut reserved = whole[..whole.len() / 2].to_vec();
    reserved.resize(whole.len(), 0);
    assert!(
        opened("reserved.jpg", &reserved)
            .unwrap_err()
            .may_still_arrive()
    );
}

#[test]
fn a_missing_end_mark_alone_is_forgiven_with_a_note() {
    let whole = jpeg(&smooth(80, 64));
    let without = opened("a.jpg", &whole[..whole.len() - 2]).unwrap();
    assert_eq!(without.notes, [Note::EndMissing]);
    assert_eq!(without.picture, opened("a.jpg", &whole).unwrap().picture);
    // In a progressive file it cannot be told from a missing scan.
    let progressive = &PROGRESSIVE[..PROGRESSIVE.len() - 2];
    assert!(opened("a.jpg", progressive).unwrap_err().may_still_arrive());
}

#[test]
fn a_cut_with_an_end_mark_put_behind_it_is_damage() {
    let baseline = jpeg(&smooth(80, 64));
    // Of the progressive file, whatever lacks its last scan.
    let last_scan = PROGRESSIVE
        .windows(2)
        .rposition(|pair| pair == [0xff, 0xda])
        .unwrap();
    let (end, step) = (baseline.len() - 50, 17);
    let cuts = (700..end).step_by(step).chain([end]);
    let cases = cuts.map(|cut| &baseline[..cut]).chain(
        (300..last_scan)
            .step_by(step)
            .map(|cut| &PROGRESSIVE[..cut]),
    );
    let mut n_cases = 0;
    for cut in cases {
        // A mark behind 0xff would not be one.
        let closed = [cut.strip_suffix(&[0xff]).unwrap_or(cut), &[0xff, 0xd9]].concat();
        let error = opened("closed.jpg", &closed).unwrap_err();
        assert!(!error.may_still_arrive(), "{}: {}", cut.len(), told(&error));
        n_cases += 1;
    }
    assert!(n_cases > 20, "{n_cases}");
}

#[test]
fn a_tail_is_ignored() {
    let whole = jpeg(&smooth(80, 64));
    let other = jpeg(&flat([1, 2, 3]));
    let film = b"\0\0\0\x18ftypmp42 and a whole film \xff\xff\xd9";
    let picture = opened("a.jpg", &whole).unwrap().picture;
    for tail in [
        b"\0\0\0".as_slice(),
        &other,
        film,
        &other[..other.len() / 2],
    ] {
        let opened = opened("a.jpg", &[&whole, tail].concat()).unwrap();
        assert_eq!(opened.picture, picture);
        assert_eq!(opened.notes, []);
    }
}

#[test]
fn broken_data_between_sound_ends_is_damage() {
    let mut bytes = jpeg(&smooth(80, 64));
    let middle = bytes.len() * 2 / 3;
    bytes[middle..middle + 40].fill(0xff);
    let error = opened("a.jpg", &bytes).unwrap_err();
    assert!(
        matches!(error, DecodeError::Damaged { .. }),
        "{}",
        told(&error)
    );
    assert!(!error.may_still_arrive());
}

#[test]
fn twelve_bits_arithmetic_coding_and_lossless_are_told_as_unsupported() {
    let whole = jpeg(&smooth(16, 16));
    let frame = whole
        .windows(2)
        .position(|pair| pair == [0xff, 0xc0])
        .unwrap();
    // Each change is to the kind of frame or to its bits per sample.
    for (offset, value) in [(1, 0xc3), (1, 0xc9), (4, 12)] {
        let mut bytes = whole.clone();
        bytes[frame + offset] = value;
        let error = opened("a.jpg", &bytes).unwrap_err();
        let unsupported = matches!(error, DecodeError::Unsupported { .. });
        assert!(unsupported, "{offset} {value:#x}: {}", told(&error));
    }
}

#[test]
fn all_eight_orientations_come_out_upright() {
    // The stored picture is brightest in red to the right and in green to the bottom. For each
    // orientation: the size, and whether red (then green) grows to the right or down.
    let stored = jpeg(&smooth(48, 32));
    let corners = [
        (1, (48, 32), [1, 0], [0, 1]),
        (2, (48, 32), [-1, 0], [0, 1]),
        (3, (48, 32), [-1, 0], [0, -1]),
        (4, (48, 32), [1, 0], [0, -1]),
        (5, (32, 48), [0, 1], [1, 0]),
        (6, (32, 48), [0, 1], [-1, 0]),
        (7, (32, 48), [0, -1], [-1, 0]),
        (8, (32, 48), [0, -1], [1, 0]),
    ];
    for (orientation, (width, height), red, green) in corners {
        let content = [b"Exif\0\0", exif(orientation).as_slice()].concat();
        let picture = opened("a.jpg", &with_segment(&stored, 0xe1, &content))
            .unwrap()
            .picture;
        assert_eq!(
            (picture.width(), picture.height()),
            (width, height),
            "{orientation}"
        );
        let slope = |channel: usize| {
            let at = |x, y| pixel(&picture, x, y)[channel];
            let (middle_x, middle_y) = (width / 2, height / 2);
            let across = at(width - 1, middle_y) - at(0, middle_y);
            let down = at(middle_x, height - 1) - at(middle_x, 0);
            [across, down].map(|change| {
                if change.abs() < 60.0 {
                    0
                } else {
                    change.signum() as i8
                }
            })
        };
        assert_eq!(
            (slope(0), slope(1)),
            (red, green),
            "orientation {orientation}"
        );
    }
}

#[test]
fn ink_is_converted_with_and_without_the_adobe_segment() {
    let expected = [
        [102.0, 255.0, 255.0],
        [255.0, 102.0, 255.0],
        [255.0, 255.0, 102.0],
        [102.0; 3],
    ];
    let corners = [(3, 3), (12, 3), (3, 12), (12, 12)];
    let with = opened("a.jpg", CMYK).unwrap();
    assert_eq!(with.notes, [Note::Cmyk { profile: false }]);
    for (rgb, (x, y)) in expected.into_iter().zip(corners) {
        assert_near(pixel(&with.picture, x, y), rgb, 2.0);
    }
    // Without the segment the values are not inverted: 60 % cyan on nothing is read as 40 % cyan
    // under full magenta, yellow and black, which is black.
    let adobe_length = 2 + 14;
    let without = [&CMYK[..2], &CMYK[2 + adobe_length..]].concat();
    let without = opened("a.jpg", &without).unwrap();
    assert_eq!(without.notes, [Note::Cmyk { profile: false }]);
    assert_near(pixel(&without.picture, 3, 3), [0.0; 3], 2.0);
    assert_near(pixel(&without.picture, 12, 12), [0.0; 3], 2.0);
}

#[test]
fn ink_stored_as_luminance_and_black_is_converted() {
    // The same file read as YCCK: the quadrant of 60 % black stores (255, 255, 255, 102), whose
    // first three are a bright yellowish pink that clips.
    let mut bytes = CMYK.to_vec();
    assert_eq!(&bytes[6..11], b"Adobe");
    bytes[17] = 2;
    let opened = opened("a.jpg", &bytes).unwrap();
    assert_eq!(opened.notes, [Note::Cmyk { profile: false }]);
    // Ink = RGB of (255, 255, 255) as YCC = (255, 120.6, 255) -> paper left = (0, 134, 0) * 0.4.
    assert_near(pixel(&opened.picture, 12, 12), [0.0, 134.4 * 0.4, 0.0], 2.0);
}

#[test]
fn a_grey_jpeg_has_three_equal_planes() {
    let mut bytes = Vec::new();
    let encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, 95);
    let grey = image::DynamicImage::from(smooth(24, 24)).to_luma8();
    image::ImageEncoder::write_image(encoder, &grey, 24, 24, image::ExtendedColorType::L8).unwrap();
    let picture = opened("grey.jpg", &bytes).unwrap().picture;
    assert_eq!(picture.plane(0), picture.plane(1));
    assert_eq!(picture.plane(0), picture.plane(2));
    assert!((picture.plane(0)[300] - f32::from(grey.as_raw()[300])).abs() < 4.0);
}
