"""The simulation's bucket and moto's, by way of the driver, answer alike."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import pytest

from infra.local import embedded
from tests.local import local_client
from tests.simulation.choosers import ListedChooser
from tests.simulation.history import Work
from tests.simulation.objects import FaultyObjects
from tests.simulation.process import Process
from tests.simulation.scheduler import Scheduler
from tests.simulation.world import START, World
from turnlog.coroutines import run
from turnlog.drivers.blocking import BotoObjects
from turnlog.errors import NoSuchObject

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator
    from typing import Any

    from turnlog.store.protocols import Objects

PAGE = 10  # keys that a list has at once; S3 has a thousand


@pytest.fixture(scope="module")
def theirs() -> Iterator[BotoObjects]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("MOTO_S3_DEFAULT_MAX_KEYS", str(PAGE))
        with embedded.dynamodb() as url, local_client("s3", url) as client:
            client.create_bucket(Bucket="conformance")
            yield BotoObjects("conformance", lambda: client)


@pytest.fixture
def world() -> World:
    return World(ListedChooser())


def played(world: World, objects: Objects) -> list[Any]:
    """What a little story of one bucket is answered."""
    answers: list[Any] = []

    async def told(request: Coroutine[Any, Any, Any]) -> None:
        try:
            answers.append(await request)
        except NoSuchObject:
            answers.append("none")

    async def story() -> None:
        data = b"\x00\xff" * 300_000
        for key in ("t/a!000000!b", "t/a/b!000000!c", "u/a", "t/ä #?%&+=.."):
            await told(objects.put(key, data + key.encode()))
        await told(objects.put("g", gzip.compress(data, mtime=0), gzip=True))
        await told(objects.get("g"))
        await told(objects.put("u/a", data + b"u/a"))
        for key in ("t/a!000000!b", "t/ä #?%&+=..", "t/a", "nothing"):
            await told(objects.get(key))
        for key, to in (("t/ä #?%&+=..", "t/copy ä"), ("g", "t/copy"), ("nothing", "t/none")):
            await told(objects.copy(key, to))
            await told(objects.get(to))
        prefixes = ("t/", "t/a!", "t/a", "nothing/", "")
        answers.extend([sorted(await objects.list(prefix)) for prefix in prefixes])
        for key in ("t/a!000000!b", "nothing"):
            await told(objects.delete(key))
        await told(objects.get("t/a!000000!b"))
        answers.append(sorted(await objects.list("t/")))

    if isinstance(objects, BotoObjects):
        run(story())
    else:
        world.scheduler.spawn("story", story())
        world.scheduler.run()
    return answers


def test_alike(world: World, theirs: BotoObjects) -> None:
    ours = FaultyObjects(Process(world, "story", Work("story"), seconds=60.0))
    answers = played(world, ours)
    assert isinstance(world.scheduler, Scheduler)
    assert answers == played(world, theirs)
    assert answers[-1] == ["t/a/b!000000!c", "t/copy", "t/copy ä", "t/ä #?%&+=.."]
    since = run(theirs.list("u/"))["u/a"]
    assert since.tzinfo is not None
    assert since.timestamp() < START  # in UTC: it is compared with the clock's


def test_a_list_of_more_than_one_page(theirs: BotoObjects) -> None:
    names = [f"many/{number:04d}" for number in range(PAGE + 5)]
    for name in names:
        run(theirs.put(name, b""))
    first = theirs._client().list_objects_v2(Bucket="conformance", Prefix="many/")
    assert first["IsTruncated"]
    assert sorted(run(theirs.list("many/"))) == names
