"""The reasoning-gym package: where its generators are, and what levels they have."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import ModuleType
from typing import Any

from training.tasks.problem import TaskError

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
_STAND_INS = {
    "game_of_life": "cellpylib",
    "game_of_life_halting": "cellpylib",
    "zebra_puzzles": "pycosat",
}
"""Tasks with a package in whose place training/tasks/stand_ins stands."""


@dataclass(frozen=True)
class Generator:
    """The package's classes for one task."""

    dataset: Any
    config: Any
    curriculum: Any
    """None where the task has no levels."""

    def make(self, seed: int, size: int, options: Mapping[str, Any], level: int | None) -> Any:
        """A set of problems; options count above what the level sets.

        Raises TypeError for an option that it has not, ValueError or AssertionError for one that it
        refuses.
        """
        settings = {} if level is None else self._at(level)
        return self.dataset(self.config(seed=seed, size=size, **{**settings, **options}))

    def options(self) -> list[str]:
        return sorted(set(self.config.__dataclass_fields__) - {"seed", "size", "difficulty"})

    def levels(self, options: Mapping[str, Any]) -> range:
        """The levels that can be gone through with these options; empty where there are none.

        The package's own checks refuse some of its levels, as the first of knight_swap and the
        third of caesar_cipher, and some options do not go with some levels.
        """
        if self.curriculum is None:
            return range(0)
        steps = max(len(attribute.levels) for attribute in self.curriculum().attributes.values())
        valid = [self._is_valid(level, options) for level in range(steps)]
        first = valid.index(True) if True in valid else steps
        return range(first, valid.index(False, first) if False in valid[first:] else steps)

    def _is_valid(self, level: int, options: Mapping[str, Any]) -> bool:
        try:
            self.config(seed=0, size=1, **{**self._at(level), **options}).validate()
        except (AssertionError, TypeError, ValueError):
            return False
        return True

    def _at(self, level: int) -> dict[str, Any]:
        """What the package's curriculum sets; attributes with fewer levels stay at their last."""
        curriculum = self.curriculum()
        curriculum.set_global_level(level)
        config = curriculum.generate_configuration({"seed": 0, "size": 1})
        names = {field.name for field in fields(config) if field.init} - {"seed", "size"}
        return {name: getattr(config, name) for name in names}


def load_generator(name: str, field: str) -> Generator:
    """The classes of one generator. Raises TaskError.

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
    if name in _STAND_INS:
        package = _STAND_INS[name]
        sys.modules[package] = importlib.import_module(f"training.tasks.stand_ins.{package}")
    try:
        importlib.import_module(f"reasoning_gym.{folder}.{_FILES.get(name, name)}")
    except ModuleNotFoundError as error:
        raise TaskError(
            f"{field}.name: {name} needs the Python package {error.name}, which is not installed "
            "here: install it with pip, or take another task."
        ) from error
    return Generator(*factory.DATASETS[name], factory.CURRICULA.get(name))


def _bare(package: str) -> ModuleType:
    spec = importlib.util.find_spec(package)
    if spec is None or spec.submodule_search_locations is None:
        raise TaskError("The package reasoning-gym is not installed: install it with pip.")
    module = ModuleType(package)
    module.__path__ = list(spec.submodule_search_locations)
    module.__spec__ = spec
    return module
