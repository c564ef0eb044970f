"""logpipe: raw system logs to templates and typed variable columns."""

__version__ = "0.1.0"
