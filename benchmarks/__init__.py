"""Measures the reads people do all day beside their floor and beside the usual way: `python -m benchmarks`."""
