//! The networks of the catalogue: what is said of those that are not there, and the geometry and
//! names of VGG and NIN against the published figures.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use pentimento::network::{self, Network, NetworkError};
use pentimento::onnx::{Builder, Constant, Dim, Model, write};

use crate::support::{shared, weights};

/// Convolution by convolution: name, activation, kernel, stride, padding, and the pooling behind it.
type Plan = [(
    &'static str,
    &'static str,
    usize,
    i64,
    i64,
    Option<&'static str>,
)];

const NIN: &Plan = &[
    ("conv1", "relu0", 11, 4, 0, None),
    ("cccp1", "relu1", 1, 1, 0, None),
    ("cccp2", "relu2", 1, 1, 0, Some("pool1")),
    ("conv2", "relu3", 5, 1, 2, None),
    ("cccp3", "relu5", 1, 1, 0, None),
    ("cccp4", "relu6", 1, 1, 0, Some("pool2")),
    ("conv3", "relu7", 3, 1, 1, None),
    ("cccp5", "relu8", 1, 1, 0, None),
    ("cccp6", "relu9", 1, 1, 0, Some("pool3")),
    ("conv4-1024", "relu10", 3, 1, 1, None),
    ("cccp7-1024", "relu11", 1, 1, 0, None),
    ("cccp8-1024", "relu12", 1, 1, 0, None),
];

/// Returns the graph of NIN with two channels everywhere and no layer that sees nothing of its input.
pub(super) fn nin() -> Model {
    let mut graph = Builder::new("nin");
    let mut value = graph.input("input", &[1, 3, 224, 224]);
    let mut channels = 3;
    for &(conv, relu, kernel, stride, pad, pool) in NIN {
        let count = 2 * channels * kernel * kernel;
        let data = (0..count)
            .map(|i| (i % 5 + 1) as f32 / count as f32)
            .collect();
        let constant = Constant::f32s(vec![2, channels, kernel, kernel], data).unwrap();
        let weight = format!("{conv}.weight");
        graph.named_constant(&weight, constant);
        let attributes = [
            ("strides", vec![stride, stride].into()),
            ("pads", vec![pad, pad, pad, pad].into()),
        ];
        graph
            .named_node("Conv", &[&value, &weight], conv, attributes)
            .unwrap();
        graph.named_node("Relu", &[conv], relu, []).unwrap();
        relu.clone_into(&mut value);
        if let Some(pool) = pool {
            let attributes = [
                ("kernel_shape", vec![3, 3].into()),
                ("strides", vec![2, 2].into()),
                ("ceil_mode", 1.into()),
            ];
            graph
                .named_node("MaxPool", &[&value], pool, attributes)
                .unwrap();
            pool.clone_into(&mut value);
        }
        channels = 2;
    }
    graph.output(&value);
    let mut graph = graph.finish();
    for info in [&mut graph.inputs[0], &mut graph.outputs[0]] {
        info.shape[2] = Dim::Named("height".to_owned());
        info.shape[3] = Dim::Named("width".to_owned());
    }
    Model::new(graph)
}

/// Returns the network of the catalogue's name whose weights are `model`.
pub(super) fn in_catalogue(name: &str, model: &Model) -> Network {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(format!("{name}.onnx")), write(model)).unwrap();
    network::find(name, &[folder.path().to_owned()]).unwrap()
}

/// Returns a VGG of one channel everywhere, with so many convolutions in each block.
fn vgg(name: &str, blocks: [usize; 5]) -> Network {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(format!("{name}.safetensors"));
    fs::write(file, weights::file(&weights::vgg(&blocks, 1, |_| 0.1))).unwrap();
    network::find(name, &[folder.path().to_owned()]).unwrap()
}

/// Returns receptive field and stride by layer.
fn figures(network: &Network) -> BTreeMap<String, (usize, usize)> {
    network
        .geometry()
        .into_iter()
        .map(|layer| {
            let figures = layer.receptive_field.zip(layer.stride);
            (layer.name, figures.unwrap())
        })
        .collect()
}

#[test]
fn receptive_fields_and_strides_are_the_published_ones() {
    let vgg19 = figures(&vgg("vgg19", [2, 2, 4, 4, 4]));
    let vgg16 = figures(&vgg("vgg16", [2, 2, 3, 3, 3]));
    let nin = figures(&in_catalogue("nin", &nin()));
    for (network, layer, expected) in [
        (&vgg19, "relu1_1", (3, 1)),
        (&vgg19, "relu2_1", (10, 2)),
        (&vgg19, "relu3_1", (24, 4)),
        (&vgg19, "relu4_1", (68, 8)),
        (&vgg19, "relu4_2", (84, 8)),
        (&vgg19, "relu5_1", (156, 16)),
        (&vgg19, "relu5_4", (252, 16)),
        (&vgg16, "relu4_1", (60, 8)),
        (&vgg16, "relu4_2", (76, 8)),
        (&vgg16, "relu5_1", (132, 16)),
        (&vgg16, "relu5_3", (196, 16)),
        (&nin, "relu0", (11, 4)),
        (&nin, "relu2", (11, 4)),
        (&nin, "relu3", (51, 8)),
        (&nin, "relu6", (51, 8)),
        (&nin, "relu7", (99, 16)),
        (&nin, "relu9", (99, 16)),
        (&nin, "relu10", (195, 32)),
        (&nin, "relu12", (195, 32)),
    ] {
        assert_eq!(network[layer], expected, "{layer}");
    }
}

