"""A web page to try the tagger: paste text or drop a filing, and see the numbers found (extra `demo`)."""
