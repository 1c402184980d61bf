"""The guide to issues: what each code means and what to do, as a page and as links to it."""

from __future__ import annotations

import html
from collections.abc import Sequence

import msgspec

from milepost.models.issue import RESOLUTIONS, Issue, IssueCode, ResolutionType

PATH = "/docs/issues"

WHO: dict[ResolutionType, str] = {
    "action_required": "the fleet, or whoever owns its account at the provider",
    "automatic_retry": "Milepost, which asks again by itself",
    "terminal_managed": "whoever runs this installation",
    "known_limitation": "nobody: it is how things are",
    "investigation_required": "whoever finds out why",
}

GUIDES: dict[IssueCode, str] = {
    "manually_disabled": "A stream of this connection was switched off by hand. Switch it on again.",
    "permission_missing": "The login may not read this. Grant the named permission at the provider and "
    "link the connection again if the provider makes a new login for it; the next sync reads what was missed.",
    "oauth_scope_missing": "The provider's consent does not cover this. Add the scope to the OAuth app, "
    "and let the fleet consent again.",
    "subscription_required": "The fleet's plan at the provider lacks this. The fleet upgrades it, or "
    "lives without.",
    "retention_window_exceeded": "More of the past was asked for than the provider keeps. What it keeps "
    "was read.",
    "provider_data_inaccessible": "The provider does not show what it showed before, or too much is gone "
    "at once to be believed. Nothing was removed. Look whether the account was restricted; when the next "
    "complete listing agrees, or the issue is resolved by hand, the removal is believed.",
    "invalid_source_identifier": "An identifier at the provider is not valid, such as a VIN with a typing "
    "error. Correct it there.",
    "unsupported_device_type": "A device is of a kind that the model has no place for. It was left out.",
    "stream_disabled": "This installation does not read this stream. Whoever runs it can switch it on.",
    "provider_provisioning_pending": "The provider has yet to set something up for this account. "
    "Whoever runs this installation follows it up.",
    "provider_feature_not_enabled": "A feature is not switched on in the fleet's account. Switch it on at "
    "the provider.",
    "missing_vehicle_identifier": "A vehicle has nothing at the provider by which it is known, such as a "
    "VIN. Add it there.",
    "missing_vehicle_assignment": "A record says of no vehicle that it belongs to it. Assign the device or "
    "driver at the provider.",
    "provider_capability_not_supported": "The provider has no such data.",
    "provider_source_data_invalid": "Records came that cannot be used. They are set aside with their raw "
    "data and the reason; the rest was read. If the reason is not one of the fleet's own, report it to "
    "Milepost.",
    "provider_partially_configured": "The account is set up in part only, so that some data is missing. "
    "Complete it at the provider.",
    "managed_poll_returned_no_data": "A managed poll was answered, with nothing in it. Look whether the "
    "account has vehicles, trailers or drivers that report.",
    "managed_poll_failed": "Managed polls failed three times in a row. Until one works again, the live "
    "endpoint asks the provider itself.",
    "data_delayed": "The provider hands data in later than it should. It is read when it comes.",
}


def address(public_url: str, code: IssueCode) -> str:
    return f"{public_url}{PATH}#{code}"


def with_guides(found: Sequence[Issue], public_url: str) -> list[Issue]:
    """Show issues with the address of the guide to each; older codes have none."""
    return [
        msgspec.structs.replace(each, documentation_url=address(public_url, each.error.code))
        if each.error.code in GUIDES
        else each
        for each in found
    ]


def page() -> bytes:
    """Write the guide as a page that needs nothing from elsewhere."""
    sections = "".join(
        f'<section id="{code}"><h2><code>{code}</code></h2><p>{html.escape(text)}</p>'
        f"<p><small>{RESOLUTIONS[code]}: resolved by {html.escape(WHO[RESOLUTIONS[code]])}</small></p></section>"
        for code, text in GUIDES.items()
    )
    style = (
        "body{font:15px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem}"
    )
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Milepost: issues</title>'
        f"<style>:root{{color-scheme:light dark}}{style}</style><h1>Issues</h1>"
        "<p>Something may be missing, and this is why. An issue that was resolved comes back when it is "
        f"observed again.</p>{sections}</html>"
    ).encode()
