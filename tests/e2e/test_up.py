"""A stack that is stopped and started again goes on where it was."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tanzhang.stack import directory
from tests.e2e.city import City, visiting
from tests.e2e.events import Author
from tests.e2e.up import Up

PERSONS, EACH = 40, 20


@pytest.fixture
def up(stack_directory: Path) -> Iterator[Up]:
    found = Up(stack_directory / "stopped-and-started")
    yield found
    found.kill()


async def every_account(city: City, author: Author) -> dict[str, tuple[str, str]]:
    """Grams and points by person."""
    found = {}
    for n in range(PERSONS):
        person = author.person(n)
        grams, points = await city.personal(person), await city.points(person)
        found[person] = (grams["reduction_g"], points["balance"])
    return found


async def test_a_second_start_goes_on_with_the_same_ledgers(
    up: Up, author: Author, capsys: pytest.CaptureFixture[str]
) -> None:
    batch = [
        author.payment({"subject": author.person(n)}) for _ in range(EACH) for n in range(PERSONS)
    ]
    up.start()
    times = [up.ready_after]
    async with visiting(up) as city:
        await city.register_enterprise(author)
        await city.send(*batch, author.activity(quantity="2"))
    # At once: what the door has accepted is worked off before the stack ends.
    assert up.interrupt() == 0, up.said()
    assert directory.read(up.data_dir) is None, up.said()

    up.start()
    times.append(up.ready_after)
    async with visiting(up) as city:
        if city.state.cluster_id is None:
            await city.settled()  # a broker that stayed has kept what nobody had read
        points = f"{EACH * 23.096:.3f}"
        assert await every_account(city, author) == {
            author.person(n): (points, points) for n in range(PERSONS)
        }
        assert (await city.industrial(author, 2020))["process_t"] == "2"
        # The embedded broker is a new one; what it is told again is known all the same.
        more = {"time": "2022-06-25T08:00:00+08:00", "subject": author.person()}
        await city.send(*batch, author.payment(more), author.activity(quantity="0.5"))
        await city.settled()
        points_more = f"{(EACH + 1) * 23.096:.3f}"
        accounts = await every_account(city, author)
        assert accounts.pop(author.person()) == (points_more, points_more)
        assert set(accounts.values()) == {(points, points)}
        assert (await city.industrial(author, 2020))["process_t"] == "2.5"
    assert up.interrupt() == 0, up.said()
    with capsys.disabled():
        print(f" ready after {' and '.join(f'{seconds:.1f} s' for seconds in times)} ", end="")
