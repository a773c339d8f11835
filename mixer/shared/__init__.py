"""What several sources share, and what one of them is too large for: one concern a module, pure functions and types."""
