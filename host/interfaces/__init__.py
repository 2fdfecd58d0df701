"""The interfaces that a component imports."""
