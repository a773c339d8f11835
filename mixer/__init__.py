"""mixer: one reproducible training mix from published vision-language datasets."""

__version__ = "0.1.0"
