"""The WASI 0.2 interfaces that a Spin Python component calls."""
