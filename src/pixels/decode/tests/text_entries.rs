//! The texts inside a PNG.

use png::{BitDepth, ColorType};

use super::{
    samples::{deflate, jpeg, png, smooth},
    *,
};

const KIND: (ColorType, BitDepth) = (ColorType::Grayscale, BitDepth::Eight);

fn texts(name: &str, bytes: &[u8]) -> Result<Vec<(String, String)>, DecodeError> {
    read_text(&dropped(name, bytes).path, &DecodeOptions::default())
}

fn packed(text: &[u8]) -> Vec<u8> {
    [b"big\0\x01\0\0\0", deflate(text).as_slice()].concat()
}

#[test]
fn plain_and_packed_entries_are_read_and_damaged_ones_left_out() {
    let plain = "pentimento\0\0\0en\0titre\0caf\u{e9} = 1\n";
    let chunks: [(&[u8; 4], &[u8]); 6] = [
        (b"iTXt", plain.as_bytes()),
        (b"iTXt", &packed(b"a text")),
        (b"iTXt", b"no end of keyword"),
        (b"iTXt", b"odd\0\x01\x07\0\0 method"),
        (b"iTXt", b"bytes\0\0\0\0\0\xff\xfe"),
        (b"tEXt", b"old\0kind"),
    ];
    let found = texts("a.png", &png((1, 1), KIND, &chunks, &[9])).unwrap();
    let expected = [("pentimento", "caf\u{e9} = 1\n"), ("big", "a text")];
    assert_eq!(
        found,
        expected.map(|(keyword, text)| (keyword.to_owned(), text.to_owned()))
    );
}

#[test]
fn an_entry_with_a_wrong_checksum_is_left_out() {
    let mut bytes = png((1, 1), KIND, &[(b"iTXt", b"key\0\0\0\0\0value")], &[9]);
    let at = bytes
        .windows(5)
        .position(|window| window == b"value")
        .unwrap();
    bytes[at] = b'V';
    assert_eq!(texts("a.png", &bytes).unwrap(), []);
}

#[test]
fn a_bomb_is_not_unpacked() {
    let bytes = png(
        (1, 1),
        KIND,
        &[(b"iTXt", &packed(&vec![b'x'; 64 << 20]))],
        &[9],
    );
    let error = texts("a.png", &bytes).unwrap_err();
    assert!(matches!(error, DecodeError::TextTooLong { .. }), "{error}");
    let many = vec![(b"iTXt", packed(&vec![b'x'; 3 << 20])); 2];
    let many: Vec<(&[u8; 4], &[u8])> = many.iter().map(|(kind, data)| (*kind, &data[..])).collect();
    let error = texts("a.png", &png((1, 1), KIND, &many, &[9])).unwrap_err();
    assert!(matches!(error, DecodeError::TextTooLong { .. }), "{error}");
}

#[test]
fn another_format_has_no_texts() {
    assert_eq!(texts("a.jpg", &jpeg(&smooth(8, 8))).unwrap(), []);
}
