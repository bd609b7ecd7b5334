"""Queries over a results folder: DuckDB with the views of `sql/views.sql`, and the shipped questions."""
