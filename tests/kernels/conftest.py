"""The Triton kernels run in Triton's interpreter, which has to be chosen before they are loaded:
`make test` gives the folder `interpreted` a process of its own, with TRITON_INTERPRET=1."""

from kernels.backend import INTERPRETED

collect_ignore = [] if INTERPRETED else ["interpreted"]
