//! The fields of `caffe.proto` that are understood, as tables: number, name, kind.
//!
//! Both generations of layers use the same names for the same fields, so that the rest of the
//! importer does not tell them apart. A field that is not listed is passed over. No message holds
//! itself, so the tables bound how deep a file can nest.

/// A field of a message.
pub(super) struct Field {
    /// Number in the binary form.
    pub(super) number: u32,
    /// Name in the text form.
    pub(super) name: &'static str,
    /// What its values are.
    pub(super) kind: Kind,
}

/// What the values of a field are.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    /// Whole numbers.
    Int,
    /// Numbers.
    Float,
    /// Truth values.
    Bool,
    /// Texts.
    Text,
    /// Constants: the names of 0, 1, … or of the numbers given.
    Word(&'static [(i64, &'static str)]),
    /// Messages.
    Message(&'static [Field]),
    /// Arrays of weights.
    Blob,
}

const fn field(number: u32, name: &'static str, kind: Kind) -> Field {
    Field { number, name, kind }
}

/// `NetParameter`.
pub(super) static NET: &[Field] = &[
    field(1, "name", Kind::Text),
    field(2, "layers", Kind::Message(OLD_LAYER)),
    field(3, "input", Kind::Text),
    field(4, "input_dim", Kind::Int),
    field(8, "input_shape", Kind::Message(SHAPE)),
    field(100, "layer", Kind::Message(LAYER)),
];

/// `LayerParameter`.
static LAYER: &[Field] = &[
    field(1, "name", Kind::Text),
    field(2, "type", Kind::Text),
    field(3, "bottom", Kind::Text),
    field(4, "top", Kind::Text),
    field(7, "blobs", Kind::Blob),
    field(8, "include", Kind::Message(RULE)),
    field(9, "exclude", Kind::Message(RULE)),
    field(100, "transform_param", Kind::Message(TRANSFORM)),
    field(104, "concat_param", Kind::Message(CONCAT)),
    field(106, "convolution_param", Kind::Message(CONVOLUTION)),
    field(107, "data_param", Kind::Message(DATA)),
    field(108, "dropout_param", Kind::Message(DROPOUT)),
    field(109, "dummy_data_param", Kind::Message(DUMMY_DATA)),
    field(110, "eltwise_param", Kind::Message(ELTWISE)),
    field(115, "image_data_param", Kind::Message(DATA)),
    field(117, "inner_product_param", Kind::Message(INNER_PRODUCT)),
    field(118, "lrn_param", Kind::Message(LRN)),
    field(119, "memory_data_param", Kind::Message(MEMORY_DATA)),
    field(121, "pooling_param", Kind::Message(POOLING)),
    field(122, "power_param", Kind::Message(POWER)),
    field(123, "relu_param", Kind::Message(RELU)),
    field(125, "softmax_param", Kind::Message(SOFTMAX)),
    field(131, "prelu_param", Kind::Message(PRELU)),
    field(135, "flatten_param", Kind::Message(FLATTEN)),
    field(139, "batch_norm_param", Kind::Message(BATCH_NORM)),
    field(140, "elu_param", Kind::Message(ELU)),
    field(142, "scale_param", Kind::Message(SCALE)),
    field(143, "input_param", Kind::Message(INPUT)),
];

