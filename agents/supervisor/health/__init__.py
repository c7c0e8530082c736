"""Looking after agents that run: probes, signs of life, memory.

Everything here says what it finds as plain data; the reconciler acts on it.
"""
