"""The refusal of an id that no episode has."""

from vigie_api.problem import Problem


class NoSuchEpisode(Problem):
    """No episode has this id."""

    status = 404
    slug = "no-such-episode"
    title = "No such episode"

    def __init__(self) -> None:
        super().__init__("No episode has this id. GET /v1/episodes lists them.")
