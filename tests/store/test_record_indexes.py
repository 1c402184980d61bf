"""Lists of one vehicle's or driver's records enter an index of their own, however long the fleet's lists are."""

from __future__ import annotations

from uuid import UUID

import psycopg
import pytest

from milepost import ids
from milepost.store.records import SQL, Visible, Wanted


@pytest.mark.parametrize(("subject", "model"), [("vehicle", "trip"), ("driver", "hos_log")])
async def test_records_of_one_subject_are_found_by_its_index(
    database_url: str, subject: str, model: str
) -> None:
    connection_id, application_id = ids.new(), ids.new()
    one = UUID(int=17)
    async with await psycopg.AsyncConnection.connect(database_url) as session:
        await session.execute(
            "insert into application (id, name) values (%s, 'x')", (application_id,)
        )
        await session.execute(
            "insert into connection (id, application_id, provider, sync_mode, token_digest, sealed_token,"
            " sealed_key, sealed_credentials, created_at, updated_at, last_stamp)"
            " values (%s, %s, 'samsara', 'manual', '', '', '', '', now(), now(), now())",
            (connection_id, application_id),
        )
        await session.execute(
            "insert into document (connection_id, model, id, source_id, body, added_at, modified_at,"
            " vehicle_id, driver_id, starts_at)"
            " select %s, %s, gen_random_uuid(), n::text, '{}', now(), now(), whose, whose,"
            " now() - n * interval '1 minute'"
            " from generate_series(1, 20000) n,"
            " lateral (select lpad(to_hex(n %% 400), 32, '0')::uuid as whose) w",
            (connection_id, model),
        )
        await session.execute("analyze document")
        whose = frozenset([one])
        visible = Visible(subject)  # type: ignore[arg-type]
        wanted = (
            Wanted(visible=visible, vehicles=whose)
            if subject == "vehicle"
            else Wanted(visible=visible, drivers=whose)
        ).values()
        values = {**wanted, "connection_id": connection_id, "model": model, "limit": 101}
        values |= {"after_at": values["since"], "after_id": UUID(int=0), "known_at": None}
        query = "explain " + "\n".join([SQL["page"], SQL["visible"], SQL["recorded"]])

        cursor = await session.execute(query.encode(), values)
        plan = "\n".join(row[0] for row in await cursor.fetchall())

    assert f"document_connection_id_model_{subject}_id_starts_at_id_idx" in plan, plan
