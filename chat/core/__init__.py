"""Values, errors, ids and estimates: no input or output, no setting."""
