"""What goes in and comes out, as pydantic models: the words of the OpenAPI file.

The values themselves are made by `services.shapes`, which commands print as well.
"""
