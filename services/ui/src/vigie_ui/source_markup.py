"""HTML of where posts come from. What came from outside goes through `escape`."""

from html import escape
from typing import Final

from vigie_ui.alert_markup import Clock
from vigie_ui.connector_answers import Connector, Connectors
from vigie_ui.i18n import Catalogue
from vigie_ui.markup import message
from vigie_ui.topic_markup import source

STATE_KEYS: Final = {"waiting": "sources.waiting", "off": "sources.off", "failing": "sources.failing"}
"""What is said of a source that does not simply run."""


def sources(found: Connectors, clock: Clock, say: Catalogue) -> str:
    """A quiet line with every source, and a loud one for each that fails: what is not read looks like calm."""
    if not found.connectors:
        return f'<p class="v-sources">{escape(say("sources.none"))}</p>'
    told = escape(" · ".join(_told(one, clock, say) for one in found.connectors))
    line = f'<p class="v-sources"><span>{escape(say("sources.title"))}</span> {told}</p>'
    return line + "".join(_failing(one, clock, say) for one in found.connectors if one.state == "failing")


def _name(connector: Connector) -> str:
    kind = source(connector.source)
    return kind if connector.name in (connector.source, kind) else f"{kind} ({connector.name})"


def _last(connector: Connector, clock: Clock, say: Catalogue) -> str:
    if connector.last_taken_at is None:
        return say("sources.nothing")
    return say("sources.last", when=clock(connector.last_taken_at))


def _told(connector: Connector, clock: Clock, say: Catalogue) -> str:
    key = STATE_KEYS.get(connector.state)
    facts = [say(key)] if key else []
    if connector.state != "off":
        facts.append(_last(connector, clock, say))
    return say("sources.one", name=_name(connector), facts=", ".join(facts))


def _failing(connector: Connector, clock: Clock, say: Catalogue) -> str:
    title = say("sources.failing_title", name=_name(connector))
    text = say("sources.failing_text", last=_last(connector, clock, say))
    detail = ""
    if connector.error:
        detail = (
            f'<details class="v-evidence v-detail"><summary>{escape(say("sources.detail"))}</summary>'
            f"<p>{escape(connector.error)}</p></details>"
        )
    return message("warn", title, text) + detail
