"""The Model Context Protocol over the API's operations: it translates, and never decides."""
