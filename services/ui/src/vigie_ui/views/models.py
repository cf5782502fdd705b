"""The page "Models": who serves, how good each version is, why the gate let it through, and two of them on a text."""

from typing import Final

import streamlit as st

from vigie_ui import board_markup, markup
from vigie_ui.answers import Explanation, ModelVersion
from vigie_ui.board import ROLE_KEYS, ROLES, first_pair, ranked, role_of, with_role
from vigie_ui.client import ApiError, Reason, VigieClient
from vigie_ui.connection import connect
from vigie_ui.i18n import Catalogue
from vigie_ui.notices import notice_of
from vigie_ui.reasons import reasons_view
from vigie_ui.settings import UiSettings
from vigie_ui.verdict import judgement_view
from vigie_ui.views import Page
from vigie_ui.views.live import forget, live, moving, trail

TEXT: Final = "compare_text"
SIDES: Final = ("left", "right")
FRESH_S: Final = 30
LOOK_EVERY_S: Final = 3.0
SHOWN: Final = 12


def render(say: Catalogue, settings: UiSettings) -> None:
    """Draw the page."""
    api = connect(settings)
    st.html(markup.heading(say("models.title"), say("models.intro")))
    try:
        with st.spinner(say("models.working")):
            models = _models(api, str(settings.api_url))
    except ApiError as error:
        _refused(say, error)
        return
    if not models:
        st.html(markup.message("calm", say("models.none_title"), say("models.none_text")))
        return
    _roles(say, models)
    moving(say, models, api, _models.clear)
    live(say, api, str(settings.api_url))
    _ranking(say, models)
    _pair(say, models, api)
    trail(say, api, str(settings.api_url))
    if not all(model.evidence_complete for model in models):
        _look_again()


@st.cache_resource(ttl=FRESH_S, show_spinner=False)
def _models(_api: VigieClient, url: str) -> tuple[ModelVersion, ...]:
    return _api.models()


def _refresh() -> None:
    _models.clear()
    forget()


def _refused(say: Catalogue, error: ApiError) -> None:
    if error.reason is Reason.REFUSED:
        st.html(markup.message("warn", say("models.refused_title"), say("models.refused_text"), urgent=True))
        return
    notice = notice_of(error, say)
    text = say("models.away_text") if error.passing else say("models.failed_text")
    st.html(markup.message("warn", say("models.away_title"), text, notice.reference, urgent=True))
    st.button(say("error.retry"), key="retry_models", on_click=_models.clear)


@st.fragment(run_every=LOOK_EVERY_S)
def _look_again() -> None:
    # The first run of a fragment is part of the page's own; the next ones come by the clock.
    if st.session_state.get("looked"):
        st.session_state["looked"] = False
        _models.clear()
        st.rerun(scope="app")
    st.session_state["looked"] = True


def _roles(say: Catalogue, models: tuple[ModelVersion, ...]) -> None:
    cards = "".join(board_markup.role_card(role, with_role(models, role), say) for role in ROLES)
    st.html(f'<div class="v-models">{cards}</div>')


def _ranking(say: Catalogue, models: tuple[ModelVersion, ...]) -> None:
    rows = ranked(models)
    with st.container(key="ranking"):
        with st.container(key="ranking_head", horizontal=True, vertical_alignment="center"):
            st.html(markup.section(say("models.ranking"), say("models.ranking_note")))
            st.button(say("models.refresh"), key="refresh_models", type="tertiary", on_click=_refresh)
        st.html(board_markup.ranking(rows[:SHOWN], say))
        if len(rows) > SHOWN:
            with st.expander(say("models.more", count=say.number(len(rows) - SHOWN))):
                st.html(board_markup.ranking(rows[SHOWN:], say))


