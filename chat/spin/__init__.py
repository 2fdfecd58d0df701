"""The adapters to the host: the only room in `chat/` that imports `spin_sdk`."""
