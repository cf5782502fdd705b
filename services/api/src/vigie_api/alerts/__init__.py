"""Alerts: what people must hear of, stored with its evidence, mailed and told to telemetry once it is durable."""
