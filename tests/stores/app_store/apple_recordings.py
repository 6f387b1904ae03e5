"""Apple's answers when it says no, as app-store-connect.md section 8 has them, row by row: status, code, title,
detail, pointer.

Codes that nobody has recorded ([U] or "code not seen" in the sheet) are marked, and the client must not depend on them;
where the sheet shortens a text with dots, the rest is filled in.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

INVALID_STATE = "ENTITY_ERROR.ATTRIBUTE.INVALID.INVALID_STATE"
UNACCEPTABLE = "An attribute value is not acceptable for the current resource state."
OTHER_STATE = "The request cannot be fulfilled because of the state of another resource."
STATE_POINTER = {"pointer": "/data/attributes/phasedReleaseState"}


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


def error(
    status: int,
    code: str,
    detail: str | None,
    title: str = "The request cannot be fulfilled.",
    **more: Any,
) -> Answer:
    """One of section 8's; `detail` None leaves it away. `more`: source, links."""
    item: dict[str, Any] = {
        "id": "b86cc99a-7b7b-49e7-8a8b-223c7039bdc0",
        "status": str(status),
        "code": code,
        "title": title,
    }
    if detail is not None:
        item["detail"] = detail
    document = {"errors": [{**item, **more}]}
    return Answer(status, json.dumps(document).encode(), {"content-type": "application/json"})


def without_detail(answer: Answer) -> Answer:
    """The same as it was seen too (section 5): with a title, and nothing more."""
    document = json.loads(answer.body)
    document["errors"][0].pop("detail", None)
    return Answer(answer.status, json.dumps(document).encode(), answer.headers)


ILLEGAL_PARAMETER = error(
    400,
    "PARAMETER_ERROR.ILLEGAL",
    "The parameter 'limit' can not be used with this request",
    "A given parameter is not allowed for this request",
    source={"parameter": "limit"},
)
INVALID_PARAMETER = error(  # code [U]
    400,
    "PARAMETER_ERROR.INVALID",
    "'PHONES' is not a valid filter type",
    "A parameter has an invalid value",
    source={"parameter": "filter[platform]"},
)
UNAUTHORIZED = error(
    401,
    "NOT_AUTHORIZED",
    "Provide a properly configured and signed bearer token, and make sure that it has not expired.",
    "Authentication credentials are missing or invalid.",
)
ROLE_MISSING = error(
    403,
    "FORBIDDEN_ERROR",
    "The API key in use does not allow this request",
    "This request is forbidden for security reasons",
)
MEMBERSHIP = error(
    403,
    "FORBIDDEN_ERROR",
    "Team ID: 'A1B2C3D4E5' is not associated with an active membership. To check your teams membership status, "
    "sign in your account on the developer website. https://developer.apple.com/account/",
    "This request is forbidden for security reasons",
)
AGREEMENT = error(
    403,
    "FORBIDDEN.REQUIRED_AGREEMENTS_MISSING_OR_EXPIRED",
    "This request requires an in-effect agreement that has not been signed or has expired.",
    "A required agreement is missing or has expired.",
    links={"see": "/business"},
)
AGREEMENT_OLDER = error(
    403,
    "FORBIDDEN",
    "The Apple Developer Program License Agreement has been updated. In order to access certain membership "
    "resources, you must accept the latest license agreement.",
    "Access Unavailable",
)
NO_SUCH_PHASED = error(
    404,
    "NOT_FOUND",
    "There is no resource of type 'appStoreVersionPhasedReleases' with id '4f6f0c1e'",
    "The specified resource does not exist",
)
NO_SUCH_PATH = error(  # code [U]
    404, "PATH_ERROR", "The resource 'v1/appStoreVersionz' does not exist", "The URL path is not valid"
)
NOT_LIVE = error(  # code inferred from the title
    409,
    INVALID_STATE,
    "You cannot change the state of a phased release in the current version state.",
    UNACCEPTABLE,
    source={"pointer": "/data/attributes/pendingDeveloperRelease"},
)
FINAL = error(  # code not seen
    409,
    INVALID_STATE,
    "You cannot change the state of a phased release that is in a final state",
    UNACCEPTABLE,
    source=STATE_POINTER,
)
SAME = error(  # code not seen
    409,
    "ENTITY_ERROR.ATTRIBUTE.INVALID",
    "The phased release already has this value",
    "The provided entity includes an attribute with an invalid value",
    source=STATE_POINTER,
)
RELEASE_TYPE_FIXED = error(
    409,
    INVALID_STATE,
    "The attribute 'releaseType' can not be modified.",
    UNACCEPTABLE,
    source={"pointer": "/data/attributes/releaseType"},
)
VERSION_IN_FLIGHT = error(
    409,
    "ENTITY_ERROR.RELATIONSHIP.INVALID",
    "You cannot create a new version of the App in the current state.",
    "The provided entity includes a relationship with an invalid value",
    source={"pointer": "/data/relationships/app"},
)
WRONG_TYPE = error(
    409,
    "ENTITY_ERROR.ATTRIBUTE.TYPE",
    "'STOPPED' is not a valid value for the attribute 'phasedReleaseState'. Valid values are 'INACTIVE', 'ACTIVE', "
    "'PAUSED', 'COMPLETE'.",
    "An attribute in the provided entity has the wrong type",
    source=STATE_POINTER,
)
STATE_ERROR = error(409, "STATE_ERROR", OTHER_STATE, OTHER_STATE)
ALREADY_THERE = error(
    409, "STATE_ERROR.ENTITY_ALREADY_EXISTS", "You already have such an entity", OTHER_STATE
)
UNPROCESSABLE = error(  # payload not seen
    422, "ENTITY_UNPROCESSABLE", "The request entity cannot be processed", "The request entity is not valid"
)
THROTTLED = error(
    429,
    "RATE_LIMIT_EXCEEDED",
    "We've received too many requests for this API. Please wait and try again or slow down your request rate.",
    "The request rate limit has been reached.",
)
BROKEN = Answer(
    500,
    json.dumps(
        {
            "errors": [
                {
                    "status": "500",
                    "code": "UNEXPECTED_ERROR",
                    "title": "An unexpected error occurred.",
                    "detail": "An unexpected error occurred on the server side. If this issue continues, contact us "
                    "at https://developer.apple.com/contact/.",
                }
            ]
        }
    ).encode(),
    {"content-type": "application/json"},
)
HTML = Answer(502, b"<html><h1>Bad Gateway</h1></html>", {"content-type": "text/html"})
UNAVAILABLE = Answer(503, b"Could not process this request", {"content-type": "text/plain"})
GATEWAY_TIMEOUT = Answer(
    504, b"<html><title>504 Gateway Time-out</title></html>", {"content-type": "text/html"}
)
