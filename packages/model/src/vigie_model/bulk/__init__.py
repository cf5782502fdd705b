"""Scoring streams of any length in constant memory.

A stream of bytes is cut into chunks of whole records (`cutting`), each of which may be read and judged anywhere, in
any process (`judging`), and told as lines (`lines`). Who joins them again keeps the order.

Kept apart from the package's front, because a process that judges one text at a time needs none of it.
"""
