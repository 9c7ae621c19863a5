//! A file in the format, written field by field, to state what other programs write.

/// Field numbers of `onnx.proto` that the tests use.
pub mod field {
    pub const MODEL_GRAPH: u64 = 7;
    pub const MODEL_OPSET: u64 = 8;
    pub const OPSET_VERSION: u64 = 2;
    pub const GRAPH_NODE: u64 = 1;
    pub const GRAPH_INITIALIZER: u64 = 5;
    pub const GRAPH_INPUT: u64 = 11;
    pub const GRAPH_OUTPUT: u64 = 12;
    pub const NODE_INPUT: u64 = 1;
    pub const NODE_OUTPUT: u64 = 2;
    pub const NODE_OP: u64 = 4;
    pub const NODE_ATTRIBUTE: u64 = 5;
    pub const ATTRIBUTE_NAME: u64 = 1;
    pub const ATTRIBUTE_TYPE: u64 = 20;
    pub const TENSOR_DIMS: u64 = 1;
    pub const TENSOR_TYPE: u64 = 2;
    pub const TENSOR_NAME: u64 = 8;
    pub const TENSOR_RAW: u64 = 9;
    pub const TENSOR_LOCATION: u64 = 14;
}

pub fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = u8::try_from(value & 0x7f).unwrap();
        value >>= 7;
        if value == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

/// Returns a whole number as a field; negative ones as their 64 bits, as the format has it.
pub fn int(field: u64, value: i64) -> Vec<u8> {
    [varint(field << 3), varint(value.cast_unsigned())].concat()
}

/// Returns bytes, a text, a message or a packed list as a field.
pub fn bytes(field: u64, content: &[u8]) -> Vec<u8> {
    let length = u64::try_from(content.len()).unwrap();
    [varint(field << 3 | 2), varint(length), content.to_vec()].concat()
}

pub fn text(field: u64, content: &str) -> Vec<u8> {
    bytes(field, content.as_bytes())
}

/// Returns a number of 4 bytes as a field.
pub fn float(field: u64, value: f32) -> Vec<u8> {
    [varint(field << 3 | 5), value.to_le_bytes().to_vec()].concat()
}

/// Returns a model of operator set 13 around the fields of a graph.
pub fn model(graph: &[Vec<u8>]) -> Vec<u8> {
    let opset = int(field::OPSET_VERSION, 13);
    [
        int(1, 3),
        bytes(field::MODEL_GRAPH, &graph.concat()),
        bytes(field::MODEL_OPSET, &opset),
    ]
    .concat()
}

/// Returns a tensor's message: name, extents, number of its type, and its data fields.
pub fn tensor(name: &str, dims: &[i64], kind: i64, data: &[Vec<u8>]) -> Vec<u8> {
    let mut fields: Vec<Vec<u8>> = dims.iter().map(|&d| int(field::TENSOR_DIMS, d)).collect();
    fields.push(int(field::TENSOR_TYPE, kind));
    fields.push(text(field::TENSOR_NAME, name));
    fields.extend_from_slice(data);
    fields.concat()
}

/// Returns the message of an `f32` input or output with these extents.
pub fn value_info(name: &str, dims: &[i64]) -> Vec<u8> {
    let dims: Vec<u8> = dims.iter().flat_map(|&d| bytes(1, &int(1, d))).collect();
    let tensor_type = [int(1, 1), bytes(2, &dims)].concat();
    [text(1, name), bytes(2, &bytes(1, &tensor_type))].concat()
}

/// Returns the message of a node.
pub fn node(op: &str, inputs: &[&str], outputs: &[&str], attributes: &[Vec<u8>]) -> Vec<u8> {
    let mut fields = vec![text(field::NODE_OP, op)];
    fields.extend(inputs.iter().map(|name| text(field::NODE_INPUT, name)));
    fields.extend(outputs.iter().map(|name| text(field::NODE_OUTPUT, name)));
    for attribute in attributes {
        fields.push(bytes(field::NODE_ATTRIBUTE, attribute));
    }
    fields.concat()
}

/// Returns the message of an attribute of a kind, with the field that carries its value.
pub fn attribute(name: &str, kind: i64, value: &[u8]) -> Vec<u8> {
    [
        text(field::ATTRIBUTE_NAME, name),
        int(field::ATTRIBUTE_TYPE, kind),
        value.to_vec(),
    ]
    .concat()
}
