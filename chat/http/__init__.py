"""Requests in, responses out; never a store."""
