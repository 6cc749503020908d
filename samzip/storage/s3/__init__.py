"""A store in an S3 bucket; imported only for s3:// roots (the extra `s3`)."""
