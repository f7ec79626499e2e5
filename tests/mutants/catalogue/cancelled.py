"""Sabotage of what happens to a task that is cancelled, and to an answer that comes in part."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

_CLIENT = "tests/unit/test_client_cancelled.py"
_STORES = "tests/unit/test_stores_cancelled.py"
_PARTS = "tests/unit/test_answers_in_part.py"
_ASK = """\
                if self.closed:  # aiobotocore would open connections anew, which nobody closes
                    raise UsageError("The client was closed while an operation was going on.")
                answer: dict[str, Any] = await getattr(self._client, xform_name(operation))(**parameters)"""

CANCELLED = (
    Mutant(
        "httpx is cancelled by asyncio",
        "    async with create_task_group() as tasks:\n        tasks.start_soon(one)\n    if failed",
        "    await one()\n    if failed",
        "after a hundred cancelled calls the client has no connection left",
        test=_CLIENT,
    ),
    Mutant(
        "the client's end is cancelled by asyncio",
        "                await _in_a_task(made.aclose)\n",
        "                await made.aclose()\n",
        "connections stay open",
        test=_CLIENT,
    ),
    Mutant(
        "a part of an answer is an error of JSON's",
        "        except (ValueError, LookupError, TypeError) as error:  # a part",
        "        except RecursionError as error:  # a part",
        "what may be sent again is not",
        test=_CLIENT,
    ),
    Mutant(
        "nothing is taken for an answer",
        "        if reply.status_code == httpx.codes.NO_CONTENT:",
        "        if not reply.content:",
        "a session that is there is None",
        test=_CLIENT,
    ),
    Mutant(
        "a cancelled request to the table is one without an answer",
        "        except (TimeoutError, *TRANSLATED) as error:",
        "        except (TimeoutError, asyncio.CancelledError, *TRANSLATED) as error:",
        "the task goes on, and tries again",
        test=_STORES,
    ),
    Mutant(
        "a cancelled request to the table keeps its place",
        f"            async with self._room, within(REQUEST_SECONDS):\n{_ASK}",
        (
            "            await self._room.acquire()\n"
            f"            async with within(REQUEST_SECONDS):\n{_ASK}\n"
            "            self._room.release()"
        ),
        "after fifty of them nobody is answered",
        test=_STORES,
    ),
    Mutant(
        "the stores forget to close",
        "            await opened.aclose()",
        "            del opened",
        "connections stay open",
        test=_STORES,
    ),
    Mutant(
        "an object that is cut is an error of aiohttp's",
        "        except (ClientPayloadError, *TRANSLATED) as error:",
        "        except TRANSLATED as error:",
        "what may be read again is not",
        test=_PARTS,
    ),
    Mutant(
        "a cancelled operation is one whose time is over",
        "        except TimeoutError as error:",
        "        except (TimeoutError, asyncio.CancelledError) as error:",
        "the task goes on",
        test="tests/functional/test_cancelled.py",
    ),
)
