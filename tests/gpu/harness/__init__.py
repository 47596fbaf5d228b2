"""Runs the checks and reads what they leave. Standard library only."""
