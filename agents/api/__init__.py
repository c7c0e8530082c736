"""The control API: what a person can do by hand, a program can do over HTTP."""
