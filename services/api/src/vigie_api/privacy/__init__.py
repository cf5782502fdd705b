"""What is deleted: old texts by themselves, and a text that somebody asks to be forgotten."""