/// `V1LayerParameter`, the older generation.
static OLD_LAYER: &[Field] = &[
    field(1, "layer", Kind::Message(&[])),
    field(2, "bottom", Kind::Text),
    field(3, "top", Kind::Text),
    field(4, "name", Kind::Text),
    field(5, "type", Kind::Word(OLD_TYPES)),
    field(6, "blobs", Kind::Blob),
    field(9, "concat_param", Kind::Message(CONCAT)),
    field(10, "convolution_param", Kind::Message(CONVOLUTION)),
    field(11, "data_param", Kind::Message(DATA)),
    field(12, "dropout_param", Kind::Message(DROPOUT)),
    field(15, "image_data_param", Kind::Message(DATA)),
    field(17, "inner_product_param", Kind::Message(INNER_PRODUCT)),
    field(18, "lrn_param", Kind::Message(LRN)),
    field(19, "pooling_param", Kind::Message(POOLING)),
    field(21, "power_param", Kind::Message(POWER)),
    field(22, "memory_data_param", Kind::Message(MEMORY_DATA)),
    field(24, "eltwise_param", Kind::Message(ELTWISE)),
    field(26, "dummy_data_param", Kind::Message(DUMMY_DATA)),
    field(30, "relu_param", Kind::Message(RELU)),
    field(32, "include", Kind::Message(RULE)),
    field(33, "exclude", Kind::Message(RULE)),
    field(36, "transform_param", Kind::Message(TRANSFORM)),
    field(39, "softmax_param", Kind::Message(SOFTMAX)),
];

/// `V1LayerParameter.LayerType`.
static OLD_TYPES: &[(i64, &str)] = &[
    (0, "NONE"),
    (1, "ACCURACY"),
    (2, "BNLL"),
    (3, "CONCAT"),
    (4, "CONVOLUTION"),
    (5, "DATA"),
    (6, "DROPOUT"),
    (7, "EUCLIDEAN_LOSS"),
    (8, "FLATTEN"),
    (9, "HDF5_DATA"),
    (10, "HDF5_OUTPUT"),
    (11, "IM2COL"),
    (12, "IMAGE_DATA"),
    (13, "INFOGAIN_LOSS"),
    (14, "INNER_PRODUCT"),
    (15, "LRN"),
    (16, "MULTINOMIAL_LOGISTIC_LOSS"),
    (17, "POOLING"),
    (18, "RELU"),
    (19, "SIGMOID"),
    (20, "SOFTMAX"),
    (21, "SOFTMAX_LOSS"),
    (22, "SPLIT"),
    (23, "TANH"),
    (24, "WINDOW_DATA"),
    (25, "ELTWISE"),
    (26, "POWER"),
    (27, "SIGMOID_CROSS_ENTROPY_LOSS"),
    (28, "HINGE_LOSS"),
    (29, "MEMORY_DATA"),
    (30, "ARGMAX"),
    (31, "THRESHOLD"),
    (32, "DUMMY_DATA"),
    (33, "SLICE"),
    (34, "MVN"),
    (35, "ABSVAL"),
    (36, "SILENCE"),
    (37, "CONTRASTIVE_LOSS"),
    (38, "EXP"),
    (39, "DECONVOLUTION"),
];

static PHASE: &[(i64, &str)] = &[(0, "TRAIN"), (1, "TEST")];

/// `NetStateRule`.
static RULE: &[Field] = &[
    field(1, "phase", Kind::Word(PHASE)),
    field(2, "min_level", Kind::Int),
    field(3, "max_level", Kind::Int),
    field(4, "stage", Kind::Text),
    field(5, "not_stage", Kind::Text),
];

/// `BlobShape`.
static SHAPE: &[Field] = &[field(1, "dim", Kind::Int)];

/// `TransformationParameter`.
static TRANSFORM: &[Field] = &[
    field(1, "scale", Kind::Float),
    field(3, "crop_size", Kind::Int),
    field(4, "mean_file", Kind::Text),
    field(5, "mean_value", Kind::Float),
];

/// What `DataParameter` and `ImageDataParameter` have in common, and the latter's size.
static DATA: &[Field] = &[
    field(2, "scale", Kind::Float),
    field(3, "mean_file", Kind::Text),
    field(5, "crop_size", Kind::Int),
    field(9, "new_height", Kind::Int),
    field(10, "new_width", Kind::Int),
];

static DUMMY_DATA: &[Field] = &[
    field(3, "channels", Kind::Int),
    field(4, "height", Kind::Int),
    field(5, "width", Kind::Int),
    field(6, "shape", Kind::Message(SHAPE)),
];

