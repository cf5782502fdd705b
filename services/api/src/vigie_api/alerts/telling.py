"""What telemetry hears of an alert: numbers and names of its evidence, and never a text of a tweet."""

from typing import Final

from vigie_api.alerts.schema import AlertOut
from vigie_api.telemetry.events import AlertRaised

_OF_A_SURGE: Final = ("topic", "episode_id", "severity", "negatives", "expected")


def told(alert: AlertOut) -> AlertRaised:
    """The event of an alert. What its evidence does not have is None: evidence of an older version says less."""
    evidence = alert.evidence
    event = {"window_s": evidence.get("window_s")}
    if alert.kind == "surge":
        event |= {name: evidence.get(name) for name in _OF_A_SURGE}
    elif alert.kind == "drift":
        event["day"] = evidence.get("day")
        if measures := evidence.get("measures"):
            # They share one limit, so the greatest is the one that is furthest beyond it.
            furthest = max(measures, key=lambda found: float(found["value"]))
            event |= {"measure": furthest["name"], "value": furthest["value"], "threshold": furthest["threshold"]}
    return AlertRaised(alert.id, alert.kind, alert.model_version, alert.count, **event)
