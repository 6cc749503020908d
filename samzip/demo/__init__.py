"""A sample company and its documents: fills an empty database and an empty media folder, the same every time."""
