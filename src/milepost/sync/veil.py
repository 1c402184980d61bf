"""What the connection's filters keep out of a page: the data of hidden vehicles and drivers. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import UUID

import msgspec

from milepost import ids
from milepost.ids import Identity
from milepost.kit.contract import Cut, Record
from milepost.store.visibility import Governed, Rule


class Veil(msgspec.Struct, frozen=True):
    """Whose data is not ingested: who is hidden, and of those not known yet whom the rule names.

    Whether a status hides somebody is not known before somebody is; a listing comes first.
    """

    subject: Governed
    rule: Rule
    hidden: frozenset[UUID]

    def hides(self, subject_id: UUID) -> bool:
        return subject_id in self.hidden or self.rule.hides_unknown(subject_id)


class Sifted(msgspec.Struct, frozen=True):
    """What is left of a page, whose data was kept out of it, and the public ids of their records."""

    cuts: list[Cut]
    subjects: frozenset[UUID] = frozenset()
    records: Sequence[str] = ()


def sift(cuts: Iterable[Cut], veil: Veil, identity: Identity) -> Sifted:
    """Leave out hidden subjects' cuts whole, with what they hold that cannot be used."""
    kept: list[Cut] = []
    subjects: set[UUID] = set()
    records: list[str] = []
    for cut in cuts:
        if cut.subject is not None:
            subject_id = identity.uuid(veil.subject, cut.subject)
            if veil.hides(subject_id):
                subjects.add(subject_id)
                continue
        whose = [_subject_of(record, veil.subject) for record in cut.records]
        gone = [veil.hides(each) if each is not None else False for each in whose]
        if not any(gone):
            kept.append(cut)
            continue
        subjects.update(each for each, out in zip(whose, gone, strict=True) if out and each)
        records += [
            str(getattr(r, "id", "")) for r, out in zip(cut.records, gone, strict=True) if out
        ]
        if not all(gone):
            kept.append(_without(cut, gone))
    return Sifted(kept, frozenset(subjects), records)


def _subject_of(record: Record, noun: Governed) -> UUID | None:
    value = getattr(record, noun, None)
    return ids.read(noun, value) if isinstance(value, str) else None


def _without(cut: Cut, gone: Sequence[bool]) -> Cut:
    numbers = cut.ordinals if cut.ordinals is not None else range(len(cut.records))
    left = [(r, n) for r, n, out in zip(cut.records, numbers, gone, strict=True) if not out]
    return msgspec.structs.replace(cut, records=[r for r, _ in left], ordinals=[n for _, n in left])
