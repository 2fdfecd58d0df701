"""The ports of the host: the only room that imports `spin_sdk`."""
