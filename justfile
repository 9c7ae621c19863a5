# Names for the steps of .ci/run, which is the single gate; keep the two alike.

# Everything that must pass before a change is done.
check: format lint doc test

format:
    cargo fmt --check

lint:
    cargo clippy --all-targets -- -D warnings

doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --document-private-items

test:
    cargo test

# Speed and memory; see benches/README.md for what is compared with PyTorch.
bench:
    cargo bench
