"""The full report on drift: what the API predicted lately, against the rows that travel with the model."""
