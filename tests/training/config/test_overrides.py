"""How a person's settings are laid over a preset's."""

from training.config import MixtureConfig, ReasoningGymConfig, resolve


def test_a_setting_leaves_its_neighbours_alone() -> None:
    preset = resolve("r1-zero-nano", {}).config
    config = resolve("r1-zero-nano", {"grpo": {"group_size": 4}}).config
    assert config.grpo.group_size == 4
    assert config.grpo.prompts_per_step == preset.grpo.prompts_per_step


def test_another_task_does_not_inherit_the_options_of_the_presets() -> None:
    preset = resolve("r1-zero-nano", {}).config.task
    assert isinstance(preset, ReasoningGymConfig)
    assert preset.options
    resolved = resolve("r1-zero-nano", {"task": {"name": "gcd", "options": {"max_value": 90}}})
    assert isinstance(resolved.config.task, ReasoningGymConfig)
    assert resolved.config.task.options == {"max_value": 90}
    assert resolved.overrides["task.options.max_value"] == 90
    assert resolved.overrides["task.options.min_terms"] is None


def test_a_table_of_another_type_is_laid_over_nothing() -> None:
    part = {"task": {"type": "reasoning_gym", "name": "gcd"}}
    mixture = {"type": "mixture", "parts": [part]}
    for preset in ("r1-zero-nano", None):
        config = resolve(preset, {"task": mixture}).config
        assert isinstance(config.task, MixtureConfig)
        assert config.task.parts[0].label == "gcd"
        assert resolve(None, config.model_dump()).config == config


def test_a_table_that_names_no_type_keeps_the_presets() -> None:
    config = resolve("r1-zero-nano", {"task": {"template": "chat"}}).config
    assert isinstance(config.task, ReasoningGymConfig)
    assert config.task.name == "chain_sum"
    assert config.task.options["max_digits"] == 2
