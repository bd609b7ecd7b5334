"""The commands: thin Click wrappers over public functions."""
