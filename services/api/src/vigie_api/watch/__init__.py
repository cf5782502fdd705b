"""Early warning: what is normal for a topic at this hour, and when negative posts surge beyond it."""
