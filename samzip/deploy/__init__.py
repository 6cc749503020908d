"""Puts samzip's units into place: the samples of cron/, which are shipped in here, with the paths of a host."""
