"""All ranks come together, or the missing ones are named."""

import socket
from concurrent.futures import ThreadPoolExecutor

import pytest

from training.distributed.launch import free_port
from training.distributed.rendezvous import JoinError, meet


@pytest.fixture(autouse=True)
def port(monkeypatch: pytest.MonkeyPatch) -> int:
    number = free_port()
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    monkeypatch.setenv("MASTER_PORT", str(number))
    return number


def test_all_ranks_get_one_store_that_listens_where_they_were_told_to_meet(port: int) -> None:
    with ThreadPoolExecutor() as threads:
        stores = list(threads.map(lambda rank: meet(rank, 3, 60), range(3)))
    stores[1].set("told by", "rank 1")
    assert [store.get("told by") for store in stores] == [b"rank 1"] * 3
    socket.create_connection(("127.0.0.1", port)).close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", port))


def test_missing_ranks_are_named_with_their_nodes(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NODE_NAMES", "gpu-a,gpu-b,gpu-c")
    with ThreadPoolExecutor() as threads:
        came = threads.submit(meet, 1, 6, 60)
        with pytest.raises(JoinError) as error:
            meet(0, 6, 2)
        assert str(error.value) == (
            "Ranks 2, 3, 4, 5 (on gpu-b, gpu-c) did not join within 2 s: look into their logs, "
            f"and whether 127.0.0.1:{port} can be reached from there."
        )
        with pytest.raises(JoinError, match="Ranks 2, 3, 4, 5"):
            came.result()


def test_a_rank_that_reaches_nobody_says_so(port: int) -> None:
    with pytest.raises(JoinError, match=f"Rank 1 did not meet rank 0 at 127.0.0.1:{port}: "):
        meet(1, 2, 1)


def test_an_address_that_is_not_this_machines_is_refused(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MASTER_ADDR", "192.0.2.1")
    with pytest.raises(JoinError, match=f"Rank 0 cannot listen at 192.0.2.1:{port}"):
        meet(0, 2, 1)