def _pair(say: Catalogue, models: tuple[ModelVersion, ...], api: VigieClient) -> None:
    by_version = {model.version: model for model in models}
    with st.container(key="pair"):
        st.html(markup.section(say("compare.title"), say("compare.note")))
        chosen = _choose(say, models, by_version)
        _on_a_text(say, chosen, api)
        with st.container(key="sheets"):
            for side, model, column in zip(SIDES, chosen, st.columns(2, gap="large"), strict=True):
                with column, st.container(key=f"sheet_{side}"):
                    _sheet(say, model)


def _choose(
    say: Catalogue, models: tuple[ModelVersion, ...], by_version: dict[str, ModelVersion]
) -> tuple[ModelVersion, ModelVersion]:
    options = [model.version for model, _ in ranked(models)]
    labels = (say("compare.left"), say("compare.right"))
    chosen: list[ModelVersion] = []
    for side, label, first, column in zip(SIDES, labels, first_pair(models), st.columns(2, gap="large"), strict=True):
        with column:
            version = st.selectbox(
                label,
                options,
                index=options.index(first),
                key=f"version_{side}",
                format_func=lambda version: _option(say, by_version[version]),
            )
        chosen.append(by_version[version])
    return chosen[0], chosen[1]


def _option(say: Catalogue, model: ModelVersion) -> str:
    role = role_of(model)
    if role is None:
        return say("models.option", version=model.version, recipe=model.recipe)
    return say("models.option_role", version=model.version, recipe=model.recipe, role=say(ROLE_KEYS[role][0]))


def _on_a_text(say: Catalogue, chosen: tuple[ModelVersion, ModelVersion], api: VigieClient) -> None:
    with st.form("compare_form", border=False):
        st.text_area(say("compare.label"), key=TEXT, height=96, placeholder=say("analyse.placeholder"))
        st.form_submit_button(say("compare.button"), key="compare", type="primary", on_click=_ask)
    text = st.session_state.get("compared_text")
    if text is None:
        return
    answers: dict[str, Explanation | ApiError] = st.session_state["compared"]
    missing = [model for model in chosen if model.version not in answers]
    if missing:
        with st.spinner(say("compare.working")):
            for model in missing:
                answers[model.version] = _explained(api, text, model.version)
    found = [answers[model.version] for model in chosen]
    sentiments = {answer.prediction.sentiment for answer in found if isinstance(answer, Explanation)}
    if all(isinstance(answer, Explanation) for answer in found) and chosen[0].version != chosen[1].version:
        st.html(board_markup.agreement(len(sentiments) == 1, say))
    with st.container(key="compared"):
        for side, answer, column in zip(SIDES, found, st.columns(2, gap="large"), strict=True):
            with column, st.container(key=f"compared_{side}"):
                _verdict(say, answer, text)


def _ask() -> None:
    st.session_state["compared_text"] = st.session_state[TEXT]
    st.session_state["compared"] = {}


def _explained(api: VigieClient, text: str, version: str) -> Explanation | ApiError:
    try:
        return api.explain(text, version)
    except ApiError as error:
        return error


def _verdict(say: Catalogue, answer: Explanation | ApiError, text: str) -> None:
    if isinstance(answer, ApiError):
        st.html(markup.notice_card(notice_of(answer, say)))
        return
    view = judgement_view(answer.prediction, answer.model, text, say)
    st.html(markup.verdict_card(view, say, reasons_view(answer, text, say)))


def _sheet(say: Catalogue, model: ModelVersion) -> None:
    st.html(board_markup.part(_option(say, model)) + board_markup.gate_card(model, say))
    st.html(
        board_markup.part(say("confusion.title"), say("confusion.note"))
        + board_markup.confusion(model.confusion_matrix, say)
    )
    st.html(board_markup.part(say("roc.title"), say("roc.note")) + _roc(say, model))
    st.html(
        board_markup.part(say("behaviour.title"), say("behaviour.note")) + board_markup.behaviour(model.behaviour, say)
    )


def _roc(say: Catalogue, model: ModelVersion) -> str:
    return board_markup.roc(model.roc, model.metrics.get("roc_auc"), say)


PAGE: Final = Page(order=20, path="models", name_key="models.name", render=render)
