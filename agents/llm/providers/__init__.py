"""One module for each way to talk to models. Constructors import SDKs: in a thread."""
