//! PyTorch's files: every kind of state dictionary gives the same network, and nothing else is read.

use std::path::Path;
use std::time::Instant;

use half::{bf16, f16};
use pentimento::network::{self, Network, NetworkError, Pooling, PoolingKind};
use pentimento::objective;
use pentimento::onnx::Model;
use zip::CompressionMethod;

use super::pickle::{
    Part, archive, call, dict, f32s, global, int, ints, legacy, ordered, pickle, storage, tensor,
    text, tuple, zipped,
};
use crate::support::shared;

fn read(bytes: &[u8]) -> Result<Network, NetworkError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights.pth");
    std::fs::write(&path, bytes).unwrap();
    network::find(Path::to_str(&path).unwrap(), &[])
}

/// Returns the graph up to a layer, weights and all.
fn graph(network: &Network, layer: &str) -> Model {
    let pooling = Pooling {
        kind: PoolingKind::Max,
        caffe_ceil: false,
    };
    objective::features(network, &[layer.to_owned()], (12, 12), pooling).unwrap()
}

/// Numbers that every type holds exactly.
fn numbers(count: usize) -> Vec<f32> {
    (0..count)
        .map(|i| (i * 31 % 127) as f32 / 128.0 - 0.5)
        .collect()
}

fn entries(weight: Part, bias: Part) -> Vec<(&'static str, Part)> {
    vec![("conv1_1.weight", weight), ("conv1_1.bias", bias)]
}

/// The plain file of a convolution: both tensors in the order of their axes.
fn plain_entries() -> Vec<(&'static str, Part)> {
    let weight = tensor(storage("Float", "0", 108), 0, &[4, 3, 3, 3], &[27, 9, 3, 1]);
    let bias = tensor(storage("Float", "1", 4), 0, &[4], &[1]);
    entries(weight, bias)
}

