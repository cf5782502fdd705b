"""From what people corrected to the next model: pull, merge, join to the rows that the champion learned from."""
