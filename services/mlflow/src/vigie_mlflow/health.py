"""Ask the running server something that needs its database and a sign-in."""

from __future__ import annotations

import base64
import http.client

from vigie_mlflow.settings import Settings


class UnhealthyError(Exception):
    """The server does not answer as it should."""


def check(settings: Settings, timeout_s: float = 8.0) -> None:
    """Search the experiments with the admin account, because /health answers 200 to anyone whatever is broken.

    Raises UnhealthyError when the answer is not 200.
    """
    sign_in = f"{settings.admin_user}:{settings.admin_password.get_secret_value()}".encode()
    connection = http.client.HTTPConnection("127.0.0.1", settings.port, timeout=timeout_s)
    try:
        connection.request(
            "GET",
            f"{settings.static_prefix}/api/2.0/mlflow/experiments/search?max_results=1",
            headers={"Authorization": "Basic " + base64.b64encode(sign_in).decode()},
        )
        answer = connection.getresponse()
        body = answer.read(500).decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        raise UnhealthyError(f"no answer on port {settings.port}: {error}") from error
    finally:
        connection.close()
    if answer.status != http.HTTPStatus.OK:
        raise UnhealthyError(f"HTTP {answer.status}: {body}")
