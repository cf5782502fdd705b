"""vigie_trainer."""
