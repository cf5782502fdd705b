"""The champion: found in the registry, kept on disk, served from memory, moved by people with the scope admin."""
