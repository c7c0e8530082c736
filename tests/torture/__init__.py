"""Crash-point testing: hubs are killed at every named point, and at any time."""
