"""Sabotage of keys, reads, lists and the cache."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

READS = (
    Mutant(
        "a read that lacks messages is taken for whole",
        "if len(found) == end - first and all(",
        "if all(",
        "a session that is being purged is read as one with holes",
    ),
    Mutant(
        "cache filled under the next edit's key",
        (
            "        if messages and self._cache is not None:\n"
            "            await self._run(*self._log(head, messages))"
        ),
        (
            "        if messages and self._cache is not None:\n"
            "            await self._run(*self._log(head._replace(edits=head.edits + 1), messages))"
        ),
        "a message as it was before an edit is read after it",
    ),
    Mutant(
        "one cache key for all edits",
        ':{head.started_at}:{head.edits}"',
        ':{head.started_at}:"',
        "a message as it was before an edit is read after it",
    ),
    Mutant(
        "cached messages carried over in two steps",
        ("            self._head(after),\n            atomic=True,\n        )\n\n    async def rewound"),
        ("            self._head(after),\n        )\n\n    async def rewound"),
        "a slow reader's old message is carried over",
    ),
    Mutant(
        "cached messages carried over as they were",
        '            *self._log(before, [message]),\n            ("RENAME"',
        '            ("RENAME"',
        "a message as it was before an edit is read after it",
    ),
    Mutant(
        "no checksum in the cache",
        "    return value if _checksum(name, value, prefix) == sealed[:_CRC_SIZE] else None",
        "    return value or None",
        "a damaged value is believed",
        case="a damaged draft",
    ),
    Mutant(
        "the checksum does not know its name",
        "zlib.crc32(value, zlib.crc32(name.encode(), prefix))",
        "zlib.crc32(value)",
        "another message, or another user's, is believed",
        case="get, the cache damaged",
    ),
    Mutant(
        "the checksum knows of its key the sequence alone",
        "zlib.crc32(name.encode(), prefix)",
        "zlib.crc32(name.encode())",
        "a message of another session, or another user's, is believed",
        test="tests/functional/test_cache.py",
    ),
    Mutant(
        "what was posted answers what is asked",
        "return result[-len(commands) :]",
        "return result[: len(commands)]",
        "the reply to an earlier write is taken for the head",
        test="tests/functional/test_cache_client.py",
    ),
    Mutant(
        "drafts without a checksum",
        'draft = _checked(cache_key, await self._demand(("GET", cache_key)))',
        'draft = (await self._demand(("GET", cache_key)) or b"")[_CRC_SIZE:] or None',
        "a damaged draft is answered (found by the simulation)",
        case="a damaged draft",
    ),
    Mutant(
        "a cache error is the request's",
        '            self._counts["cache_errors"] += 1\n            return None',
        '            self._counts["cache_errors"] += 1\n            raise',
        "a cache that is down takes the store with it",
    ),
    Mutant(
        "head read eventually",
        'await self.read("GetItem", {"Key": key.head, "ConsistentRead": True})\n        return heads.',
        'await self.read("GetItem", {"Key": key.head})\n        return heads.',
        "an acknowledged message is not read",
        case="tool call & get, read late",
    ),
    Mutant(
        "messages read eventually",
        '            "ConsistentRead": True,\n        }\n        if attributes',
        "        }\n        if attributes",
        "an acknowledged message is not read, or read as it was",
        case="tool call & get, read late",
    ),
    Mutant(
        "messages read from one page",
        (
            '            if "LastEvaluatedKey" not in page:\n'
            "                return\n"
            '            asked["ExclusiveStartKey"]'
        ),
        '            return\n            asked["ExclusiveStartKey"]',
        "the rest of a long history is taken for deleted, and what is deleted is not purged",
    ),
    Mutant(
        "a message's missing parts not missed",
        "        not first\n        or len(parts)",
        "        len(parts)",
        "what a purge left of a message is read as a whole one (found by the simulation)",
    ),
    Mutant(
        "parts of two writings put together",
        '        or ("crc" in first and zlib.crc32(blob) != int(first["crc"]["N"]))\n',
        "",
        "half an edit is read",
        case="get & tool call, in parts",
    ),
    Mutant(
        "list cursor without the id",
        '_cursor(user_id, items[len(sessions) - 1]["GSI1SK"]["S"])',
        '_cursor(user_id, items[len(sessions) - 1]["updated_at"]["S"])',
        "equal times skip or repeat a session",
    ),
    Mutant(
        "total counted from the page",
        'total = int(user.get("Item", {}).get("session_count", {"N": "0"})["N"])',
        "total = len(items)",
        "the total is the page's",
    ),
    Mutant(
        "user id not encoded",
        "return f\"USER#{quote(user_id, safe='')}\"",
        'return f"USER#{user_id}"',
        "a user's name forges a key",
    ),
    Mutant(
        "sessions under no user",
        'return f"{user_partition(self.user_id)}#SESSION#{self.session_id}"',
        'return f"USER#ann#SESSION#{self.session_id}"',
        "one user reads another one's session",
    ),
    Mutant(
        "what the cache has read from the table too",
        "[sequence for sequence in range(first, end) if sequence not in loaded]",
        "list(range(first, end))",
        "a warm read costs what a cold one does, and more with every message",
        test="tests/functional/test_budgets.py",
    ),
)
