"""The page of the interactive documentation, all of it from here: nothing of third parties is
loaded, so that it works in a closed network and no token typed into it can leave."""

from importlib.resources import files

from fastapi import APIRouter
from starlette.responses import Response

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<link rel="stylesheet" href="docs/swagger-ui.css">
<title>{title}</title>
</head>
<body>
<div id="swagger-ui"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"""
START = """SwaggerUIBundle({
  url: "openapi.json", dom_id: "#swagger-ui", deepLinking: true, filter: true,
});
"""
_ASSETS = files("fastapi_standalone_docs") / "static" / "swagger"
_STYLE, _SCRIPT = "text/css", "text/javascript"
_HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; connect-src 'self'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "cache-control": "no-cache",
}


def documentation(title: str) -> APIRouter:
    """`/docs`: Swagger UI over `/openapi.json`; addresses are relative, for a gateway's prefix."""
    router = APIRouter(include_in_schema=False)

    @router.get("/docs")
    async def docs() -> Response:
        return Response(PAGE.format(title=title), headers=_HEADERS, media_type="text/html")

    @router.get("/docs/start.js")
    async def start() -> Response:
        return Response(START, headers=_HEADERS, media_type=_SCRIPT)

    @router.get("/docs/swagger-ui-bundle.js")
    def script() -> Response:
        return _asset("swagger-ui-bundle.js", _SCRIPT)

    @router.get("/docs/swagger-ui.css")
    def style() -> Response:
        return _asset("swagger-ui.css", _STYLE)

    return router


def _asset(name: str, media: str) -> Response:
    kept = _HEADERS | {"cache-control": "public, max-age=3600"}
    return Response((_ASSETS / name).read_bytes(), headers=kept, media_type=media)
