"""The challenger judges a sample of live traffic in the shadow of the champion: measured, never answered with."""
