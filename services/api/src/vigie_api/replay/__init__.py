"""History run through the detector of surges, as fast as it can be read."""
