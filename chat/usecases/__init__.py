"""What is done for a request: load, decide, store; and the ports it is done through."""
