"""What the component does for a request: load, decide, store; and the ports that it needs."""
