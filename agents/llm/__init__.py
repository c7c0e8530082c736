"""Talking to models: one streaming interface over several providers.

Importing this room imports no vendor's SDK; `clients.Clients` does, in a thread.
"""
