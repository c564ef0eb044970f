"""Prefect flows over logpipe.pipeline."""
