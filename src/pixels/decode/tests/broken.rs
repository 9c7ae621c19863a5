//! Random damage never gets further than an error, and real pictures are read.

use image::ImageFormat;

use super::{
    samples::{CMYK, PROGRESSIVE, encoded, gif, jpeg, smooth, tiff},
    *,
};

/// Marsaglia's xorshift, seeded: the damage is the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit as u64).unwrap()
    }
}

#[test]
fn flipped_bytes_never_escape_as_a_panic() {
    let image = smooth(24, 18);
    let seeds: Vec<(&str, Vec<u8>)> = vec![
        ("a.jpg", jpeg(&image)),
        ("b.jpg", PROGRESSIVE.to_vec()),
        ("c.jpg", CMYK.to_vec()),
        ("a.png", encoded(&image, ImageFormat::Png)),
        ("a.gif", gif(2)),
        ("a.webp", encoded(&image, ImageFormat::WebP)),
        ("a.tif", encoded(&image, ImageFormat::Tiff)),
        ("b.tif", tiff(&[0, 1])),
        ("a.bmp", encoded(&image, ImageFormat::Bmp)),
        ("a.qoi", encoded(&image, ImageFormat::Qoi)),
        ("a.tga", encoded(&image, ImageFormat::Tga)),
        ("a.ppm", encoded(&image, ImageFormat::Pnm)),
    ];
    let options = DecodeOptions {
        max_pixels: 1_000_000,
        ..DecodeOptions::default()
    };
    let mut dice = Dice(0x5eed_0001);
    for round in 0..60 {
        for (name, seed) in &seeds {
            let mut bytes = seed.clone();
            // Half of the damage goes to the headers, where sizes and counts are.
            let reach = if round % 2 == 0 {
                bytes.len()
            } else {
                bytes.len().min(120)
            };
            for _ in 0..=dice.below(4) {
                let at = dice.below(reach);
                bytes[at] = u8::try_from(dice.below(256)).unwrap();
            }
            let file = dropped(name, &bytes);
            if let Ok(opened) = open(&file.path, &options) {
                assert!(
                    opened
                        .picture
                        .data()
                        .iter()
                        .all(|v| (0.0..=255.0).contains(v)),
                    "{name}"
                );
            }
        }
    }
}

#[test]
fn a_panic_in_a_decoder_is_damage() {
    let bytes = jpeg(&smooth(8, 8));
    let path = Path::new("a.jpg");
    let input = Input::new(path, &bytes, &DecodeOptions::default()).unwrap();
    let error = input
        .guarded::<()>(|| panic!("index out of bounds"))
        .unwrap_err();
    assert_eq!(
        told(&error),
        "the JPEG file a.jpg is damaged; open and save it in an image editor: the decoder gave up: \
         index out of bounds"
    );
}

#[test]
fn real_pictures_are_read_without_notes() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/pictures");
    let Ok(entries) = fs::read_dir(&folder) else {
        println!("skipped: no pictures beside the repository");
        return;
    };
    for entry in entries {
        let path = entry.unwrap().path();
        let opened = open(&path, &DecodeOptions::default());
        let opened = opened.unwrap_or_else(|error| panic!("{}", told(&error)));
        let whole = fs::read(&path).unwrap();
        println!("{}: {:?}", path.display(), opened.notes);
        assert!(opened.picture.width() > 100 && opened.sha256.len() == 64);
        let half = dropped("half.jpg", &whole[..whole.len() / 2]);
        let error = probe(&half.path, &DecodeOptions::default()).unwrap_err();
        assert!(error.may_still_arrive(), "{}", told(&error));
    }
}
