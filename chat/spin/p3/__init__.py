"""The ports of the host in the build for Preview 3, where an instance has many requests at once."""
