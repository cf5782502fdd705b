"""How far live traffic has moved from what the served model was made for, day by day."""
