"""Problems of the reasoning-gym package, scored by its own verifiers."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from types import ModuleType
from typing import Any

from training.config import ReasoningGymConfig
from training.tasks.generated import GeneratedTask
from training.tasks.problem import Problem, TaskError, digest_of, number_of

_FOLDERS = {
    "algebra": "complex_arithmetic intermediate_integration polynomial_equations "
    "polynomial_multiplication simple_equations simple_integration",
    "algorithmic": "ab base_conversion binary_alternation binary_matrix caesar_cipher count_primes "
    "cryptarithm game_of_life game_of_life_halting graph_color group_anagrams isomorphic_strings "
    "jugs letter_counting letter_jumble manipulate_matrix number_filtering number_sorting "
    "palindrome_generation palindrome_partitioning pool_matrix ransom_note rotate_matrix "
    "rotten_oranges sentence_reordering spell_backward spiral_matrix string_insertion "
    "string_manipulation string_splitting string_synthesis word_ladder word_sequence_reversal "
    "word_sorting",
    "arc": "arc_1d arc_agi rearc",
    "arithmetic": "basic_arithmetic bitwise_arithmetic calendar_arithmetic chain_sum count_bits "
    "decimal_arithmetic decimal_chain_sum dice fraction_simplification gcd gsm_symbolic lcm "
    "leg_counting number_format power_function prime_factorization products time_intervals",
    "code": "bf codeio",
    "cognition": "color_cube_rotation figlet_font modulo_grid needle_haystack number_sequence "
    "rectangle_count rubiks_cube",
    "games": "boxnet countdown emoji_mystery futoshiki kakurasu knight_swap mahjong_puzzle maze "
    "mini_sudoku n_queens puzzle24 rush_hour sokoban sudoku survo tower_of_hanoi tsumego",
    "geometry": "advanced_geometry simple_geometry",
    "graphs": "course_schedule family_relationships largest_island path_star quantum_lock "
    "shortest_path",
    "induction": "acre list_functions",
    "logic": "aiw circuit_logic knights_knaves propositional_logic self_reference syllogism "
    "zebra_puzzles",
    "probability": "coin_flip",
}
_FOLDER_OF = {name: folder for folder, names in _FOLDERS.items() for name in names.split()}
_FILES = {
    "acre": "acre.acre",
    "figlet_font": "figlet_fonts",
    "gsm_symbolic": "gsm_symbolic.gsm_symbolic",
    "list_functions": "list_functions.list_functions",
    "mahjong_puzzle": "mahjong",
    "number_sequence": "number_sequences",
    "syllogism": "syllogisms",
}
"""Tasks that are not called as their files are."""
_MADE_BEFOREHAND = {"acre": 10, "gsm_symbolic": 1, "list_functions": 1}
"""Tasks that make a whole set by one seed, with the size of the set whose first problem we take:
acre mixes three kinds of problems in a set."""
_SEED_BITS = {"pool_matrix": 32}
"""Where a generator takes shorter seeds than 64 bits."""


class ReasoningGymTask(GeneratedTask):
    """One generator of reasoning-gym with its options; see `training.tasks.problem.Task`."""

    def __init__(self, config: ReasoningGymConfig, field: str) -> None:
        super().__init__(field)
        self._config = config
        self._name = config.name
        self._dataset = self._build(0, _MADE_BEFOREHAND.get(config.name, 2**64))

    def is_right(self, answer: str, problem: Problem) -> bool:
        # Partial credit exists (0.01 and more for text around the answer): only 1.0 is right.
        return float(self._dataset.score_answer(answer, dict(problem.entry))) == 1.0

    def draw(self, name: str) -> Problem:
        # reasoning-gym seeds problem i with `seed + i`: a wide hash keeps the draws apart.
        number = number_of(name) % 2 ** _SEED_BITS.get(self._name, 64)
        if self._name in _MADE_BEFOREHAND:
            entry = self._build(number, _MADE_BEFOREHAND[self._name])[0]
        else:
            entry = self._dataset[number]
        question, answer = entry["question"], entry["answer"]
        return Problem(
            question,
            "" if answer is None else str(answer),
            entry,
            id=digest_of(question),
            task=self._name,
        )

    def _build(self, seed: int, size: int) -> Any:
        dataset_class, config_class = _generator(self._name, self.field)
        field = f"{self.field}.options"
        try:
            return dataset_class(config_class(seed=seed, size=size, **self._config.options))
        except TypeError as error:
            known = ", ".join(
                sorted(set(config_class.__dataclass_fields__) - {"seed", "size", "difficulty"})
            )
            raise TaskError(f"{field}: {self._name} takes only {known} ({error}).") from error
        except (AssertionError, ValueError) as error:
            raise TaskError(f"{field}: {self._name} refuses them: {error}.") from error


def _generator(name: str, field: str) -> tuple[Any, Any]:
    """Dataset and config class of one generator.

    The package's own `__init__` imports all of its hundred generators, and with them plotting
    libraries and a second and a half of start-up. Bare package modules in the place of its
    folders make Python load the one file that is needed.
    """
    folder = _FOLDER_OF[name]
    for package in ("reasoning_gym", f"reasoning_gym.{folder}"):
        if package not in sys.modules:
            sys.modules[package] = _bare(package)
    importlib.import_module("reasoning_gym.coaching")  # before factory, which it imports in turn
    factory = importlib.import_module("reasoning_gym.factory")
    try:
        importlib.import_module(f"reasoning_gym.{folder}.{_FILES.get(name, name)}")
    except ModuleNotFoundError as error:
        raise TaskError(
            f"{field}.name: {name} needs the Python package {error.name}, which is not installed "
            "here: install it with pip, or take another task."
        ) from error
    pair: tuple[Any, Any] = factory.DATASETS[name]
    return pair


def _bare(package: str) -> ModuleType:
    spec = importlib.util.find_spec(package)
    if spec is None or spec.submodule_search_locations is None:
        raise TaskError("The package reasoning-gym is not installed: install it with pip.")
    module = ModuleType(package)
    module.__path__ = list(spec.submodule_search_locations)
    module.__spec__ = spec
    return module
