"""Bugs planted on purpose: each must be caught by the suite, or the suite proves nothing."""
