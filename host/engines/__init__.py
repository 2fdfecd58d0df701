"""Runs models as `[llm_compute]` says: in this process, or over HTTP."""
