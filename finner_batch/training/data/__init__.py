"""Labelled sentences: from filings, readings, own files and the hub; as training examples."""
