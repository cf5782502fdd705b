"""Labelled posts: reading, splitting, fetching, and the built-in corpus."""
