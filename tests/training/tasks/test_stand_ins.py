"""What stands in for two packages, against the plainest way to the same result."""

from itertools import islice, pairwise, product

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from training.tasks.stand_ins import cellpylib, pycosat

literals = st.integers(-5, 5).filter(bool)
formulas = st.lists(st.lists(literals, max_size=4), max_size=12)


@settings(deadline=None, derandomize=True)
@given(formulas)
def test_the_solver_finds_every_solution_once(formula: list[list[int]]) -> None:
    variables = sorted({abs(literal) for clause in formula for literal in clause})
    signs = product((1, -1), repeat=len(variables))
    assignments = [[s * v for s, v in zip(chosen, variables, strict=True)] for chosen in signs]
    solutions = [a for a in assignments if all(set(a) & set(clause) for clause in formula)]
    found = list(pycosat.itersolve(formula))
    assert sorted(found) == sorted(solutions)


def test_the_solver_gives_solutions_one_by_one() -> None:
    many = [[variable, -variable] for variable in range(1, 200)]
    assert len(list(islice(pycosat.itersolve(many), 2))) == 2


@settings(deadline=None, derandomize=True)
@given(st.integers(3, 7), st.integers(3, 7), st.integers(0, 2**31))
def test_life_goes_on_by_its_rules(rows: int, columns: int, seed: int) -> None:
    board = cellpylib.init_simple2d(rows, columns)
    board[0] = np.random.default_rng(seed).integers(0, 2, (rows, columns))
    steps = cellpylib.evolve2d(board, timesteps=4, apply_rule=cellpylib.game_of_life_rule)
    assert steps.shape == (4, rows, columns)
    for before, after in pairwise(steps):
        for row, column in product(range(rows), range(columns)):
            around = [
                before[(row + down) % rows, (column + right) % columns]
                for down, right in product((-1, 0, 1), repeat=2)
                if down or right
            ]
            alive = sum(around) == 3 or (before[row, column] and sum(around) == 2)
            assert after[row, column] == alive
