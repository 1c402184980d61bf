"""The command `milepost`: one file a verb, loaded only when that verb is called."""

from __future__ import annotations

import sys

from cyclopts import App

from milepost.cli.version import installed
from milepost.errors import MilepostError, SetupError

# Each verb: where it is, and what the list of verbs says of it.
VERBS = {
    "up": (
        "milepost.cli.up:up",
        "Run the API, a worker and the embedded database in one process tree.",
    ),
    "api": ("milepost.cli.api:api", "Serve the API."),
    "worker": ("milepost.cli.worker:worker", "Work on syncs."),
    "migrate": (
        "milepost.cli.migrate:migrate",
        "Bring the database to the schema of this version.",
    ),
    "restored": (
        "milepost.cli.restored:restored",
        "Go on with a database that was restored from a backup.",
    ),
    "sandbox": ("milepost.cli.sandbox:sandbox", "Run the provider simulators alone."),
    "import": (
        "milepost.cli.bringing:bring",
        "Import connections and ids from another system, from a file of JSON lines.",
    ),
    "sync": (
        "milepost.cli.sync:sync",
        "Request a sync and watch it; exit status 0 only if it completed.",
    ),
    "listen": (
        "milepost.cli.listen:listen",
        "Print events as they happen, and forward them, signed, to a local URL.",
    ),
    "demo": ("milepost.cli.demo:demo", "Show everything at once, on simulated or recorded drives."),
    "key": ("milepost.cli.key:key", "Print a new key for MILEPOST_SECRET_KEYS."),
    "version": ("milepost.cli.version:version", "Print the version."),
}
APPLICATION_VERBS = {
    "create": ("milepost.cli.application:create", "Create an application and print its keys."),
}
LINK_VERBS = {
    "token": (
        "milepost.cli.link:token",
        "Print a public token for a connection, to be exchanged once.",
    ),
}
FILES_VERBS = {
    "upload": (
        "milepost.cli.files:upload",
        "Upload files of exported data to a connection, and wait until they are merged.",
    ),
}
PROVIDER_VERBS = {
    "check": (
        "milepost.cli.provider:check",
        "Hold a provider to every law, at its own simulator, and print its card.",
    ),
    "fixture": (
        "milepost.cli.provider:fixture",
        "Capture a redacted fixture of a stream from a real account.",
    ),
    "new": ("milepost.cli.provider:new", "Begin a provider: a folder that works, to be grown."),
}
WEBHOOK_VERBS = {
    "create": ("milepost.cli.webhooks:create", "Create an endpoint and print its secret."),
    "list": ("milepost.cli.webhooks:list_", "List the endpoints of an application."),
    "update": ("milepost.cli.webhooks:update", "Change an endpoint's URL, types or description."),
    "enable": ("milepost.cli.webhooks:enable", "Enable an endpoint; what has waited is sent."),
    "disable": ("milepost.cli.webhooks:disable", "Disable an endpoint; what is for it waits."),
    "delete": ("milepost.cli.webhooks:delete", "Delete an endpoint."),
    "rotate": (
        "milepost.cli.webhooks:rotate",
        "Make a new secret; the old one signs too for a while.",
    ),
    "attempts": ("milepost.cli.webhooks:attempts", "List the last attempts to deliver."),
    "dead-letters": (
        "milepost.cli.webhooks:dead_letters",
        "List the events that an endpoint did not take in three days.",
    ),
    "replay": ("milepost.cli.webhooks:replay", "Deliver events of the log again."),
    "switches": (
        "milepost.cli.webhooks:switches",
        "Show or change whether positions and safety events are told.",
    ),
}

app = App(
    name="milepost",
    help="The open telematics sync platform. Settings are MILEPOST_* variables: docs/reference/settings.md.",
    version=installed,
)
application = App(name="app", help="Applications: who may use the API, and their keys.")
provider = App(name="provider", help="Providers: hold connectors to the laws, and begin new ones.")
webhooks = App(name="webhooks", help="Webhooks: endpoints, and what became of their deliveries.")
link = App(name="link", help="Link: where fleets connect their accounts.")
files = App(name="files", help="Files: exported data for a connection.")
for _name, (_where, _help) in VERBS.items():
    app.command(_where, name=_name, help=_help)
for _name, (_where, _help) in APPLICATION_VERBS.items():
    application.command(_where, name=_name, help=_help)
for _name, (_where, _help) in LINK_VERBS.items():
    link.command(_where, name=_name, help=_help)
for _name, (_where, _help) in FILES_VERBS.items():
    files.command(_where, name=_name, help=_help)
for _name, (_where, _help) in WEBHOOK_VERBS.items():
    webhooks.command(_where, name=_name, help=_help)
for _name, (_where, _help) in PROVIDER_VERBS.items():
    provider.command(_where, name=_name, help=_help)
app.command(provider)
app.command(webhooks)
app.command(application)
app.command(files)
app.command(link)


def main(words: list[str] | None = None) -> None:
    """Run a verb, by default that of the command line. Exit status: 0 done, 1 not done, 2 cannot start as set up or called."""
    try:
        app(words)
    except SetupError as error:
        print(f"milepost: {error}", file=sys.stderr)
        sys.exit(2)
    except MilepostError as error:
        print(f"milepost: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(1)  # Whoever read our output has gone, as `| head` does.
