"""What the API says of models, verdicts, alerts, topics, posts and episodes, as its documents are."""

from typing import Any


def version(number: str, recipe: str, accuracy: float | None, *aliases: str, **more: Any) -> dict[str, Any]:
    """A version as the API lists it; `gate=""`: never judged."""
    metrics = {} if accuracy is None else {"accuracy": accuracy, "support_negative": 1609, "support_positive": 1591}
    return {
        "version": number,
        "recipe": recipe,
        "run_id": "r",
        "created_at": "2026-11-02T10:00:00Z",
        "aliases": aliases,
        "gate": "passed: TWEET; 0042",
        "metrics": metrics,
        "evidence_complete": True,
        **more,
    }


def evidence(passed: int = 11) -> dict[str, Any]:
    """What a run leaves behind."""
    kept = {"passed": passed, "total": 12, "needed": 0.9, "kept": passed > 10, "decides": True, "failures": ["TWEET"]}
    rates = [step / 20 for step in range(21)]
    names = ("loads", "digest", "latency", "size", "behaviour_plain_en", "accuracy", "roc_auc")
    return {
        "confusion_matrix": [[1340, 269], [288, 1303]],
        "roc": {"false_positive_rate": rates, "true_positive_rate": [rate**0.3 for rate in rates]},
        "gate_checks": [{"name": name, "passed": name != "size" or passed > 10, "detail": "TWEET"} for name in names],
        "behaviour": {
            name: {"en": kept, "fr": kept}
            for name in ("plain", "airline", "name", "link", "typo", "negation", "intensifier")
        },
    }


def item(number: int, **more: Any) -> dict[str, Any]:
    """A verdict to check as the API lists it: every odd one negative."""
    score = 0.42 if number % 2 else 0.61
    return {
        "prediction_id": f"p{number}",
        "text": f"TWEET 00{number}",
        "sentiment": "negative" if number % 2 else "positive",
        "score": score,
        "confidence": max(score, 1 - score),
        "uncertain": True,
        "language": "fr" if number % 2 else "en",
        "model_version": "3",
        "predicted_at": "2026-11-02T10:00:00Z",
        "reasons": ["uncertain"],
        "priority": 1 / number,
        "copies": 1,
        "challenger": None,
        "disputes": 0,
        **more,
    }


def wrong_verdict(text: str | None = "TWEET") -> dict[str, Any]:
    """A verdict in the evidence of an alert."""
    return {
        "feedback_id": "f1",
        "prediction_id": "p1",
        "text": text,
        "sentiment": "negative",
        "correction": "positive",
        "model_version": "3",
        "received_at": "2026-11-02T10:00:00Z",
        "taken_back": False,
    }


def alert(number: int, **more: Any) -> dict[str, Any]:
    """An alert as the API lists it."""
    wrong = wrong_verdict()
    email = {"step": "opened", "state": "sent", "attempts": 1, "sent_at": "2026-11-02T10:00:02Z", "message_id": "<1@x>"}
    return {
        "id": f"019ab3c1-5f6e-7b32-9d0a-{number:012d}",
        "kind": "misprediction",
        "state": "open",
        "opened_at": "2026-11-02T10:00:00Z",
        "updated_at": "2026-11-02T10:00:00Z",
        "model_version": "3",
        "count": 3,
        "evidence": {"window_s": 300.0, "verdicts": [wrong, {**wrong, "taken_back": True}, {**wrong, "text": None}]},
        "emails": [email],
        "acknowledged_at": None,
        "acknowledged_by": None,
        "note": None,
        **more,
    }


def mention(number: int, **more: Any) -> dict[str, Any]:
    """A post as the API lists it: every odd one negative."""
    odd = number % 2 == 1
    return {
        "id": f"019ab3c1-5f6e-7b32-9d0a-{number:012d}",
        "source": "x",
        "external_id": str(number),
        "topic": "TWEET",
        "created_at": "2026-11-02T10:00:00Z",
        "received_at": "2026-11-02T10:00:01Z",
        "text": f"TWEET 00{number}",
        "url": f"https://example.org/{number}",
        "reach": 1200,
        "sentiment": "negative" if odd else "positive",
        "score": 0.1 if odd else 0.9,
        "confidence": 0.9,
        "uncertain": False,
        "language": "fr",
        "model_version": "3",
        "counted": True,
        "verdict": None,
        "correction": None,
        **more,
    }


def topic(name: str = "TWEET", state: str = "serious", **more: Any) -> dict[str, Any]:
    """A topic as the API lists it."""
    return {
        "topic": name,
        "state": state,
        "episode_id": None,
        "posts_24h": 240,
        "negatives_24h": 60,
        "share_24h": 0.25,
        "last_hour": {"posts": 40, "negatives": 31, "expected": None if state == "learning" else 3.4},
        "last_post_at": "2026-11-02T10:00:00Z",
        "sources": ["x", "bluesky"],
        **more,
    }


def trends(hours: int, *, expected: bool = True, **more: Any) -> dict[str, Any]:
    """A period as the API tells it: one negative every hour, nine in the last one."""
    known = {"expected": 2.0, "low": 0, "high": 5} if expected else {}
    buckets = [
        {
            "at": f"2026-11-02T{hour:02d}:00:00Z",
            "posts": 10,
            "negatives": 9 if hour == hours - 1 else 1,
            "share": 0.9 if hour == hours - 1 else 0.1,
            **known,
        }
        for hour in range(hours)
    ]
    period = {"step_s": 3600, "since": "2026-11-02T00:00:00Z", "until": f"2026-11-02T{hours:02d}:00:00Z"}
    return {**period, "buckets": buckets, "episodes": [], "terms": [], **more}


def episode(number: int, state: str = "open", **more: Any) -> dict[str, Any]:
    """An episode as the API lists it."""
    return {
        "id": f"019ab3c1-5f6e-7b32-9d0a-{900 + number:012d}",
        "topic": "TWEET",
        "state": state,
        "severity": "serious",
        "onset_at": "2026-11-02T08:00:00Z",
        "opened_at": "2026-11-02T08:20:00Z",
        "escalated_at": "2026-11-02T09:00:00Z",
        "closed_at": "2026-11-02T09:30:00Z" if state == "closed" else None,
        "updated_at": "2026-11-02T09:30:00Z",
        "negatives": 124,
        "posts": 200,
        "expected": 18.2,
        "ratio": 6.8,
        "share": 0.62,
        "reach": 120000,
        "terms": [{"term": "TWEET", "count": 34, "lift": 3.1}],
        "alert_id": None,
        "acknowledged_at": None,
        "acknowledged_by": None,
        "assignee": None,
        "note": None,
        "false_alarm": False,
        **more,
    }
