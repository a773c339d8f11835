"""Embeddings of images: made by a local model, one for each distinct content, or brought by the user."""