fn plain_storages() -> [(&'static str, Vec<u8>); 2] {
    [("0", f32s(&numbers(108))), ("1", f32s(&numbers(4)))]
}

fn plain() -> Vec<u8> {
    zipped(&pickle(&ordered(&plain_entries())), &plain_storages())
}

/// Holds that a file gives the network of [`plain`].
fn assert_plain(bytes: &[u8], what: &str) {
    let expected = graph(&read(&plain()).unwrap(), "relu1_1");
    let network = read(bytes).unwrap_or_else(|e| panic!("{what}: {:#}", anyhow::Error::from(e)));
    assert!(graph(&network, "relu1_1") == expected, "{what}");
}

#[test]
fn both_forms_give_one_network() {
    let [(_, weight), (_, bias)] = plain_storages();
    let description = pickle(&ordered(&plain_entries()));
    let file = legacy(&description, &[("1", 4, bias), ("0", 108, weight)]);
    assert_plain(&file, "older form");
}

#[test]
fn both_forms_of_a_real_file_give_one_network() {
    let files = ["zip", "legacy"].map(|form| shared(&format!("weights/vgg16_first4_{form}.pth")));
    let [Some(zip), Some(legacy)] = files else {
        return;
    };
    let [zip, legacy] = [zip, legacy].map(|path| read(&std::fs::read(path).unwrap()).unwrap());
    assert!(graph(&zip, "pool2") == graph(&legacy, "pool2"));
    let layers: Vec<&str> = zip.layers().iter().map(|l| l.name.as_str()).collect();
    let expected = [
        "conv1_1", "relu1_1", "conv1_2", "relu1_2", "pool1", "conv2_1", "relu2_1", "conv2_2",
        "relu2_2", "pool2",
    ];
    assert_eq!(layers, expected);
}

#[test]
fn containers_of_every_kind_are_opened() {
    let state = ordered(&plain_entries());
    let attributes = dict(&[("_metadata", ordered(&[("", dict(&[("version", int(1))]))]))]);
    let with_attributes = [state.as_slice(), &attributes, b"b"].concat();
    let parameters = plain_entries()
        .into_iter()
        .map(|(name, tensor)| {
            let arguments = [tensor, vec![0x88], ordered(&[])];
            (
                name,
                call(&global("torch._utils", "_rebuild_parameter"), &arguments),
            )
        })
        .collect::<Vec<_>>();
    let wrapped: Vec<(String, Part)> = plain_entries()
        .into_iter()
        .map(|(name, tensor)| (format!("module.{name}"), tensor))
        .collect();
    let wrapped: Vec<(&str, Part)> = wrapped
        .iter()
        .map(|(n, t)| (n.as_str(), t.clone()))
        .collect();
    let pairs = plain_entries()
        .into_iter()
        .map(|(name, tensor)| tuple(&[text(name), tensor]));
    let pairs = [b"](", pairs.collect::<Vec<_>>().concat().as_slice(), b"e"].concat();
    let of_pairs = call(&global("collections", "OrderedDict"), &[pairs]);
    let mut counted = plain_entries();
    counted.push((
        "norm.num_batches_tracked",
        tensor(storage("Long", "7", 1), 0, &[], &[]),
    ));
    counted.push(("epoch", int(3)));
    let kinds = [
        ("plain dictionary", dict(&plain_entries())),
        ("attributes", with_attributes),
        ("parameters", dict(&parameters)),
        ("wrapped", ordered(&wrapped)),
        ("pairs", of_pairs),
        (
            "kept under a name",
            dict(&[("epoch", int(9)), ("state_dict", state.clone())]),
        ),
        (
            "kept twice",
            dict(&[("model", dict(&[("state_dict", state)]))]),
        ),
        ("counters beside", ordered(&counted)),
    ];
    for (what, kind) in kinds {
        assert_plain(&zipped(&pickle(&kind), &plain_storages()), what);
    }
}

/// How a type writes a number.
type Written = fn(&f32) -> Vec<u8>;

#[test]
fn tensors_of_every_layout_and_type_are_read() {
    let weight = numbers(108);
    // Axes in the reverse order in the storage, behind five numbers that are another's.
    let mut reversed = vec![9.0; 5];
    for x in 0..3 {
        for y in 0..3 {
            for c in 0..3 {
                reversed.extend((0..4).map(|o| weight[((o * 3 + c) * 3 + y) * 3 + x]));
            }
        }
    }
    let strided = tensor(
        storage("Float", "0", 113),
        5,
        &[4, 3, 3, 3],
        &[1, 4, 12, 36],
    );
    let bias = tensor(storage("Float", "1", 4), 0, &[4], &[1]);
    let file = zipped(
        &pickle(&ordered(&entries(strided, bias.clone()))),
        &[("0", f32s(&reversed)), ("1", f32s(&numbers(4)))],
    );
    assert_plain(&file, "reversed axes");

    // Both in one storage, the bias the first numbers of the weight.
    let whole = tensor(storage("Float", "0", 108), 0, &[4, 3, 3, 3], &[27, 9, 3, 1]);
    let part = tensor(storage("Float", "0", 108), 0, &[4], &[1]);
    let file = zipped(
        &pickle(&ordered(&entries(whole.clone(), part))),
        &[("0", f32s(&weight))],
    );
    assert_plain(&file, "shared storage");

    let f64s: Written = |v| f64::from(*v).to_le_bytes().to_vec();
    let types: [(&str, Written); 3] = [
        ("Double", f64s),
        ("Half", |v| f16::from_f32(*v).to_le_bytes().to_vec()),
        ("BFloat16", |v| bf16::from_f32(*v).to_le_bytes().to_vec()),
    ];
    for (kind, bytes) in types {
        let tensor = tensor(storage(kind, "0", 108), 0, &[4, 3, 3, 3], &[27, 9, 3, 1]);
        let file = zipped(
            &pickle(&ordered(&entries(tensor, bias.clone()))),
            &[
                ("0", weight.iter().flat_map(bytes).collect()),
                ("1", f32s(&numbers(4))),
            ],
        );
        assert_plain(&file, kind);
    }

    // A number repeated by a stride of 0.
    let repeated = tensor(storage("Float", "1", 1), 0, &[4], &[0]);
    let zeros = tensor(storage("Float", "1", 4), 0, &[4], &[1]);
    let file = |bias: Part, numbers: &[f32]| {
        let storages = [("0", f32s(&weight)), ("1", f32s(numbers))];
        zipped(&pickle(&ordered(&entries(whole.clone(), bias))), &storages)
    };
    let [one, four] = [file(repeated, &[0.5]), file(zeros, &[0.5; 4])].map(|f| read(&f).unwrap());
    assert!(graph(&one, "relu1_1") == graph(&four, "relu1_1"));
}

/// Returns all that is said about a file, which must be refused in a moment.
fn refusal(bytes: &[u8]) -> String {
    let start = Instant::now();
    let error = match read(bytes) {
        Err(error @ NetworkError::Torch { .. }) => error,
        Err(other) => panic!("refused as {other:?}"),
        Ok(network) => panic!("read: {:?}", network.layers()),
    };
    eprintln!("refused in {:?}", start.elapsed());
    let said = format!("{:#}", anyhow::Error::from(error));
    said.split_once(".pth: ").unwrap().1.to_owned()
}

/// Returns what is said about a zip form whose pickle is `value`.
fn refusal_of(value: &[u8]) -> String {
    refusal(&zipped(&pickle(value), &plain_storages()))
}

#[test]
fn what_would_run_code_is_refused_by_name() {
    let command = tuple(&[text("true")]);
    let system = [global("os", "system"), command.clone(), b"R".to_vec()].concat();
    let stacked = [
        text("posix"),
        text("system"),
        vec![0x93],
        command,
        b"R".to_vec(),
    ]
    .concat();
    let cases = [
        (system, "`os.system`"),
        (stacked, "`posix.system`"),
        (global("builtins", "eval"), "`builtins.eval`"),
        (global("torch", "load"), "`torch.load`"),
        (global("torch", "Storage"), "`torch.Storage`"),
        (global("__main__", "Net"), "`__main__.Net`"),
        (
            global("numpy.core.multiarray", "scalar"),
            "`numpy.core.multiarray.scalar`",
        ),
    ];
    for (value, name) in cases {
        let expected = format!("the file wants to run code: it names {name}; state");
        for kind in [value.clone(), dict(&[("state_dict", value)])] {
            let said = refusal_of(&kind);
            assert!(said.starts_with(&expected), "{said}");
        }
    }
    for class in [
        ("torchvision.models.vgg", "VGG"),
        ("torch.nn.modules.container", "Sequential"),
    ] {
        let said = refusal_of(&global(class.0, class.1));
        let expected = format!(
            "the file holds a whole model (`{}.{}`), which",
            class.0, class.1
        );
        assert!(said.starts_with(&expected), "{said}");
        assert!(
            said.contains("save the model's `state_dict()` instead"),
            "{said}"
        );
    }
    let script = archive(
        &[
            ("data.pkl".to_owned(), &pickle(&dict(&[]))),
            ("constants.pkl".to_owned(), &pickle(&tuple(&[]))),
        ],
        CompressionMethod::Stored,
    );
    assert!(refusal(&script).starts_with("the file is a TorchScript program"));
}

#[test]
fn instructions_that_make_no_sense_are_refused() {
    let function = global("torch._utils", "_rebuild_tensor_v2");
    let wrong = |place: usize, part: Part| {
        let numbers = storage("Float", "0", 108);
        let mut arguments = vec![numbers, int(0), ints(&[4]), ints(&[1]), vec![0x89]];
        arguments[place] = part;
        call(&function, &arguments)
    };
    let float = global("torch", "FloatStorage");
    let bare_storage = |parts: &[Part]| [tuple(parts), b"Q".to_vec()].concat();
    let cases = [
        (b"t".to_vec(), "a mark is missing"),
        (b"(0".to_vec(), "a value is used that is not there"),
        (b"h\x07".to_vec(), "nothing was kept as 7"),
        (b"i".to_vec(), "0x69 is no instruction"),
        (b"\x81".to_vec(), "0x81 is no instruction"),
        (b"P1\n".to_vec(), "0x50 is no instruction"),
        (
            b"](K\x01K\x02u".to_vec(),
            "an entry is added to no dictionary",
        ),
        (b"}K\x01a".to_vec(), "something is added to what is no list"),
        (b"}(K\x01u".to_vec(), "a key without a value"),
        (b"]}b".to_vec(), "attributes of what is no dictionary"),
        (
            [text("a"), b")R".to_vec()].concat(),
            "a call of what cannot be called",
        ),
        (b"X\x01\0\0\0\xff".to_vec(), "a text that is not UTF-8"),
        (b"\x8a\x11".to_vec(), "a number of 17 bytes"),
        (call(&float, &[]), "a call with wrong arguments"),
        (
            call(&global("collections", "OrderedDict"), &[int(1)]),
            "entries of no pairs",
        ),
        (wrong(0, text("0")), "a call with wrong arguments"),
        (wrong(1, int(-1)), "a call with wrong arguments"),
        (wrong(2, ints(&[-4])), "a call with wrong arguments"),
        (wrong(3, text("1")), "a call with wrong arguments"),
        (
            storage("Float", "0", -1),
            "a storage without key, type or length",
        ),
        (
            bare_storage(&[text("storage"), float]),
            "a storage without key, type or length",
        ),
        (
            bare_storage(&[text("module")]),
            "a storage without key, type or length",
        ),
        (
            [b"c".to_vec(), vec![b'x'; 300]].concat(),
            "a name without an end",
        ),
    ];
    for (value, expected) in cases {
        let said = refusal_of(&value);
        assert!(
            said.starts_with("what describes the tensors makes no sense at byte "),
            "{said}"
        );
        assert!(said.contains(expected), "{said}");
    }
}

#[test]
fn what_would_take_time_or_memory_without_end_is_refused() {
    let deep = [b")".to_vec(), vec![0x85; 100_000]].concat();
    assert!(refusal_of(&deep).contains("more than 64 levels of tuples"));
    let long = [vec![b'N'; 1 << 21], b".".to_vec()].concat();
    assert!(refusal_of(&long).contains("more than 2097152 instructions"));
    let huge_text = [b"\x8d".to_vec(), u64::MAX.to_le_bytes().to_vec()].concat();
    assert!(refusal_of(&huge_text).contains("more than 16777216 bytes"));
    let cut_text = [b"X".to_vec(), 1_000_000_u32.to_le_bytes().to_vec()].concat();
    assert!(refusal_of(&cut_text).starts_with("the file is cut: it ends at byte"));
    // A list that holds itself, and a dictionary that is its own state dictionary.
    let own_list = b"]q\0h\0a".to_vec();
    assert!(refusal_of(&own_list).starts_with("the file holds no state dictionary"));
    let own_state = [b"}q\0".to_vec(), text("state_dict"), b"h\0s".to_vec()].concat();
    assert!(refusal_of(&own_state).starts_with("the file holds no state dictionary"));
    // A few numbers that pretend to be many: by strides of 0, and by a count.
    let bias = tensor(storage("Float", "1", 4), 0, &[4], &[1]);
    let repeated = tensor(
        storage("Float", "0", 108),
        0,
        &[1 << 40, 3, 3, 3],
        &[0, 9, 3, 1],
    );
    let said = refusal_of(&ordered(&entries(repeated, bias.clone())));
    assert!(
        said.contains("is 1099511627776, but 1 to 1048576 can be used"),
        "{said}"
    );
    let wide = [1 << 20, 3, 33, 33];
    let repeated = tensor(storage("Float", "0", 108), 0, &wide, &[0, 0, 0, 0]);
    let bias = tensor(storage("Float", "1", 4), 0, &[1 << 20], &[0]);
    let said = refusal_of(&ordered(&entries(repeated, bias)));
    assert!(
        said.contains("bytes of file cannot be the weights of"),
        "{said}"
    );
    let overflowing = tensor(storage("Float", "0", 108), 0, &[i64::MAX; 4], &[1; 4]);
    let bias = tensor(storage("Float", "1", 4), 0, &[4], &[1]);
    let said = refusal_of(&ordered(&entries(overflowing, bias)));
    assert!(
        said.starts_with("tensor `conv1_1.weight` makes no sense"),
        "{said}"
    );
}

#[test]
fn tensors_beyond_their_storage_are_refused_by_name() {
    let bias = || tensor(storage("Float", "1", 4), 0, &[4], &[1]);
    let shape = [4, 3, 3, 3];
    for (offset, strides) in [
        (1, &[27, 9, 3, 1][..]),
        (0, &[28, 9, 3, 1]),
        (0, &[27, 9, 3]),
        (i64::MAX, &[27, 9, 3, 1]),
        (0, &[i64::MAX, 9, 3, 1]),
    ] {
        let weight = tensor(storage("Float", "0", 108), offset, &shape, strides);
        let said = refusal_of(&ordered(&entries(weight, bias())));
        assert!(
            said.starts_with("tensor `conv1_1.weight` makes no sense: extents"),
            "{said}"
        );
    }
    let longer = tensor(storage("Float", "0", 200), 0, &shape, &[27, 9, 3, 1]);
    let said = refusal_of(&ordered(&entries(longer, bias())));
    let expected = "storage `0` is cut or damaged: 200 numbers are described, and it has 432 bytes";
    assert_eq!(said, expected);
    let whole = tensor(storage("Long", "0", 108), 0, &shape, &[27, 9, 3, 1]);
    let said = refusal_of(&ordered(&entries(whole, bias())));
    let expected = "tensor `conv1_1.weight` holds elements of i64; f16, bf16, f32 and f64 are read";
    assert_eq!(said, expected);
    let elsewhere = tensor(storage("Float", "../0", 108), 0, &shape, &[27, 9, 3, 1]);
    let said = refusal_of(&ordered(&entries(elsewhere, bias())));
    assert!(said.ends_with("it has no `weights/data/../0`"), "{said}");
    let two_types = [
        tensor(storage("Float", "0", 108), 0, &shape, &[27, 9, 3, 1]),
        tensor(storage("Half", "0", 216), 0, &[4], &[1]),
    ];
    let [weight, half] = two_types;
    let said = refusal_of(&ordered(&entries(weight, half)));
    assert!(
        said.contains("it shares its numbers with a tensor of another type"),
        "{said}"
    );
}

#[test]
fn archives_that_pytorch_does_not_write_are_refused() {
    let description = pickle(&ordered(&plain_entries()));
    let [(_, weight), (_, bias)] = plain_storages();
    let parts = |order: &'static [u8]| {
        [
            ("data.pkl".to_owned(), description.as_slice()),
            ("byteorder".to_owned(), order),
            ("data/0".to_owned(), weight.as_slice()),
            ("data/1".to_owned(), bias.as_slice()),
        ]
    };
    let said = refusal(&archive(&parts(b"big"), CompressionMethod::Stored));
    assert_eq!(
        said,
        "the numbers of the file are in byte order `big`; `little` is read"
    );
    let said = refusal(&archive(&parts(b"little"), CompressionMethod::Deflated));
    assert!(
        said.contains("is compressed, which PyTorch never does"),
        "{said}"
    );
    let said = refusal(&archive(&parts(b"little")[1..], CompressionMethod::Stored));
    assert!(said.ends_with("it has no `data.pkl`"), "{said}");
    let said = refusal(&archive(&parts(b"little")[..3], CompressionMethod::Stored));
    assert!(said.ends_with("it has no `weights/data/1`"), "{said}");
    let mut damaged = plain();
    let place = damaged
        .windows(8)
        .position(|window| *window == f32s(&numbers(108))[..8])
        .unwrap();
    damaged[place] ^= 1;
    let said = refusal(&damaged);
    assert!(said.starts_with("read `data/0` of the archive"), "{said}");
}

