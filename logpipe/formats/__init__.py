"""Inputs: readers of raw bytes, header layouts, time stamps."""
