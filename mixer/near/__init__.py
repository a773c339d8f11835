"""Near-duplicates: pairs that are alike, which of them stay, and the file a recipe takes them from."""
