"""A chat with memory: the guest, a Spin component."""
