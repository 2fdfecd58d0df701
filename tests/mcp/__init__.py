"""What the tests of the Model Context Protocol share: messages, their shapes, and clients."""
