"""Two hundred native agents that stream at once, beside a script without a hub."""
