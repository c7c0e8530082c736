"""The Django admin: everything that is set up, asked and recorded.

Django imports this room while it makes the site, so nothing is registered on import:
the site registers what stands in `registry`.
"""
