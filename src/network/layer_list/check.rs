//! Whether a layer list makes sense by itself, whatever the weights.
//!
//! After [`LayerList::check`], every layer reads layers before it, no extent is 0 or beyond what a
//! network could have, and no product of extents overflows.

use std::collections::BTreeSet;

use super::{INPUT, LayerList, LayerListError, LayerOp, LayerSpec, Pair, WindowSpec};

/// Longest list: several times the deepest networks that are in use.
pub(super) const MOST_LAYERS: usize = 4096;

/// Largest number of channels.
const MOST_CHANNELS: usize = 1 << 20;

/// Largest kernel, stride, padding or distance between taps.
const MOST_EXTENT: usize = 1 << 10;

/// Longest name, in bytes.
const LONGEST_NAME: usize = 200;

impl LayerList {
    /// Holds that the list makes sense by itself.
    pub fn check(&self) -> Result<(), LayerListError> {
        if self.layers.is_empty() || self.layers.len() > MOST_LAYERS {
            return Err(LayerListError::Length(self.layers.len()));
        }
        let mut known = BTreeSet::from([INPUT]);
        for (index, layer) in self.layers.iter().enumerate() {
            check_name(index + 1, &layer.name, &known)?;
            if let Some(from) = layer
                .from
                .iter()
                .find(|from| !known.contains(from.as_str()))
            {
                return Err(LayerListError::From {
                    layer: layer.name.clone(),
                    from: from.clone(),
                });
            }
            Checked(layer).all()?;
            known.insert(&layer.name);
        }
        Ok(())
    }
}

fn check_name(index: usize, name: &str, known: &BTreeSet<&str>) -> Result<(), LayerListError> {
    let reason = if name.is_empty() {
        "is empty"
    } else if name.len() > LONGEST_NAME {
        "is too long"
    } else if name.contains(char::is_control) {
        "holds a control character"
    } else if name == INPUT {
        "is the name of the picture"
    } else if known.contains(name) {
        "a layer before it has already"
    } else {
        return Ok(());
    };
    Err(LayerListError::Name {
        index,
        name: name.to_owned(),
        reason,
    })
}

/// A layer whose numbers are being checked.
struct Checked<'a>(&'a LayerSpec);

