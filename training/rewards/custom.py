"""A person's own rewards: a Python file with one function, shown in docs/rewards.md.

It defines `rewards(completion, problem, options)`, which gives one number for each name in
`reward.custom.weights`. `completion` is a `training.rewards.Candidate`, `problem` a
`training.tasks.Problem`, `options` the table `reward.custom.options`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from training.config import CustomRewardConfig
from training.rewards.reward import Candidate, RewardError
from training.tasks import Problem
from training.user_file import UserFileError, blame, load_user_file

Custom = Callable[[Candidate, Problem], Mapping[str, float]]


def load_custom(config: CustomRewardConfig) -> Custom:
    """Raises RewardError when the file cannot be used."""
    try:
        module = load_user_file(config.path)
    except UserFileError as error:
        raise RewardError(f"reward.custom.path: {error}") from error
    function = getattr(module, "rewards", None)
    if not callable(function):
        raise RewardError(
            f"reward.custom.path: {config.path} has to define a function "
            "rewards(completion, problem, options)."
        )

    def custom(completion: Candidate, problem: Problem) -> Mapping[str, float]:
        try:
            given = dict(function(completion, problem, dict(config.options)))
        except Exception as error:  # anybody's code: told with file and line
            raise RewardError(blame(error, config.path)) from error
        if set(given) != set(config.weights):
            raise RewardError(
                f"{config.path} gave {', '.join(sorted(map(str, given))) or 'nothing'}, and "
                f"reward.custom.weights names {', '.join(sorted(config.weights))}"
            )
        return given

    return custom
