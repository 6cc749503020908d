"""Listeners of events: the log's lines, the terminal's bars. Only this package knows structlog and rich."""
