"""What may keep samzip from working on this host: probes look, checks judge. Nothing that lasts is changed."""
