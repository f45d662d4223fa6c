"""scan: which share of some texts looks machine-written."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from pathlib import Path

from training.cli.errors import UserError
from training.provenance.scan import SHORTEST, known_error, scan, texts_of
from training.provenance.scan.rules import ENOUGH, OPENING, OPENING_SAYS, RULES
from training.tasks.rows import JoinedRows, RowsError, open_rows


def scan_command(args: Namespace) -> int:
    """Print the estimate with the rules and their error, or all of it as JSON."""
    try:
        rows = JoinedRows([open_rows(Path(file)) for file in args.files])
        texts = list(texts_of(rows, args.field))
    except (OSError, RowsError) as error:
        raise UserError(f"{error}") from error
    except LookupError as error:
        raise UserError(f"--field: a row has no text in a field “{args.field}”.") from error
    record, rules = scan(texts)
    if args.json:
        told = {**record.model_dump(), "rules": dict(rules), "error": vars(known_error())}
        sys.stdout.write(json.dumps(told, indent=2) + "\n")
        return 0
    known = known_error()
    sys.stdout.write(
        f"{record.texts} texts, {record.judged} of them of a kind of which the error is known: "
        f"Latin script, at least {SHORTEST} words.\n"
    )
    if record.share is not None:
        sys.stdout.write(
            f"{record.flagged} look machine-written by the rules. Corrected for their error: "
            f"{record.share:.1%} (95 % interval {record.low:.1%} to {record.high:.1%}).\n"
        )
    sys.stdout.write(
        f"Error as measured: of {known.machine} machine-written texts {known.found} were found, of "
        f"{known.human} by people {known.mistaken} were mistaken. It holds for texts like those: "
        "English, a small model's on one side, manuals and a story on the other. Of other kinds, "
        "such as larger models' texts, code or other languages, it is not known.\n"
        f"\nTexts by rule; from {ENOUGH} points on a text looks machine-written:\n"
    )
    says = {rule.name: rule.says for rule in RULES} | {OPENING: OPENING_SAYS}
    for name, sentence in says.items():
        sys.stdout.write(f"  {rules[name]:6}  {name}: {sentence}\n")
    return 0
