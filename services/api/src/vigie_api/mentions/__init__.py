"""Posts about the brand: taken in once each, judged in the background."""
