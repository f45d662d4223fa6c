"""Pages outside the REST API: the browser app's shell, and the end of /api/."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt, ensure_csrf_cookie
from django.views.decorators.http import require_safe

from r1web.api.errors import answer

MANIFEST = Path(settings.BASE_DIR) / "r1web/static/app/.vite/manifest.json"
ENTRY = "src/main.tsx"


@require_safe
@login_required
@ensure_csrf_cookie
def app(request: HttpRequest) -> HttpResponse:
    """The browser app; it reads the address itself."""
    try:
        built = entry()
    except FileNotFoundError:
        return render(request, "not_built.html", status=503)
    return render(request, "app.html", built)


@csrf_exempt
def no_such_api(request: HttpRequest) -> HttpResponse:
    return answer(404, "not_found", f"There is nothing at {request.path[:200]}.")


@cache
def entry() -> dict[str, Any]:
    """Script, styles, preloaded modules and fonts of the entry, as the build named them."""
    manifest = json.loads(MANIFEST.read_text(encoding="utf-8"))
    chunks = [manifest[ENTRY]]
    for chunk in chunks:  # grows while it is read: what the entry imports, at any depth
        found = [manifest[name] for name in chunk.get("imports", [])]
        chunks += [other for other in found if other not in chunks]
    styles = [style for chunk in chunks for style in chunk.get("css", [])]
    return {
        "script": chunks[0]["file"],
        "styles": list(dict.fromkeys(styles)),
        "modules": [chunk["file"] for chunk in chunks[1:]],
        "fonts": [file for file in chunks[0].get("assets", []) if file.endswith(".woff2")],
    }
