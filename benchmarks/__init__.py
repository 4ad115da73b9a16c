"""Benchmarks that measure costs, mostly as ratios within one run; they are no tests and fail no build."""
