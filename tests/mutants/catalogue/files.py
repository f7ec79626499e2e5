"""Sabotage of files: what is promised, what goes when, and who may read it."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

_FILES = "tests/functional/test_files.py"
_LARGE = "tests/functional/test_large_http.py"

FILES = (
    Mutant(
        "a refused look denies the edit before it",
        '        except TurnlogError as error:\n            raise _at_once(Unanswered(f"The change was made',
        '        except Contended as error:\n            raise _at_once(Unanswered(f"The change was made',
        "a program believes that nothing was changed",
        test="tests/functional/test_large_http.py::test_a_change_is_not_denied_by_a_look_that_is_refused",
    ),
    Mutant(
        "a file is promised to a session that was deleted",
        """                {"ConditionCheck": check(session.key)},
                *promised(file, now),""",
        "                *promised(file, now),",
        "a file lies under a tombstone",
        case="create file & delete & the purge",
    ),
    Mutant(
        "a late promise brings a deleted file back",
        '_NEW = "attribute_not_exists(#PK)"',
        '_NEW = ""',
        "a file that was deleted is there again",
        case="create file and delete it, late",
    ),
    Mutant(
        "a deleted file's late bytes stay",
        """                marker_put(file.key, store.clock.now()),
            )""",
        "            )",
        "bytes that came after the deletion stay until the session goes",
        case="delete file, long after",
    ),
    Mutant(
        "a file's object goes before its item",
        """    file = await find_file(store, key, file_id)
    tries = store.tries()
""",
        """    file = await find_file(store, key, file_id)
    tries = store.tries()
    await bucket.delete(file.key.object_key)
""",
        "who reads it finds a file without bytes",
        case="delete file & get file",
    ),
    Mutant(
        "what came goes after a day",
        "            lambda: bucket.has(key.object_key)\n        ):\n            return\n",
        "            lambda: bucket.has(key.object_key)\n        ):\n            pass\n",
        "a file is lost",
        test=f"{_FILES}::test_after_a_day_what_did_not_come_goes_and_what_came_stays",
    ),
    Mutant(
        "what did not come stays",
        '        await _remove(store, [{"DeleteRequest": {"Key": key.item}}])\n',
        "        return\n",
        "files without bytes stay",
        test=f"{_FILES}::test_after_a_day_what_did_not_come_goes_and_what_came_stays",
    ),
    Mutant(
        "a body stays",
        'if not files.from_item(found["Item"]).body and await',
        "if await",
        "64 MB of each large request stay until the session goes",
        test=f"{_FILES}::test_after_a_day_what_did_not_come_goes_and_what_came_stays",
    ),
    Mutant(
        "a file is found before its bytes are there",
        "    if not await store.repeated(lambda: bucket.has(file.key.object_key)):",
        "    if False:",
        "an address that leads nowhere",
        case="get file & its bytes",
    ),
    Mutant(
        "bodies are listed",
        'f"{prefix}{BODY_ID}"',
        'f"{prefix}~"',
        "a list shows what no user sent as a file",
        test=f"{_FILES}::test_files_are_listed_page_by_page_in_their_order",
    ),
    Mutant(
        "the length of an upload is not fixed",
        'fixed = {"ContentLength": size, "ContentType"',
        'fixed = {"ContentType"',
        "whoever has the address sends any length",
        test=f"{_FILES}::test_the_address_fixes_length_checksum_and_type",
    ),
    Mutant(
        "the bytes of an upload are not fixed",
        '"ChecksumSHA256": checksum}',
        "}",
        "whoever has the address sends any bytes",
        test=f"{_FILES}::test_the_address_fixes_length_checksum_and_type",
    ),
    Mutant(
        "a body is of any size",
        "    check_size(file.size, body=True)\n",
        "",
        "a function takes 512 MB into its memory",
        test=f"{_FILES}::test_a_body_of_others_or_that_is_not_there_is_refused",
    ),
    Mutant(
        "a body beside a file",
        "    if call.raw_body:\n",
        "    if False:\n",
        "one of two bodies is dropped in silence",
        test=f"{_FILES}::test_a_body_of_others_or_that_is_not_there_is_refused",
    ),
    Mutant(
        "a client takes a refusal of the bucket for the last word",
        "return await self._at_new_addresses(asked)",
        "return await asked()",
        "an address that ran out ends the call",
        test=_LARGE,
    ),
    Mutant(
        "a client sends a body to one address alone",
        "return await self._at_new_addresses(sent)",
        "return await sent()",
        "an address that ran out ends the call",
        test=_LARGE,
    ),
    Mutant(
        "an edit of what no answer holds is refused",
        ' and not store.in_process and not message.object_key:\n        raise TooLarge(f"{what}',
        ' and not store.in_process:\n        raise TooLarge(f"{what}',
        "a large message cannot be edited over HTTP",
        test=_LARGE,
    ),
    Mutant(
        "a large create that was cut off is not finished",
        'if session.message_count >= len(late.get("messages", ())):',
        "if session.message_count:",
        "a repeat answers a session without its messages",
        test=_LARGE,
    ),
    Mutant(
        "an address is of the host of all regions",
        '"addressing_style": "virtual"}',
        '"addressing_style": "auto"}',
        "no browser sends a file to a new bucket",
        test="tests/unit/test_driver.py",
    ),
    Mutant(
        "a message that no answer holds leaves its page open",
        "                    fitting.append(encoded)\n                self.room -= size\n",
        "                    fitting.append(encoded)\n                self.room -= payload_size(encoded)\n",
        "a page names any number, and its reader holds all of them",
        test=f"{_LARGE}::test_a_page_names_one_message_that_no_answer_holds",
    ),
    Mutant(
        "what was just sent is read from the bucket",
        '            if "edited_at" not in message:',
        "            if False:",
        "an append that is stored ends in an error",
        test=f"{_LARGE}::test_what_was_sent_is_not_read_from_the_bucket",
    ),
    Mutant(
        "the text of a signed address has its signature",
        "    request.url = _Secret(url)\n",
        "",
        "whoever reads a log of httpx can use it",
        test=f"{_LARGE}::test_the_bucket_gets_nothing_that_is_meant_for_the_api",
    ),
    Mutant(
        "each try makes the body anew",
        "params=_query(request), content=request.content, headers",
        "params=_query(request), content=_content(request), headers",
        "a program that goes on with what it handed over gets a conflict for its own request",
        test="tests/functional/test_client_retries.py",
    ),
)
