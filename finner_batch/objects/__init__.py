"""Object stores: S3 and what speaks like it, with retries, ranges and conditional writes."""
