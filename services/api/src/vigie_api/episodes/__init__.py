"""Surges as people see them: found in live mentions, told once, followed until they are over."""
