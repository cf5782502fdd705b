"""How Hypothesis draws: `ci` (pyproject.toml) draws the same in each run, `fuzz` (make fuzz) draws anew."""

from hypothesis import HealthCheck, settings

# Each failure is kept in .hypothesis, and tried first by the next run.
settings.register_profile(
    "fuzz", settings.get_profile("default"), deadline=None, print_blob=True, suppress_health_check=list(HealthCheck)
)
