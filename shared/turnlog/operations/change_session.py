"""A session's title and objects, changed on the head alone: no message is read, no append is disturbed.

G7: each change bears a token, which the head keeps, and is refused where the head bears it already. So a
change whose reply was lost is made once. What the head says after a try:

| the last try | the token is | the change |
|---|---|---|
| any | this change's | is made |
| was refused | another's | is tried again over the newer head |
| was not answered | as it was before the try | is not made, and is tried again |
| was not answered | another's since | may be made. To try again could undo the other: `Unanswered` |

A change is made to one generation of the session (G4): that which the table has shown first, or over which a
try was not answered.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from turnlog.errors import ConditionFailed, Contended, Unanswered
from turnlog.operations.create_session import check_objects, encoded_objects
from turnlog.records import head as heads
from turnlog.records.expressions import LIVE, touch, unchanged, update
from turnlog.records.head import check_version
from turnlog.store.doubt import tells_doubt
from turnlog.store.store import not_found
from turnlog.wire import merged

if TYPE_CHECKING:
    from collections.abc import Mapping

    from turnlog.records.head import Head, Match
    from turnlog.records.keys import GenerationKey, SessionKey
    from turnlog.store.store import Store

_NOT_YET = LIVE + " AND #token <> :token"


@tells_doubt
async def set_title(
    store: Store, key: SessionKey, title: str, *, only_if_unset: bool = False, if_match: Match | None = None
) -> Head:
    """Set the title, in one request; with `only_if_unset` a title that is there stands.

    Raises:
        NotFound: no such session.
        PreconditionFailed: its version is not one that `if_match` admits.
        Unavailable: the table refused or did not answer.
    """
    token = store.clock.token()
    # Mostly nothing was deleted under the id; else the first refusal tells which generation is there.
    tried: GenerationKey = key.at(0)
    meant: SessionKey | GenerationKey = key
    condition, versions = _title_condition(if_match, only_if_unset=only_if_unset)
    # A second try of such a title undoes nothing.
    repeatable = only_if_unset or (if_match and len(if_match.versions) == 1)
    seen_at = ""
    tries = store.tries()
    while True:
        change = update(
            tried,
            to={"title": title, "token": token, **touch(tried, max(store.now(), seen_at))},
            plus={"version": 1},
            condition=condition,
            values=versions,
        )
        try:
            head = await _applied(store, change)
        except ConditionFailed as refused:
            if refused.items[0] is None:
                raise not_found() from None  # one that is created this instant has not got this title
            head = await store.refusing_head(meant, refused)
            meant = tried = head.key
        except Contended as error:
            await tries.again(error)
            continue
        except Unanswered as error:
            meant = tried
            await tries.again(error)
            if repeatable:
                continue
            head = await store.head(meant)
            if head.token != token:
                raise
        if head.token == token:
            await store.cache.changed(head)
            return head
        check_version(head, if_match)
        if only_if_unset and head.title is not None:
            return head  # its title stands
        seen_at = head.updated_at  # which is ahead of this machine's clock
        await tries.again(Contended("Others keep changing this session. Try again."))


async def _applied(store: Store, change: Mapping[str, Any]) -> Head:
    """The head after this change of it; raises as `Store.write` does."""
    answer = await store.write("UpdateItem", {**change, "ReturnValues": "ALL_NEW"})
    return heads.from_item(answer["Attributes"])


def _title_condition(if_match: Match | None, *, only_if_unset: bool) -> tuple[str, dict[str, int]]:
    """When a title may be set, and the versions that the condition names."""
    condition = _NOT_YET
    versions: dict[str, int] = {}
    if only_if_unset:
        condition += " AND attribute_not_exists(#title)"
    if if_match and not if_match.anything:
        # No session has version -1. It stands for an If-Match that names no version.
        versions = {f"v{at}": v for at, v in enumerate(sorted(if_match.versions | {-1}))}
        condition += f" AND #version IN ({', '.join(f':{name}' for name in versions)})"
    return condition, versions


@tells_doubt
async def patch_session(
    store: Store,
    key: SessionKey,
    patch: Mapping[str, Any],
    *,
    if_match: Match | None = None,
    touched: bool = True,
) -> Head:
    """Apply a JSON merge patch to each of the session's objects that it names.

    The condition is that these objects are what the patch was applied to, so that two patches at once are
    both kept, whatever else of the session changes.

    Args:
        patch: object name → patch; null empties the object.
        if_match: only if it admits the session's version.
        touched: the session counts as changed now, and goes to the top of the list.

    Raises:
        NotFound: no such session.
        PreconditionFailed: its version is not one that `if_match` admits.
        TooLarge: the objects would be.
        Unavailable: the table refused or did not answer.
    """
    token = store.clock.token()
    head = await store.head(key)
    meant = head.key
    tried_over = head.token
    tries = store.tries()
    while True:
        check_version(head, if_match)
        changed = _changed(head, patch)
        if not changed:
            return head
        if tries.unanswered and head.token != tried_over:
            raise tries.unanswered
        tried_over = head.token
        after = head._replace(**changed)
        check_objects(head, after)
        # What grows was measured together with the other objects; each change of those leaves a token.
        same_token = bool(tries.unanswered) or after.objects_size > head.objects_size
        condition, values = _patch_condition(
            head, changed, same_version=bool(if_match), same_token=same_token
        )
        now = max(store.now(), head.updated_at)
        change = update(
            meant,
            to={**changed, "token": token, **(touch(meant, now) if touched else {})},
            plus={"version": 1},
            condition=condition,
            values=values,
        )
        try:
            head = await _applied(store, change)
        except ConditionFailed as refused:
            head = await store.refusing_head(meant, refused)
            if head.token != token:
                await tries.again(Contended("Others keep changing this session. Try again."))
                continue
        except (Contended, Unanswered) as error:
            # The same change again, over the same head: if it was made, or another was, the token refuses it.
            await tries.again(error)
            continue
        await store.cache.changed(head)
        return head


def _changed(head: Head, patch: Mapping[str, Any]) -> dict[str, Any]:
    """The objects that a patch changes, as JSON text."""
    objects = {name: json.loads(getattr(head, name)) for name in patch}
    patched = {name: merged(objects[name], change) or {} for name, change in patch.items()}
    return {name: text for name, text in encoded_objects(patched).items() if text != getattr(head, name)}


def _patch_condition(
    head: Head, changed: Mapping[str, Any], *, same_version: bool, same_token: bool
) -> tuple[str, dict[str, Any]]:
    """When these objects may be changed: while they are what they are in this head; and its values."""
    were, values = unchanged({name: getattr(head, name) for name in changed})
    condition = f"{_NOT_YET} AND {were}"
    if same_version:
        condition += " AND #version = :was_version"
        values["was_version"] = head.version
    if same_token:
        condition += " AND #token = :was_token"
        values["was_token"] = head.token
    return condition, values
