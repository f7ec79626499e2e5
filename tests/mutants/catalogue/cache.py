"""Sabotage of the cache's client, and of what is believed that comes from outside."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

_REFUSALS = "tests/functional/test_cache_refusals.py"
_CANCELLED = "tests/unit/test_cache_cancelled.py"
_KEPT = "tests/unit/test_session_cache.py"
_FOREIGN = "tests/unit/test_foreign_answers.py"

CACHE = (
    Mutant(
        "an error of the cache is read as nothing",
        "        return [_refusal(reply) or reply for reply in replies]",
        "        return [None if _refusal(reply) else reply for reply in replies]",
        "a draft that is there is said not to be",
        test="tests/functional/test_drafts.py",
    ),
    Mutant(
        "a refused transaction is read as nothing",
        "replies[-1] if isinstance(replies[-1], list) else replies[-1:] * len(commands)",
        "replies[-1] if isinstance(replies[-1], list) else [None] * len(commands)",
        "what was not done is taken for done",
        test=_REFUSALS,
    ),
    Mutant(
        "a refused draft is taken for none",
        'isinstance(refused := replies[0], Refused) and refused.code != "WRONGTYPE"',
        'isinstance(refused := replies[0], Refused) and refused.code == "OOM"',
        "a draft that is there is said not to be",
        test=_KEPT,
    ),
    Mutant(
        "a server that takes no more connections is asked on",
        "|ERR max number of clients)",
        ")",
        "each request opens a connection that is refused",
        test=_REFUSALS,
    ),
    Mutant(
        "a slot that moves takes the whole cache along",
        '"(BUSY|',
        '"(ASK|BUSY|',
        "all sessions are without the cache",
        test=_REFUSALS,
    ),
    Mutant(
        "idle connections are kept after a time-out",
        "            _close_all(self._pool(address))  # so they would each take a time-out to say the same\n",
        "",
        "after a failover each takes a time-out of its own, one a second",
        test=_REFUSALS,
    ),
    Mutant(
        "a forked process uses its parent's connections",
        "        if self._process != os.getpid():",
        "        if False:",
        "the two read each other's replies",
        test=_REFUSALS,
    ),
    Mutant(
        "a forked process uses its parent's clients",
        "    clients.cache_clear()\n    brief_table.cache_clear()\n    objects.cache_clear()",
        "    return",
        "the two read each other's answers",
        test=f"{_FOREIGN}::test_a_forked_process_has_connections_of_its_own",
    ),
    Mutant(
        "a cancelled connection is put back into the pool",
        (
            "        except BaseException:\n"
            "            connection.close()  # a late reply must not answer the next command\n"
            "            raise"
        ),
        (
            "        except Exception:\n"
            "            connection.close()\n"
            "            raise\n"
            "        except BaseException:\n"
            "            idle.append(connection)\n"
            "            raise"
        ),
        "a late reply answers the next command",
        test=_CANCELLED,
    ),
    Mutant(
        "a connection that is cancelled while it is made is kept",
        "except BaseException:\n            connection.close()\n            raise\n        if refused:",
        "except Exception:\n            connection.close()\n            raise\n        if refused:",
        "connections leak",
        test=_CANCELLED,
    ),
    Mutant(
        "who is cancelled keeps the place",
        "        async with self._room:\n            return await super()._asked(slot, commands, wait=wait)",
        (
            "        await self._room.acquire()\n"
            "        replies = await super()._asked(slot, commands, wait=wait)\n"
            "        self._room.release()\n"
            "        return replies"
        ),
        "after fifty of them nobody is answered",
        test=_CANCELLED,
    ),
    Mutant(
        "a reply may be as long as it likes",
        "            if self._room < 0:\n                raise Oversized\n",
        "",
        "one reply fills the memory",
        test=_REFUSALS,
    ),
    Mutant(
        "a message is unpacked without a bound",
        "inflate.decompress(data, limit + 1)",
        "inflate.decompress(data)",
        "a few bytes fill the memory",
        test=_KEPT,
    ),
    Mutant(
        "what is packed is taken for whole",
        "    if inflate.eof and len(result) <= limit:",
        "    if len(result) <= limit:",
        "half a message is answered",
        test=_KEPT,
    ),
    Mutant(
        "a message of the cache is not tried before it is believed",
        "                value = value if json and room < 0 else json\n",
        "",
        "what cannot be read in the cache is an error, though the table has it",
        test=_KEPT,
    ),
    Mutant(
        "all of a page is unpacked at once",
        "value if json and room < 0 else json",
        "json",
        "what a few bytes name fills the memory",
        test=_KEPT,
    ),
    Mutant(
        "a head of the cache is believed to be one",
        "        return heads.load(dumped)\n    except (LookupError, RecursionError, TypeError, ValueError):",
        "        return heads.load(dumped)\n    except LookupError:",
        "what no release wrote is an error, though the table has the head",
        test=_KEPT,
    ),
    Mutant(
        "an object is read however large it is",
        '        if answer["ContentLength"] > OBJECT_LIMIT:',
        "        if False:",
        "one object fills the memory",
        test="tests/functional/test_damaged.py",
    ),
    Mutant(
        "a proxy's page is taken for an answer",
        "    if headers.keys().isdisjoint(_OWN):",
        "    if False:",
        "a session that is there is not found",
        test=_FOREIGN,
    ),
    Mutant(
        "a part of an answer is taken for the whole",
        "if length.isdecimal() and int(length) != len(body):",
        "if False:",
        "a session that is there is not found",
        test="tests/unit/test_answers_in_part.py",
    ),
    Mutant(
        "what is kept gets its end before it is there",
        'return [("HSET", cache_key, *fields), ("EXPIRE", cache_key, self._ttl)]',
        'return [("EXPIRE", cache_key, self._ttl), ("HSET", cache_key, *fields)]',
        "a session that is read once stays in the cache for ever",
        test=f"{_KEPT}::test_what_is_kept_once_has_an_end",
    ),
    Mutant(
        "a draft has no end",
        '_sealed(cache_key, draft), "EX", self._ttl)',
        "_sealed(cache_key, draft))",
        "a turn that was given up is in progress for ever",
        test=f"{_KEPT}::test_what_is_kept_once_has_an_end",
    ),
    Mutant(
        "all databases of a cache are one",
        '            greetings.append(("SELECT", self._url.database))\n',
        "            pass\n",
        "what others keep in the first one is written over",
        test="tests/functional/test_cache_client.py::test_a_database_of_ones_own",
    ),
    Mutant(
        "a connection that was refused is used",
        "        if refused:\n            connection.close()",
        "        if False:\n            connection.close()",
        "what others keep in the first database is written over",
        test="tests/functional/test_cache_client.py::test_a_database_of_ones_own",
    ),
)
