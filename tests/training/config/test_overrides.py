"""How a person's settings are laid over a preset's."""

from training.config import resolve


def test_a_setting_leaves_its_neighbours_alone() -> None:
    preset = resolve("r1-zero-nano", {}).config
    config = resolve("r1-zero-nano", {"grpo": {"group_size": 4}}).config
    assert config.grpo.group_size == 4
    assert config.grpo.prompts_per_step == preset.grpo.prompts_per_step


def test_another_task_does_not_inherit_the_options_of_the_presets() -> None:
    assert resolve("r1-zero-nano", {}).config.task.options
    resolved = resolve("r1-zero-nano", {"task": {"name": "gcd", "options": {"max_value": 90}}})
    assert resolved.config.task.options == {"max_value": 90}
    assert resolved.overrides["task.options.max_value"] == 90
    assert resolved.overrides["task.options.min_terms"] is None
