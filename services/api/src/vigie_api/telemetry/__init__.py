"""What the service says of itself. No sink carries the text of a tweet, and none fails a request."""
