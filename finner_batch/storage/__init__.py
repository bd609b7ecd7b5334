"""Where results are kept: a local folder or a folder of an S3 bucket, behind one interface."""
