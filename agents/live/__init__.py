"""Live news for open pages: rendered once per tick, sent to all."""
