"""Speaks OpenAI's API: translates requests and answers, and decides nothing."""
