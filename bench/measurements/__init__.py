"""One module for each measurement; `quiet` ones share a fleet that does nothing."""
