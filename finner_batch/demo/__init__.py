"""The page to try the job on: paste text or drop a filing, see the numbers that are found (extra `demo`)."""
