"""Operating-system processes: the only room that spawns and signals them.

Everything here blocks for microseconds to milliseconds and is called from the
supervisor's own threads, never from the event loop.
"""
