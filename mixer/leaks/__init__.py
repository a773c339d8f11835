"""Leaks: records of a mix whose image or question belongs to a benchmark, found by the benchmark's own lists."""
