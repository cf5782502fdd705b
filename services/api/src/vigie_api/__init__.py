"""vigie_api."""
