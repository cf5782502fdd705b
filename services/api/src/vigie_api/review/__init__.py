"""What a person should look at next, and what the verdicts so far say about the model's mistakes."""
