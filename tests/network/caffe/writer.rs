//! Writes caffemodels of both generations, byte by byte, as a test wants them.

/// One field of a message: its number and its bytes, key included.
pub type Bytes = Vec<u8>;

pub fn varint(mut value: u64) -> Bytes {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

fn key(number: u32, kind: u32) -> Bytes {
    varint(u64::from(number << 3 | kind))
}

pub fn int(number: u32, value: i64) -> Bytes {
    [key(number, 0), varint(value.cast_unsigned())].concat()
}

pub fn float(number: u32, value: f32) -> Bytes {
    [key(number, 5), value.to_le_bytes().to_vec()].concat()
}

pub fn block(number: u32, bytes: &[u8]) -> Bytes {
    [key(number, 2), varint(bytes.len() as u64), bytes.to_vec()].concat()
}

pub fn text(number: u32, text: &str) -> Bytes {
    block(number, text.as_bytes())
}

/// How numbers and shape of an array are written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Form {
    /// `shape`, packed floats.
    Packed,
    /// `shape` with single extents, single floats.
    Single,
    /// `num`, `channels`, `height`, `width` and packed floats, as the older generation has it.
    Old,
    /// `shape`, packed doubles.
    Double,
}

/// A `BlobProto`.
pub fn blob(shape: &[usize], data: &[f32], form: Form) -> Bytes {
    let packed: Bytes = data.iter().flat_map(|v| v.to_le_bytes()).collect();
    let packed_shape: Bytes = shape.iter().flat_map(|&n| varint(n as u64)).collect();
    match form {
        Form::Packed => [block(5, &packed), block(7, &block(1, &packed_shape))].concat(),
        Form::Single => {
            let shape: Bytes = shape.iter().flat_map(|&n| int(1, n as i64)).collect();
            let data: Bytes = data.iter().flat_map(|&v| float(5, v)).collect();
            [block(7, &shape), data].concat()
        }
        Form::Old => {
            let mut four = vec![1; 4 - shape.len()];
            four.extend_from_slice(shape);
            let four = (1..).zip(four).flat_map(|(at, n)| int(at, n as i64));
            four.chain(block(5, &packed)).collect()
        }
        Form::Double => {
            let wide: Bytes = data
                .iter()
                .flat_map(|&v| f64::from(v).to_le_bytes())
                .collect();
            [block(7, &block(1, &packed_shape)), block(8, &wide)].concat()
        }
    }
}

/// Which generation a file is of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Generation {
    Old,
    New,
}

/// A layer to be written.
#[derive(Debug, Clone)]
pub struct Layer {
    pub name: String,
    pub kind: &'static str,
    pub bottoms: Vec<String>,
    pub tops: Vec<String>,
    /// The fields of its own parameters.
    pub param: Bytes,
    /// Further fields, in the numbers of the newer generation.
    pub more: Bytes,
    /// Shapes and numbers.
    pub blobs: Vec<(Vec<usize>, Vec<f32>)>,
}

impl Layer {
    /// A layer that reads `bottom` and writes `top`.
    pub fn new(name: &str, kind: &'static str, bottom: &str, top: &str) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            bottoms: vec![bottom.to_owned()],
            tops: vec![top.to_owned()],
            param: Vec::new(),
            more: Vec::new(),
            blobs: Vec::new(),
        }
    }

    pub fn reads(mut self, bottoms: &[&str]) -> Self {
        self.bottoms = bottoms.iter().map(|&b| b.to_owned()).collect();
        self
    }

    pub fn makes(mut self, tops: &[&str]) -> Self {
        self.tops = tops.iter().map(|&b| b.to_owned()).collect();
        self
    }

    pub fn param(mut self, fields: &[Bytes]) -> Self {
        self.param.extend(fields.concat());
        self
    }

    pub fn more(mut self, fields: &[Bytes]) -> Self {
        self.more.extend(fields.concat());
        self
    }

    pub fn blob(mut self, shape: &[usize], rule: impl FnMut(usize) -> f32) -> Self {
        let count = shape.iter().product();
        self.blobs
            .push((shape.to_vec(), (0..count).map(rule).collect()));
        self
    }

    /// Writes the layer's message.
    pub fn bytes(&self, generation: Generation, form: Form) -> Bytes {
        let numbers = numbers(self.kind);
        let blobs = self
            .blobs
            .iter()
            .map(|(shape, data)| blob(shape, data, form));
        let mut bytes = Vec::new();
        match generation {
            Generation::New => {
                bytes.extend(text(1, &self.name));
                bytes.extend(text(2, self.kind));
                bytes.extend(self.bottoms.iter().flat_map(|b| text(3, b)));
                bytes.extend(self.tops.iter().flat_map(|b| text(4, b)));
                bytes.extend(blobs.flat_map(|b| block(7, &b)));
                bytes.extend(&self.more);
                bytes.extend(block(numbers.new_param, &self.param));
            }
            Generation::Old => {
                bytes.extend(self.bottoms.iter().flat_map(|b| text(2, b)));
                bytes.extend(self.tops.iter().flat_map(|b| text(3, b)));
                bytes.extend(text(4, &self.name));
                bytes.extend(int(5, numbers.old_type));
                bytes.extend(blobs.flat_map(|b| block(6, &b)));
                bytes.extend(block(numbers.old_param, &self.param));
            }
        }
        bytes
    }
}

