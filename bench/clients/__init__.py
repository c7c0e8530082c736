"""Loaded clients: each runs in an interpreter of its own and is asked by lines."""
