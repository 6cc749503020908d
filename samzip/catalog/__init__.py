"""Read-only view of SAM's companies, instruments and records. Spanish column names stop here."""
