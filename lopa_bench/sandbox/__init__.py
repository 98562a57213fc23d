"""Running untrusted programs: verdicts that cannot be forged, programs that cannot get out.

A leaf of the package: the standard library and nothing else. See docs/sandbox.md.
"""

from .driver import run_programs
from .levels import SandboxUnavailable, SelfTest, require, self_test
from .program import Level, Program, Reason, Test, Verdict
from .tests import TestError, cruxeval_input, cruxeval_output, mbxp_program, parse_test

__all__ = [
    "Level",
    "Program",
    "Reason",
    "SandboxUnavailable",
    "SelfTest",
    "Test",
    "TestError",
    "Verdict",
    "cruxeval_input",
    "cruxeval_output",
    "mbxp_program",
    "parse_test",
    "require",
    "run_programs",
    "self_test",
]