#[test]
fn the_smallest_sides_of_the_manifests_are_those_of_the_graphs() {
    for network in [
        vgg("vgg19", [2, 2, 4, 4, 4]),
        vgg("vgg19_torchvision", [2, 2, 4, 4, 4]),
        vgg("vgg16", [2, 2, 3, 3, 3]),
        vgg("vgg_face", [2, 2, 3, 3, 3]),
        in_catalogue("nin", &nin()),
    ] {
        let manifest = network.manifest();
        let layers = ["content_layers", "style_layers"]
            .iter()
            .flat_map(|key| manifest.preset[*key].as_array().unwrap());
        let smallest = layers.map(|layer| network.smallest_side(layer.as_str().unwrap()).unwrap());
        assert_eq!(
            smallest.max(),
            Some(manifest.input.minimum_size),
            "{}",
            manifest.name
        );
    }
}

#[test]
fn squeezenet_is_as_its_manifest_says() {
    let Some(file) = shared("weights/squeezenet_v1_1.safetensors") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    fs::copy(file, folder.path().join("squeezenet1_1.safetensors")).unwrap();
    let network = network::find("squeezenet1_1", &[folder.path().to_owned()]).unwrap();
    assert_eq!(network.smallest_side("fire8"), None, "an alias is no layer");
    assert_eq!(network.smallest_side("fire8/concat"), Some(25));
    assert_eq!(network.manifest().input.minimum_size, 25);
    for alias in network.manifest().aliases.keys() {
        network.layer(alias).unwrap();
    }
    let geometry = network.geometry();
    let fire8 = geometry.iter().find(|layer| layer.name == "fire8/concat");
    assert_eq!(fire8.unwrap().channels, Some(512));
}

#[test]
fn names_of_other_tools_lead_to_the_layers() {
    let vgg19 = vgg("vgg19", [2, 2, 4, 4, 4]);
    let nin = in_catalogue("nin", &nin());
    // torchvision's numbers of VGG-19's activations and poolings; those of pytorch-nin.
    for (network, alias, layer) in [
        (&vgg19, "features.1", "relu1_1"),
        (&vgg19, "features.6", "relu2_1"),
        (&vgg19, "features.11", "relu3_1"),
        (&vgg19, "features.20", "relu4_1"),
        (&vgg19, "features.22", "relu4_2"),
        (&vgg19, "features.29", "relu5_1"),
        (&vgg19, "features.35", "relu5_4"),
        (&vgg19, "features.4", "pool1"),
        (&vgg19, "features.27", "pool4"),
        (&vgg19, "4_2", "relu4_2"),
        (&vgg19, "block4_conv2", "relu4_2"),
        (&nin, "features.8", "relu3"),
        (&nin, "features.27", "relu12"),
        (&nin, "maua.relu4", "relu3"),
        (&nin, "maua.relu7", "relu7"),
    ] {
        assert_eq!(network.layer(alias).unwrap().name, layer, "{alias}");
    }
    for own in ["relu1", "relu2", "relu3", "relu12"] {
        assert_eq!(nin.layer(own).unwrap().name, own);
    }
    let said = nin.layer("relu4").unwrap_err().to_string();
    assert!(
        said.contains("relu4 is relu3 here") && said.contains("relu12"),
        "{said}"
    );
}

#[test]
fn every_alias_of_a_manifest_leads_to_a_layer() {
    let network = in_catalogue("nin", &nin());
    for alias in network.manifest().aliases.keys() {
        network.layer(alias).unwrap();
        assert!(
            network.aliases().contains_key(alias),
            "{alias} is a layer's own name"
        );
    }
}

#[test]
fn a_network_that_is_not_there_says_what_to_run() {
    let none: &[PathBuf] = &[];
    let missing = network::find("vgg19", none).unwrap_err();
    assert_eq!(
        missing.to_string(),
        "network vgg19 is not installed, run `pentimento models pull vgg19`"
    );
    assert!(matches!(missing, NetworkError::NotInstalled { .. }));
    let not_installed = network::is_installed("nin", none).unwrap_err().to_string();
    assert!(not_installed.contains("models pull nin"), "{not_installed}");
    // A manifest in a studio that waits for its weights says the same.
    let folder = tempfile::tempdir().unwrap();
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/vgg19.toml");
    fs::copy(shipped, folder.path().join("vgg19.toml")).unwrap();
    let waiting = network::is_installed("vgg19", &[folder.path().to_owned()]).unwrap_err();
    assert!(
        matches!(waiting, NetworkError::NotInstalled { .. }),
        "{waiting}"
    );
    let unknown = network::find("vgg-19", none).unwrap_err().to_string();
    assert!(
        unknown.contains("did you mean `vgg19`?") && unknown.contains("nin"),
        "{unknown}"
    );
}

#[test]
fn weights_put_there_by_hand_are_found_under_any_ending() {
    let folder = tempfile::tempdir().unwrap();
    let dirs = [folder.path().to_owned()];
    fs::write(
        folder.path().join("vgg19.safetensors"),
        weights::file(&weights::vgg(&[1, 1], 4, |_| 0.5)),
    )
    .unwrap();
    network::is_installed("vgg19", &dirs).unwrap();
    let network = network::find("vgg19", &dirs).unwrap();
    assert_eq!(network.manifest().name, "vgg19");
    // Networks that share a file share it wherever it is.
    let shared = folder.path().join("vgg_face.safetensors");
    fs::rename(folder.path().join("vgg19.safetensors"), shared).unwrap();
    let own = network::find("vgg_face", &dirs).unwrap();
    let historical = network::find("vgg_face_imagenet_mean", &dirs).unwrap();
    assert_eq!(own.sha256(), historical.sha256());
    assert_ne!(own.manifest().input, historical.manifest().input);
}
