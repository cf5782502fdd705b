"""vigie_ui."""
