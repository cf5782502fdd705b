"""Live sources of mentions, behind one small port."""
