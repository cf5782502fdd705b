"""The promotion gate: evidence, rules, verdict. Nothing else moves the champion."""
