"""The page /docs. Its script and style come from here: it opens without the internet, and tells no CDN who reads it."""

from importlib.resources import files
from pathlib import Path
from typing import Final, Literal

from fastapi import FastAPI, Request
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import FileResponse, HTMLResponse

_FILES: Final = Path(str(files("fastapi_offline"))) / "static"
_A_DAY: Final = {"Cache-Control": "public, max-age=86400"}


def add_docs_page(app: FastAPI) -> None:
    """Serve Swagger UI at /docs, under whatever prefix a gateway has taken off the path."""

    @app.get("/docs", include_in_schema=False)
    async def docs(request: Request) -> HTMLResponse:
        root = request.scope.get("root_path", "").rstrip("/")
        return get_swagger_ui_html(
            openapi_url=f"{root}/openapi.json",
            title=app.title,
            swagger_js_url=f"{root}/docs/swagger-ui-bundle.js",
            swagger_css_url=f"{root}/docs/swagger-ui.css",
            swagger_favicon_url=f"{root}/docs/favicon.png",
        )

    # Not a mount: a mounted application looks for its files under the gateway's prefix, which is no longer in the path.
    @app.get("/docs/{name}", include_in_schema=False)
    async def docs_file(name: Literal["swagger-ui-bundle.js", "swagger-ui.css", "favicon.png"]) -> FileResponse:
        return FileResponse(_FILES / name, headers=_A_DAY)
