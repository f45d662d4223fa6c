"""What the scripted trainer writes for those who read it: answers, scripts, formulas, code, length.

The prompts of every step are the same, so that they can be followed through the run.
"""

import array
import random
from typing import Any

from training.events import pack_tokens

SEED = 7
"""A run with this seed writes these groups in place of the usual one."""
LONG_TOKENS = 60_000
QUESTIONS = (
    ("What is 27 + 58?", "85"),
    ("Solve $x^2 - 5x + 6 = 0$ for the larger root.", "3"),
    ("ما هو ناتج 6 × 7؟", "42"),
    ("请计算 12 的阶乘除以 11 的阶乘。", "12"),
)
TASKS = ("sums", "roots", "sums", "factorials")
WORDS = ("so", "we", "add", "the", "tens", "carry", "one", "and", "check", "whether", "it", "holds")


def groups(step: int) -> list[dict[str, Any]]:
    """The groups of a step, without what all of them share."""
    texts = [_sums(step), _roots(step), _arabic(step), _chinese(step)]
    return [
        {
            "prompt": f"{question}\nThink, then answer.",
            "question": question,
            "answer": answer,
            "task": task,
            "difficulty": float(level),
            "completions": _scored(written, answer),
        }
        for level, (task, (question, answer), written) in enumerate(
            zip(TASKS, QUESTIONS, texts, strict=True), start=1
        )
    ]


def _written(thought: str, answer: str) -> str:
    return f"<think>\n{thought}\n</think>\n<answer>{answer}</answer>"


def _sums(step: int) -> list[str]:
    """Eight, of which more are right the later the step; the last one of the first step is long."""
    right = _written(f"7 + 8 = 15, carry 1; 2 + 5 + 1 = 8. That is pass {step}.", "85")
    wrong = _written("7 + 8 = 14, so it ends in 4. Wait, is it? I think so.", "84")
    silent = "27 plus 58 is a sum"
    texts = [right if place < 1 + step else wrong for place in range(6)]
    return [*texts, silent, _long() if step == 1 else right]


def _long() -> str:
    """As many tokens as a model that was trained to think writes, in paragraphs, never closed."""
    draw = random.Random(SEED)
    lines = [f"Paragraph {place}: {' '.join(draw.choices(WORDS, k=60))}." for place in range(940)]
    return "<think>\n" + "\n\n".join(lines)


def _roots(step: int) -> list[str]:
    formulas = _written(
        f"By the formula \\[x = \\frac{{5 \\pm \\sqrt{{25 - 24}}}}{{2}}\\] at step {step}.\n"
        "```python\nfor x in range(10):\n    if x * x - 5 * x + 6 == 0:\n        print(x)\n```\n"
        "So $x = 2$ or $x = 3$.",
        "\\(3\\)",
    )
    plain = _written("Factors of 6 that add to 5 are 2 and 3. However, the larger is 3.", "3")
    return [formulas, plain, plain, _written("It factors as (x - 2)(x - 3).", "2")]


def _arabic(step: int) -> list[str]:
    right = _written(f"ستة في سبعة يساوي 42، والخطوة {step}.", "42")
    return [right, _written("ستة في سبعة يساوي 48.", "48"), right, right]


def _chinese(step: int) -> list[str]:
    right = _written(f"12! ÷ 11! = 12。这是第 {step} 步。", "12")
    return [right, _written("11! 除以 12! however 等于 1/12。", "1/12"), right, right]


def _scored(texts: list[str], answer: str) -> list[dict[str, Any]]:
    parts = [
        {"accuracy": float(_is_right(text, answer)), "format": float("</answer>" in text)}
        for text in texts
    ]
    rewards = [part["accuracy"] + 0.5 * part["format"] for part in parts]
    mean = sum(rewards) / len(rewards)
    return [
        {
            "text": text,
            "reward": reward,
            "rewards": part,
            "advantage": reward - mean,
            "length": _count(text),
            "finish_reason": "stop" if "</answer>" in text else "length",
            "logprob_mean": -0.4 - 0.1 * place,
            "entropy_mean": 0.2 + 0.1 * place,
            "parsed": _given(text),
            "reasons": {} if part["accuracy"] else {"accuracy": f"It is not {answer}."},
            "tokens": _tokens(text),
        }
        for place, (text, part, reward) in enumerate(zip(texts, parts, rewards, strict=True))
    ]


def _count(text: str) -> int:
    """Tokens of a text: four characters each, but for the long one's."""
    return LONG_TOKENS if len(text) > LONG_TOKENS else max(1, len(text) // 4)


def _tokens(text: str) -> str:
    """Evenly long, with numbers that follow from their place: token 0 is certain, 1 is not."""
    count = _count(text)
    size, rest = divmod(len(text), count)
    numbers = {
        "logprobs": [-(place * 277 % 1280) for place in range(count)],
        "entropies": [place * 53 % 768 for place in range(count)],
        "differences": [place * 29 % 401 - 200 for place in range(count)],
    }
    told = {name: array.array("h", each).tobytes() for name, each in numbers.items()}
    lengths = array.array("H", [size + (place < rest) for place in range(count)]).tobytes()
    return pack_tokens(lengths, told)


def _given(text: str) -> str | None:
    return text.rpartition("<answer>")[2].removesuffix("</answer>") if "<answer>" in text else None


def _is_right(text: str, answer: str) -> bool:
    return (_given(text) or "").strip("\\()") == answer