impl Checked<'_> {
    fn all(&self) -> Result<(), LayerListError> {
        self.sources()?;
        match &self.0.op {
            LayerOp::Conv {
                out,
                window,
                groups,
                ..
            } => {
                self.count("out", *out, MOST_CHANNELS)?;
                self.count("groups", *groups, *out)?;
                if out % groups != 0 {
                    return Err(self.wrong("groups", groups, format!("`out` is {out}")));
                }
                self.window(window)
            }
            LayerOp::MaxPool { window, .. } => self.pool(window),
            LayerOp::AveragePool { window, .. } => {
                if window.dilation != Pair::both(1) {
                    let expected = "an average is taken over neighbours: 1".to_owned();
                    return Err(self.wrong("dilation", Shown(window.dilation), expected));
                }
                self.pool(window)
            }
            LayerOp::LeakyRelu { slope } => self.finite("slope", *slope),
            LayerOp::Elu { alpha } => self.finite("alpha", *alpha),
            LayerOp::LrnAcross {
                size,
                alpha,
                beta,
                k,
            } => {
                self.count("size", *size, MOST_CHANNELS)?;
                self.finite("alpha", *alpha)?;
                self.finite("beta", *beta)?;
                self.finite("k", *k)
            }
            LayerOp::LrnWithin { size, alpha, beta } => {
                self.count("size", *size, MOST_EXTENT)?;
                if size % 2 == 0 {
                    return Err(self.wrong("size", size, "it must be odd".to_owned()));
                }
                self.finite("alpha", *alpha)?;
                self.finite("beta", *beta)
            }
            LayerOp::BatchNorm { epsilon } if *epsilon >= 0.0 => self.finite("epsilon", *epsilon),
            LayerOp::BatchNorm { epsilon } => {
                Err(self.wrong("epsilon", epsilon, "it must not be below 0".to_owned()))
            }
            LayerOp::Sum { coefficients } => self.coefficients(coefficients),
            LayerOp::Linear { out, .. } => self.count("out", *out, MOST_CHANNELS),
            LayerOp::Dropout { ratio } if (0.0..1.0).contains(ratio) => Ok(()),
            LayerOp::Dropout { ratio } => {
                Err(self.wrong("ratio", ratio, "it must be from 0 to below 1".to_owned()))
            }
            LayerOp::GlobalAveragePool
            | LayerOp::Relu
            | LayerOp::Prelu
            | LayerOp::Sigmoid
            | LayerOp::Tanh
            | LayerOp::Scale
            | LayerOp::Concat
            | LayerOp::Product
            | LayerOp::Maximum
            | LayerOp::Softmax => Ok(()),
        }
    }

    fn sources(&self) -> Result<(), LayerListError> {
        let several = matches!(
            self.0.op,
            LayerOp::Concat | LayerOp::Sum { .. } | LayerOp::Product | LayerOp::Maximum
        );
        let most = if several { MOST_EXTENT } else { 1 };
        let count = self.0.from.len();
        if count <= most {
            return Ok(());
        }
        Err(self.wrong(
            "from",
            format!("{count} layers"),
            format!("it reads at most {most}"),
        ))
    }

    fn pool(&self, window: &WindowSpec) -> Result<(), LayerListError> {
        self.window(window)?;
        let mut axes = window.pad.0.iter().zip(window.kernel.0);
        if axes.all(|(&pad, kernel)| pad < kernel) {
            return Ok(());
        }
        let expected = format!("it must be below the kernel, {}", Shown(window.kernel));
        Err(self.wrong("pad", Shown(window.pad), expected))
    }

    fn window(&self, window: &WindowSpec) -> Result<(), LayerListError> {
        for axis in 0..2 {
            self.count("kernel", window.kernel.0[axis], MOST_EXTENT)?;
            self.count("stride", window.stride.0[axis], MOST_EXTENT)?;
            self.count("dilation", window.dilation.0[axis], MOST_EXTENT)?;
            let pad = window.pad.0[axis];
            if pad > MOST_EXTENT {
                return Err(self.wrong("pad", pad, format!("at most {MOST_EXTENT} can be used")));
            }
        }
        Ok(())
    }

    fn coefficients(&self, coefficients: &[f32]) -> Result<(), LayerListError> {
        for coefficient in coefficients {
            self.finite("coefficients", *coefficient)?;
        }
        let read = self.0.from.len().max(1);
        if coefficients.is_empty() || coefficients.len() == read {
            return Ok(());
        }
        let found = format!("{} numbers", coefficients.len());
        Err(self.wrong("coefficients", found, format!("the layer reads {read}")))
    }

    fn count(&self, key: &'static str, value: usize, most: usize) -> Result<(), LayerListError> {
        if (1..=most).contains(&value) {
            Ok(())
        } else {
            Err(self.wrong(key, value, format!("1 to {most} can be used")))
        }
    }

    fn finite(&self, key: &'static str, value: f32) -> Result<(), LayerListError> {
        if value.is_finite() {
            Ok(())
        } else {
            Err(self.wrong(key, value, "it must be a number".to_owned()))
        }
    }

    fn wrong(
        &self,
        key: &'static str,
        value: impl std::fmt::Display,
        expected: String,
    ) -> LayerListError {
        LayerListError::Number {
            layer: self.0.name.clone(),
            key,
            value: value.to_string(),
            expected,
        }
    }
}

/// A pair as a message shows it: height × width.
struct Shown(Pair);

impl std::fmt::Display for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [height, width] = self.0.0;
        write!(f, "{height}×{width}")
    }
}
