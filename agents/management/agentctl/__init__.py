"""The parts of `manage.py agents`: one module for each concern."""
