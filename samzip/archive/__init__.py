"""What makes one archive: the ZIP writer, the verifier, and the build of a part."""
