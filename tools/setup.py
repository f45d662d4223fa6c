"""Set up what a make target needs: `python3 tools/setup.py run|test|bench|vllm|trackers`.

This file has to be readable for any Python 3, so that an old one can say what is wrong.
"""

import sys

if sys.version_info < (3, 11):  # noqa: UP036  # the one place that an old Python gets to
    sys.exit(
        "r1web needs Python 3.11 or newer, but this is Python %d.%d: install a newer one, "
        "or name one you have, as in `make run PYTHON=python3.12`." % sys.version_info[:2]
    )

from bootstrap import main

sys.exit(main(sys.argv[1:]))
