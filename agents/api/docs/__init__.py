"""The API's description as a page to be read."""
