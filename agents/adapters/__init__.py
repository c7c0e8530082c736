"""Adapters: how each sort of agent is run, behind one interface."""