static MEMORY_DATA: &[Field] = &[
    field(2, "channels", Kind::Int),
    field(3, "height", Kind::Int),
    field(4, "width", Kind::Int),
];

static INPUT: &[Field] = &[field(1, "shape", Kind::Message(SHAPE))];

static CONVOLUTION: &[Field] = &[
    field(1, "num_output", Kind::Int),
    field(2, "bias_term", Kind::Bool),
    field(3, "pad", Kind::Int),
    field(4, "kernel_size", Kind::Int),
    field(5, "group", Kind::Int),
    field(6, "stride", Kind::Int),
    field(9, "pad_h", Kind::Int),
    field(10, "pad_w", Kind::Int),
    field(11, "kernel_h", Kind::Int),
    field(12, "kernel_w", Kind::Int),
    field(13, "stride_h", Kind::Int),
    field(14, "stride_w", Kind::Int),
    field(16, "axis", Kind::Int),
    field(18, "dilation", Kind::Int),
];

static POOLING: &[Field] = &[
    field(
        1,
        "pool",
        Kind::Word(&[(0, "MAX"), (1, "AVE"), (2, "STOCHASTIC")]),
    ),
    field(2, "kernel_size", Kind::Int),
    field(3, "stride", Kind::Int),
    field(4, "pad", Kind::Int),
    field(5, "kernel_h", Kind::Int),
    field(6, "kernel_w", Kind::Int),
    field(7, "stride_h", Kind::Int),
    field(8, "stride_w", Kind::Int),
    field(9, "pad_h", Kind::Int),
    field(10, "pad_w", Kind::Int),
    field(12, "global_pooling", Kind::Bool),
    field(13, "round_mode", Kind::Word(&[(0, "CEIL"), (1, "FLOOR")])),
];

static LRN: &[Field] = &[
    field(1, "local_size", Kind::Int),
    field(2, "alpha", Kind::Float),
    field(3, "beta", Kind::Float),
    field(
        4,
        "norm_region",
        Kind::Word(&[(0, "ACROSS_CHANNELS"), (1, "WITHIN_CHANNEL")]),
    ),
    field(5, "k", Kind::Float),
];

static INNER_PRODUCT: &[Field] = &[
    field(1, "num_output", Kind::Int),
    field(2, "bias_term", Kind::Bool),
    field(5, "axis", Kind::Int),
    field(6, "transpose", Kind::Bool),
];

static CONCAT: &[Field] = &[
    field(1, "concat_dim", Kind::Int),
    field(2, "axis", Kind::Int),
];

static ELTWISE: &[Field] = &[
    field(
        1,
        "operation",
        Kind::Word(&[(0, "PROD"), (1, "SUM"), (2, "MAX")]),
    ),
    field(2, "coeff", Kind::Float),
];

static BATCH_NORM: &[Field] = &[field(3, "eps", Kind::Float)];

static SCALE: &[Field] = &[
    field(1, "axis", Kind::Int),
    field(2, "num_axes", Kind::Int),
    field(4, "bias_term", Kind::Bool),
];

static DROPOUT: &[Field] = &[field(1, "dropout_ratio", Kind::Float)];

static RELU: &[Field] = &[field(1, "negative_slope", Kind::Float)];

static PRELU: &[Field] = &[field(2, "channel_shared", Kind::Bool)];

static ELU: &[Field] = &[field(1, "alpha", Kind::Float)];

static POWER: &[Field] = &[
    field(1, "power", Kind::Float),
    field(2, "scale", Kind::Float),
    field(3, "shift", Kind::Float),
];

static SOFTMAX: &[Field] = &[field(2, "axis", Kind::Int)];

static FLATTEN: &[Field] = &[field(1, "axis", Kind::Int), field(2, "end_axis", Kind::Int)];
