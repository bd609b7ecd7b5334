"""Asks a results folder: DuckDB with the views of `sql/views.sql`, and the questions shipped beside them."""
