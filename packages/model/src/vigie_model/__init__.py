"""vigie_model."""
