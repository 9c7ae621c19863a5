//! Whole jobs, from a drop to a result, with networks whose real weights nobody may hand on: their
//! architectures are exact, their weights made up.

use std::fs;
use std::path::Path;

use pentimento::network::layer_list::LayerList;

use super::{pair, pentimento, said};
use crate::support::weights::{file, made_up};

/// Writes made-up weights of the layers of `list` as the network `name` of a studio, drops a pair
/// that asks for it, and returns the folder of the finished job.
fn paint_with(studio: &Path, name: &str, list: &str) -> std::path::PathBuf {
    fs::write(studio.join("pentimento.toml"), "").unwrap();
    let bundle = studio.join("watch/harbour");
    fs::create_dir_all(&bundle).unwrap();
    fs::create_dir_all(studio.join("models")).unwrap();
    let weights = file(&made_up(&LayerList::known(list).unwrap()));
    fs::write(studio.join(format!("models/{name}.safetensors")), weights).unwrap();
    let profile = format!(
        "network = \"{name}\"\nimage_size = 96\nnum_iterations = 4\ninit = \"image\"\nsave_iter = 2\n"
    );
    fs::write(bundle.join("profile.toml"), profile).unwrap();
    pair(&bundle);
    let output = pentimento(studio).arg("--until-idle").output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    let done = fs::read_dir(studio.join("done")).unwrap().next();
    done.expect("a finished job").unwrap().path()
}

/// The losses of a job's first and last iteration, and the names of their columns.
fn losses(job: &Path) -> (String, f64, f64) {
    let table = fs::read_to_string(job.join("losses.csv")).unwrap();
    let total = |line: &str| line.split(',').nth(2).unwrap().parse().unwrap();
    let lines: Vec<&str> = table.lines().collect();
    (
        lines[0].to_owned(),
        total(lines[1]),
        total(lines[lines.len() - 1]),
    )
}

#[test]
fn nin_paints_a_whole_job() {
    let studio = tempfile::tempdir().unwrap();
    let job = paint_with(studio.path(), "nin", "nin");
    let (columns, first, last) = losses(&job);
    for column in ["content:relu12", "style:relu0", "style:relu12"] {
        assert!(columns.contains(column), "{columns}");
    }
    assert!(last < first, "{first} {last}");
    assert!(job.join("result.png").is_file());
}

#[test]
fn vgg_face_paints_a_whole_job() {
    let studio = tempfile::tempdir().unwrap();
    let job = paint_with(studio.path(), "vgg_face", "vgg16");
    let (columns, first, last) = losses(&job);
    for column in ["content:relu4_2", "style:relu5_1"] {
        assert!(columns.contains(column), "{columns}");
    }
    assert!(last < first, "{first} {last}");
    assert!(job.join("result.png").is_file());
}
