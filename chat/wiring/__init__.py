"""The parts of a request, put together by the settings."""
