"""Stand-ins for providers of models: real HTTP on loopback, in each vendor's format."""
