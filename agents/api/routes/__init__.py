"""The routes: each guards, calls a service, and answers in a shape of the services."""
