"""How App Store Connect says no (app-store-connect.md sections 5, 6 and 8).

Texts are the sheet's. Codes and texts that nobody has recorded are marked [U] where they are made.
"""

from __future__ import annotations

import uuid
from typing import Any

from stagedrollout.emulator.request import Reply

INVALID_STATE = "ENTITY_ERROR.ATTRIBUTE.INVALID.INVALID_STATE"
UNACCEPTABLE = "An attribute value is not acceptable for the current resource state."
STATE_POINTER = {"pointer": "/data/attributes/phasedReleaseState"}
VERSION_POINTER = {"pointer": "/data/relationships/appStoreVersion"}


class AppStoreError(Exception):
    """Apple's refusal of one call. `more` holds `source`, `links` or `meta`."""

    def __init__(self, status: int, code: str, title: str, detail: str, **more: Any) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.title = title
        self.detail = detail
        self.more = more

    def document(self, *, with_detail: bool) -> dict[str, Any]:
        error: dict[str, Any] = {"status": str(self.status), "code": self.code, "title": self.title}
        if self.status < 500:
            error = {"id": str(uuid.uuid5(uuid.NAMESPACE_URL, self.code + self.detail)), **error}
        if with_detail:
            error["detail"] = self.detail
        return {"errors": [{**error, **self.more}]}


def not_authorized() -> AppStoreError:
    return AppStoreError(
        401,
        "NOT_AUTHORIZED",
        "Authentication credentials are missing or invalid.",
        "Provide a properly configured and signed bearer token, and make sure that it has not expired.",
    )


def forbidden(detail: str = "The API key in use does not allow this request", **more: Any) -> AppStoreError:
    title = "This request is forbidden for security reasons"
    return AppStoreError(403, "FORBIDDEN_ERROR", title, detail, **more)


def no_membership() -> AppStoreError:
    return forbidden("Team ID: 'EMULATED01' is not associated with an active membership.")


def agreement_missing() -> AppStoreError:
    return AppStoreError(
        403,
        "FORBIDDEN.REQUIRED_AGREEMENTS_MISSING_OR_EXPIRED",
        "A required agreement is missing or has expired.",
        "This request requires an in-effect agreement that has not been signed or has expired.",
        links={"see": "/business"},
    )


def agreement_missing_as_told_before() -> AppStoreError:
    detail = (
        "The Apple Developer Program License Agreement has been updated. In order to access certain membership "
        "resources, you must accept the latest license agreement."
    )
    return AppStoreError(403, "FORBIDDEN", "Access Unavailable", detail)


def illegal_parameter(name: str) -> AppStoreError:
    return AppStoreError(
        400,
        "PARAMETER_ERROR.ILLEGAL",
        "A given parameter is not allowed for this request",
        f"The parameter '{name}' can not be used with this request",
        source={"parameter": name},
    )


def invalid_parameter(name: str, detail: str) -> AppStoreError:
    title = "A parameter has an invalid value"
    return AppStoreError(400, "PARAMETER_ERROR.INVALID", title, detail, source={"parameter": name})


def not_found(kind: str, name: str) -> AppStoreError:
    title = "The specified resource does not exist"
    return AppStoreError(404, "NOT_FOUND", title, f"There is no resource of type '{kind}' with id '{name}'")


def no_such_path(path: str) -> AppStoreError:
    title = "The URL path is not valid"
    return AppStoreError(404, "PATH_ERROR", title, f"The resource '{path}' does not exist")


def malformed(detail: str, pointer: str = "/data") -> AppStoreError:  # [U]
    title = "The request entity is not valid"
    return AppStoreError(422, "ENTITY_UNPROCESSABLE", title, detail, source={"pointer": pointer})


def wrong_value(value: object, valid: tuple[str, ...], pointer: str) -> AppStoreError:
    known = ", ".join(f"'{word}'" for word in valid)
    return AppStoreError(
        409,
        "ENTITY_ERROR.ATTRIBUTE.TYPE",
        "The type of the attribute is not valid",
        f"'{value}' is not a valid value for the attribute. Valid values are: {known}.",
        source={"pointer": pointer},
    )


def not_in_this_version_state() -> AppStoreError:
    detail = "You cannot change the state of a phased release in the current version state."
    return AppStoreError(409, INVALID_STATE, UNACCEPTABLE, detail, source=STATE_POINTER)


def final_state() -> AppStoreError:  # code [U]
    detail = "You cannot change the state of a phased release that is in a final state"
    return AppStoreError(409, INVALID_STATE, UNACCEPTABLE, detail, source=STATE_POINTER)


def same_value() -> AppStoreError:  # code [U]
    detail = "The phased release already has this value"
    return AppStoreError(409, INVALID_STATE, UNACCEPTABLE, detail, source=STATE_POINTER)


def not_inactive_again() -> AppStoreError:  # [U]
    detail = "You cannot change the state of a phased release back to INACTIVE."
    return AppStoreError(409, INVALID_STATE, UNACCEPTABLE, detail, source=STATE_POINTER)


def already_started() -> AppStoreError:  # [U]
    detail = "You cannot delete a phased release that has already started."
    return AppStoreError(409, "STATE_ERROR", _OTHER_STATE, detail)


def first_version() -> AppStoreError:  # [U]
    detail = "You cannot create a phased release for the first version of an app."
    return AppStoreError(409, "STATE_ERROR", _OTHER_STATE, detail, source=VERSION_POINTER)


def already_there() -> AppStoreError:
    detail = "You already have such an entity"
    return AppStoreError(409, "STATE_ERROR.ENTITY_ALREADY_EXISTS", _OTHER_STATE, detail)


def version_not_ready(source: dict[str, str]) -> AppStoreError:  # [U]
    detail = "The version is not in a state in which this can be done."
    return AppStoreError(409, "STATE_ERROR", _OTHER_STATE, detail, source=source)


def not_modifiable(attribute: str) -> AppStoreError:
    detail = f"The attribute '{attribute}' can not be modified."
    pointer = {"pointer": f"/data/attributes/{attribute}"}
    return AppStoreError(409, INVALID_STATE, UNACCEPTABLE, detail, source=pointer)


def too_many() -> AppStoreError:
    return AppStoreError(
        429,
        "RATE_LIMIT_EXCEEDED",
        "The request rate limit has been reached.",
        "We've received too many requests for this API. Please wait and try again or slow down your request "
        "rate.",
    )


def unexpected() -> AppStoreError:
    return AppStoreError(
        500,
        "UNEXPECTED_ERROR",
        "An unexpected error occurred.",
        "An unexpected error occurred on the server side. If this issue continues, contact us at "
        "https://developer.apple.com/contact/.",
    )


def in_conflict() -> AppStoreError:
    return AppStoreError(409, "STATE_ERROR", _OTHER_STATE, _OTHER_STATE)


_OTHER_STATE = "The request cannot be fulfilled because of the state of another resource."


def gateway_timeout(*, applied: bool | None) -> Reply:
    """The edge gave up waiting; whether anything happened behind it is another matter."""
    text = "<html><head><title>504 Gateway Time-out</title></head><body>504</body></html>"
    return Reply(504, text=text, applied=applied)


def refused(kind: str, status: int) -> AppStoreError | Reply:
    """What a fault of this kind and status looks like here."""
    if status == 502:
        return Reply(502, text="<html><head><title>502 Bad Gateway</title></head><body>502</body></html>")
    if status == 503:
        return Reply(503, text="Could not process this request")
    if kind == "403_api_disabled":
        return no_membership()
    by_status = {401: not_authorized, 403: forbidden, 409: in_conflict, 429: too_many}
    return by_status.get(status, unexpected)()