/// Numbers of a layer type in `caffe.proto`.
struct Numbers {
    new_param: u32,
    old_type: i64,
    old_param: u32,
}

fn numbers(kind: &str) -> Numbers {
    // A type that has no parameters, or only in one generation, gets a field that nobody reads.
    let (new_param, old_type, old_param) = match kind {
        "BatchNorm" => (139, -1, 999),
        "Concat" => (104, 3, 9),
        "Convolution" => (106, 4, 10),
        "Data" => (107, 5, 11),
        "Dropout" => (108, 6, 12),
        "ELU" => (140, -1, 999),
        "Eltwise" => (110, 25, 24),
        "Flatten" => (135, 8, 999),
        "InnerProduct" => (117, 14, 17),
        "Input" => (143, -1, 999),
        "LRN" => (118, 15, 18),
        "MemoryData" => (119, 29, 22),
        "PReLU" => (131, -1, 999),
        "Pooling" => (121, 17, 19),
        "Power" => (122, 26, 21),
        "ReLU" => (123, 18, 30),
        "Scale" => (142, -1, 999),
        "Sigmoid" => (124, 19, 38),
        "Softmax" => (125, 20, 39),
        "SoftmaxWithLoss" => (999, 21, 999),
        "Split" => (999, 22, 999),
        "TanH" => (127, 23, 37),
        _ => (999, 36, 999),
    };
    Numbers {
        new_param,
        old_type,
        old_param,
    }
}

/// Writes a network over an input `data` of `channels`, 32×32.
pub fn model(channels: usize, layers: &[Layer], generation: Generation, form: Form) -> Bytes {
    let dims: Bytes = [1, channels, 32, 32]
        .iter()
        .flat_map(|&n| int(4, n as i64))
        .collect();
    let head = [text(1, "made"), text(3, "data"), dims].concat();
    head.into_iter()
        .chain(bare(layers, generation, form))
        .collect()
}

/// Writes the layers alone.
pub fn bare(layers: &[Layer], generation: Generation, form: Form) -> Bytes {
    let number = match generation {
        Generation::New => 100,
        Generation::Old => 2,
    };
    layers
        .iter()
        .flat_map(|layer| block(number, &layer.bytes(generation, form)))
        .collect()
}

/// A convolution, its kernel and bias made by `rule` from the position.
pub fn conv(
    (name, bottom): (&str, &str),
    [inputs, out]: [usize; 2],
    [kernel, pad, stride]: [usize; 3],
    mut rule: impl FnMut(usize) -> f32,
) -> Layer {
    let param = [
        int(1, out as i64),
        int(3, pad as i64),
        int(4, kernel as i64),
        int(6, stride as i64),
    ];
    Layer::new(name, "Convolution", bottom, name)
        .param(&param)
        .blob(&[out, inputs, kernel, kernel], &mut rule)
        .blob(&[out], &mut rule)
}

/// A `ReLU` in place.
pub fn relu(name: &str, blob: &str) -> Layer {
    Layer::new(name, "ReLU", blob, blob)
}

/// A maximum pooling.
pub fn max_pool(name: &str, bottom: &str, [kernel, stride]: [usize; 2]) -> Layer {
    let param = [int(1, 0), int(2, kernel as i64), int(3, stride as i64)];
    Layer::new(name, "Pooling", bottom, name).param(&param)
}

/// A fully connected layer.
pub fn linear(
    (name, bottom): (&str, &str),
    [inputs, out]: [usize; 2],
    mut rule: impl FnMut(usize) -> f32,
) -> Layer {
    Layer::new(name, "InnerProduct", bottom, name)
        .param(&[int(1, out as i64)])
        .blob(&[out, inputs], &mut rule)
        .blob(&[out], &mut rule)
}

/// Numbers that look random, −0.5 to 0.5, the same for the same position.
pub fn noise(at: usize) -> f32 {
    let mixed = (at as u64)
        .wrapping_add(1)
        .wrapping_mul(0x9e37_79b9_7f4a_7c15);
    ((mixed >> 40) as f32) / (1 << 24) as f32 - 0.5
}
