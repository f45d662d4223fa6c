"""The kernels' benchmark on a CPU: every operation is right, and no GPU's figure is made up."""

import json
import sys
from pathlib import Path

import pytest
import torch
from rich.console import Console

from kernels.bench import __main__ as program
from kernels.bench import measure, rows
from kernels.bench.case import Case, installed
from kernels.bench.measure import Machine
from kernels.bench.rows import Row
from kernels.bench.table import all_cases, as_table, heading
from tests.tolerance import E4M3_BETWEEN, RELATIVE

CPU = torch.device("cpu")
GPU_FIELDS = ("gpu_us", "rate", "unit", "share")
OTHER_NUMBERS = {"torch bf16", "torch AdamW"}
"""Peers that do not give the same tensor: unquantised products, and a step in place."""


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Runs the program with these arguments, once a case, as on a machine without a GPU."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(measure, "CPU_SECONDS", 0)

    def run(*arguments: str) -> tuple[int, Path]:
        report = tmp_path / "bench.json"
        monkeypatch.setattr(sys, "argv", ["bench", "--json", str(report), *arguments])
        return program.main(), report

    return run


def test_without_a_gpu_every_operation_is_right_and_its_gpu_figures_not_measured(bench) -> None:
    code, path = bench()
    report = json.loads(path.read_text())
    assert code == 0
    assert report["machine"]["copy_tb_per_s"] == "not measured"
    cases = all_cases(CPU)
    assert [row["op"] for row in report["rows"]] == [case.op for case in cases]
    for row in report["rows"]:
        between = row["op"] == "moe_decode" and "FP8" in row["shape"]
        most = E4M3_BETWEEN if between else RELATIVE[torch.bfloat16]
        assert 0 <= row["error"] < row["tolerance"] <= most
        assert row["cpu_us"] > 0
        assert [row[name] for name in GPU_FIELDS] == ["not measured"] * 4
        for name, us in row["peers"].items():
            assert us == ("not measured" if installed(name) else "not installed")


@pytest.mark.parametrize("case", all_cases(CPU), ids=lambda case: f"{case.op} {case.shape}")
def test_peers_do_the_same_work(case: Case) -> None:
    problem = case.make(CPU)
    for name, make in problem.peers.items():
        if name in OTHER_NUMBERS or not installed(name):
            continue
        assert problem.error(make()()) < case.tolerance, name


def test_one_operation_alone_and_one_that_is_not_there(bench, capsys) -> None:
    code, path = bench("--only", "swiglu")
    assert code == 0
    assert {row["op"] for row in json.loads(path.read_text())["rows"]} == {"swiglu"}
    assert bench("--only", "swigly")[0] == 2
    assert (
        "--only swigly: there is no such operation; there are adamw_step,"
        in capsys.readouterr().err
    )


def test_a_wrong_result_fails(bench, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    from kernels.bench import training  # noqa: PLC0415

    monkeypatch.setattr(training, "swiglu", lambda hidden: hidden.chunk(2, -1)[0])
    assert bench("--only", "swiglu")[0] == 1
    assert "swiglu, 64 x 48, forward: error" in capsys.readouterr().err


def test_rates_and_shares_follow_from_time_and_floor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "microseconds", lambda *_: 100.0)
    machine = Machine("a GPU", "2", copy_tb_per_s=4.0, bf16_tflop_per_s=800.0)
    attention = all_cases(CPU, "mla_decode")[0]
    moving = Case(**{**vars(attention), "bytes": 2e8, "flops": 2e10})
    row = rows.measure(moving, CPU, machine)
    assert (row.rate, row.unit, row.share) == (pytest.approx(2.0), "TB/s", pytest.approx(0.5))
    computing = Case(**{**vars(attention), "bytes": 2e7, "flops": 6e10})
    row = rows.measure(computing, CPU, machine)
    assert (row.rate, row.unit, row.share) == (pytest.approx(600), "TFLOP/s", pytest.approx(0.75))
    assert row.cpu_us is None
    assert "4.00 TB/s" in heading(machine)


def test_on_a_gpu_the_table_shows_targets(capsys) -> None:
    row = Row("mla_decode", "128 x 1024", 1e-3, 2e-2, None, 48.5, 3.11, "TB/s", 0.72,
              {"flash_mla": "not installed", "torch SDPA": 912.0}, "≥ 3.1 TB/s")  # fmt: skip
    console = Console(width=200)
    with console.capture() as capture:
        console.print(as_table([row]))
    shown = capture.get()
    for words in (
        "48.5",
        "3.11 TB/s",
        "72%",
        "≥ 3.1 TB/s",
        "flash_mla not installed",
        "SDPA 912.0",
    ):
        assert words in shown


def test_floors_of_the_large_shapes() -> None:
    """At an H200's 4.3 TB/s and 788 TFLOP/s, by hand."""
    cases = {f"{case.op} {case.shape}": case for case in all_cases(torch.device("cuda"))}

    def floor(name: str) -> float:
        case = cases[name]
        return max(case.bytes / 4.3e6, case.flops / 788e6)

    assert floor("mla_decode 128 x 1024, 16 heads, 512+64, bf16 cache") == pytest.approx(36, abs=1)
    assert floor("mla_decode 128 x 1024, 16 heads, 512+64, FP8 cache") == pytest.approx(21, abs=1)
    assert floor("mla_decode 128 x 4096, 128 heads, 512+64, bf16 cache") == pytest.approx(
        185, abs=1
    )
    moonlight = "tokens, 64 x 2048 x 1408, top 6, bf16 weights"
    assert floor(f"moe_decode 1 {moonlight}") == pytest.approx(24, abs=1)
    assert floor(f"moe_decode 512 {moonlight}") == pytest.approx(259, abs=2)
    v3 = "moe_decode 128 tokens, 256 x 7168 x 2048, top 8, FP8 weights"
    assert floor(v3) == pytest.approx(2587, rel=0.02)
    head = "linear_logprob 8192 x 7168, 129280 words, forward"
    assert floor(head) == pytest.approx(19_300, rel=0.01)
