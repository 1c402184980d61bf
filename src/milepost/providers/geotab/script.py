"""A Geotab that says what a fixture holds: the script that the laws replay its streams with."""

from __future__ import annotations

import json
from typing import Any

from milepost.kit.loopback import Asked, Said

SESSION = "verySecretSession"


class Script:
    """Answers by `method type id`, or `method type`; a feed's pages are found by their `fromVersion`."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self._answers = answers
        self.calls: list[dict[str, Any]] = []

    def __call__(self, asked: Asked) -> Said:
        call = json.loads(asked.body)
        self.calls.append(call)
        return Said(json.dumps({"result": self._do(call), "jsonrpc": "2.0"}).encode())

    def _do(self, call: dict[str, Any]) -> Any:
        params = call.get("params", {})
        if call["method"] == "Authenticate":
            names = {
                "database": "fleet",
                "userName": "milepost@fleet.example",
                "sessionId": SESSION,
            }
            return {"credentials": names, "path": "ThisServer"}
        if call["method"] == "ExecuteMultiCall":
            return [self._do(each) for each in params["calls"]]
        found = self._find(call["method"], params)
        if call["method"] == "GetFeed":
            since = params.get("fromVersion", "")
            return (found or {}).get(since, {"data": [], "toVersion": since})
        if params.get("sort", {}).get("offset") is not None:
            return []
        return [] if found is None else found

    def _find(self, method: str, params: dict[str, Any]) -> Any:
        search = params.get("search", {})
        terms = ("diagnosticSearch", "deviceSearch", "userSearch")
        ids = [search[term]["id"] for term in terms if term in search]
        name = f"{method} {params['typeName']}"
        keys = [f"{name} {id_}" for id_ in [search.get("id"), *ids]] + [name]
        return next((self._answers[key] for key in keys if key in self._answers), None)
