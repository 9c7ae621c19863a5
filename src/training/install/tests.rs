//! Folding and rescaling on small numbers.

use super::*;
use crate::network::layer_list::LayerList;
use crate::training::parameters::Parameters;

fn plan() -> Plan {
    let list: LayerList = toml::from_str(
        r#"layers = [
            { name = "a", kind = "conv", out = 2, kernel = 1 },
            { name = "n", kind = "batch_norm", epsilon = 0.01 },
            { name = "ra", kind = "relu" },
            { name = "b", kind = "conv", out = 2, kernel = 1 },
            { name = "rb", kind = "relu" },
        ]"#,
    )
    .unwrap();
    Plan::new(&list).unwrap()
}

/// Runs 1×1 convolutions, each with a ReLU, on one position.
fn run(folded: &[Folded], input: &[f32]) -> Vec<Vec<f32>> {
    let mut value = input.to_vec();
    folded
        .iter()
        .map(|convolution| {
            let rows = convolution.kernel.data().chunks(value.len());
            value = rows
                .zip(&convolution.bias)
                .map(|(row, bias)| {
                    let sum: f32 = row.iter().zip(&value).map(|(w, x)| w * x).sum();
                    (sum + bias).max(0.0)
                })
                .collect();
            value.clone()
        })
        .collect()
}

fn parameters() -> Parameters {
    let mut parameters = Parameters::of(&plan(), 1, 2, 7);
    for learned in &mut parameters.learned {
        if learned.name.ends_with(".norm.weight") {
            learned.tensor.data_mut().copy_from_slice(&[1.5, -0.5]);
        }
        if learned.name.ends_with(".norm.bias") {
            learned.tensor.data_mut().copy_from_slice(&[2.0, 1.0]);
        }
    }
    for learned in &mut parameters.learned {
        if learned.name == "b.bias" {
            // Both channels answer.
            learned.tensor.data_mut().copy_from_slice(&[99.0, 77.0]);
        }
    }
    let kept = &mut parameters.statistics[0];
    kept.mean.data_mut().copy_from_slice(&[0.3, -0.2]);
    kept.variance.data_mut().copy_from_slice(&[4.0, 0.5]);
    parameters
}

#[test]
fn folding_changes_nothing() {
    let parameters = parameters();
    let folded = fold(&plan(), &parameters);
    let input = [0.4, -1.2, 0.7];
    let kernel = parameters.get("a.weight").unwrap().data();
    let found = &run(&folded, &input)[0];
    for channel in 0..2 {
        let row = &kernel[3 * channel..3 * channel + 3];
        let sum: f32 = row.iter().zip(input).map(|(w, x)| w * x).sum();
        let (mean, variance) = ([0.3, -0.2][channel], [4.0_f32, 0.5][channel]);
        let normal = (sum - mean) / (variance + 0.01).sqrt();
        let expected = (normal * [1.5, -0.5][channel] + [2.0, 1.0][channel]).max(0.0);
        assert!(
            (found[channel] - expected).abs() < 1e-5,
            "{found:?}, {expected}"
        );
    }
}

#[test]
fn rescaling_multiplies_each_layer_by_a_number_and_evens_the_styles() {
    let plan = plan();
    let folded = fold(&plan, &parameters());
    let answers: Vec<Answer> = [("ra", 0.25, 3.0), ("rb", 16.0, 50.0)]
        .map(|(layer, gram, power)| Answer {
            layer: layer.to_owned(),
            gram,
            power,
        })
        .to_vec();
    let mut scaled = folded.clone();
    rescale(&plan, &mut scaled, &answers, &Preset::of(&plan, 1)).unwrap();
    let input = [0.4, -1.2, 0.7];
    let (before, after) = (run(&folded, &input), run(&scaled, &input));
    let mut losses = Vec::new();
    for ((before, after), answer) in before.iter().zip(&after).zip(&answers) {
        let factor = f64::from(after[0] / before[0]);
        let other = f64::from(after[1] / before[1]);
        assert!(before[0] > 0.0 && before[1] > 0.0, "{before:?}");
        assert!((factor / other - 1.0).abs() < 1e-5, "{factor} {other}");
        losses.push(STYLE_WEIGHT * (factor * factor * answer.gram).powi(2));
        if answer.layer == "rb" {
            let content = CONTENT_WEIGHT * factor * factor * answer.power;
            assert!((content / losses[1] / CONTENT_SHARE - 1.0).abs() < 1e-4);
        }
    }
    assert!((losses[0] / losses[1] - 1.0).abs() < 1e-4, "{losses:?}");
}

#[test]
fn a_layer_that_answers_nothing_is_named() {
    let plan = plan();
    let mut folded = fold(&plan, &parameters());
    let answers = [Answer {
        layer: "ra".to_owned(),
        gram: 0.0,
        power: 0.0,
    }];
    let error = rescale(&plan, &mut folded, &answers, &Preset::of(&plan, 1)).unwrap_err();
    assert!(matches!(error, TrainingError::Dead(layer) if layer == "ra"));
}

#[test]
fn the_gram_matrix_is_measured_as_the_style_loss_does() {
    let values = Tensor::new(vec![1, 2, 1, 2], vec![1.0, 2.0, 3.0, -1.0]).unwrap();
    // F·Fᵀ = [[5, 1], [1, 10]], by 4.
    let expected = ((25.0 + 1.0 + 1.0 + 100.0) / 16.0 / 4.0_f64).sqrt();
    assert!((gram(&values) - expected).abs() < 1e-9);
    assert!((power(&values) - 3.75).abs() < 1e-9);
}
