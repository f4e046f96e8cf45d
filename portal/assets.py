"""Stylesheet, scripts and icon: sent packed where the browser can unpack, and kept by it while they are the same.

Their addresses carry a fingerprint of the file, so a new file has a new address and an old one never goes stale.
Pages are not packed here: they carry form tokens beside what people type, and a proxy that packs both would give an
eavesdropper something to measure.
"""

import gzip
import hashlib
from functools import lru_cache
from pathlib import Path

from flask import Flask, Response, current_app, request

ROOMS = {"static": None, "bootstrap.static": "bootstrap", "vendor.static": "vendor"}
PACKED = ("text/css", "text/javascript", "application/javascript", "image/svg+xml")
KEEP = "public, max-age=31536000, immutable"


def register(app: Flask) -> None:
    """Give addresses of assets their fingerprint, and answer them packed and to be kept."""
    app.url_defaults(_fingerprinted)
    app.after_request(_answer)


def _fingerprinted(endpoint: str, values: dict[str, object]) -> None:
    if endpoint in ROOMS and "v" not in values:
        path = _path(endpoint, str(values.get("filename", "")))
        if path is not None:
            values["v"] = _fingerprint(path, path.stat().st_mtime_ns)


def _answer(response: Response) -> Response:
    if request.endpoint not in ROOMS or response.status_code != 200:
        return response
    if request.args.get("v"):
        response.headers["Cache-Control"] = KEEP
    response.vary.add("Accept-Encoding")
    path = _path(request.endpoint, (request.view_args or {}).get("filename", ""))
    if path is None or response.mimetype not in PACKED or not request.accept_encodings["gzip"]:
        return response
    response.direct_passthrough = False
    response.set_data(_packed(path, path.stat().st_mtime_ns))
    response.headers["Content-Encoding"] = "gzip"
    response.headers.pop("Accept-Ranges", None)
    response.set_etag(f"{_fingerprint(path, path.stat().st_mtime_ns)}-gzip")
    response.make_conditional(request)
    return response


def _path(endpoint: str, filename: str) -> Path | None:
    name = ROOMS[endpoint]
    room = current_app.blueprints[name] if name else current_app
    path = _inside(room.static_folder or "", filename)
    return path if path is not None and path.is_file() else None


@lru_cache(maxsize=256)
def _inside(folder: str, filename: str) -> Path | None:
    whole = Path(folder).resolve()
    path = (whole / filename).resolve()
    return path if path.is_relative_to(whole) else None


@lru_cache(maxsize=64)
def _fingerprint(path: Path, _changed: int) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


@lru_cache(maxsize=64)
def _packed(path: Path, _changed: int) -> bytes:
    return gzip.compress(path.read_bytes(), 9, mtime=0)