#[test]
fn a_cut_file_is_refused_wherever_it_ends() {
    let whole = plain();
    for length in (0..whole.len()).step_by(13) {
        refusal(&whole[..length]);
    }
    let [(_, weight), (_, bias)] = plain_storages();
    let description = pickle(&ordered(&plain_entries()));
    let whole = legacy(&description, &[("0", 108, weight), ("1", 4, bias)]);
    for length in (0..whole.len()).step_by(13).chain([whole.len() - 1]) {
        refusal(&whole[..length]);
    }
}

#[test]
fn an_older_form_that_contradicts_itself_is_refused() {
    let [(_, weight), (_, bias)] = plain_storages();
    let description = pickle(&ordered(&plain_entries()));
    let said = |storages: &[(&str, u64, Vec<u8>)]| refusal(&legacy(&description, storages));
    let (weight, bias) = (("0", 108, weight), ("1", 4, bias));
    let other_count = said(&[("0", 107, weight.2.clone()), bias.clone()]);
    assert!(
        other_count.ends_with("108 numbers are described, not 107"),
        "{other_count}"
    );
    let unknown = said(&[("9", 4, bias.2.clone()), weight.clone(), bias]);
    assert!(
        unknown.ends_with("nothing says of what type it is"),
        "{unknown}"
    );
    let missing = said(&[weight]);
    assert!(
        missing.starts_with("storage `1` is cut or damaged: it is not there"),
        "{missing}"
    );
    let huge = tensor(
        storage("Float", "0", i64::MAX),
        0,
        &[4, 3, 3, 3],
        &[27, 9, 3, 1],
    );
    let huge = pickle(&ordered(&entries(
        huge,
        tensor(storage("Float", "1", 4), 0, &[4], &[1]),
    )));
    let huge = refusal(&legacy(&huge, &[("0", 108, Vec::new())]));
    assert!(
        huge.contains("numbers reach beyond the file's end"),
        "{huge}"
    );
    for other in [&b"\x80\x02K\x01."[..], b"GIF89a", b"", b"\x80\x02"] {
        let said = refusal(other);
        assert_eq!(
            said,
            "the file begins like neither form of file that PyTorch writes"
        );
    }
}

/// Every byte of a small file changed, one at a time: read or refused, nothing else.
#[test]
fn damage_anywhere_is_survived() {
    let [(_, weight), (_, bias)] = plain_storages();
    let description = pickle(&ordered(&plain_entries()));
    let older = legacy(&description, &[("0", 108, weight), ("1", 4, bias)]);
    for whole in [plain(), older] {
        for place in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[place] = damaged[place].wrapping_add(0x55);
            drop(read(&damaged));
        }
    }
}
