"""What answers `llm_compute`: a model in this process, or one over HTTP."""
