"""Importing it first makes a test run in the tests' Python environment (build/venv), where boto3, moto and the like
are installed: under another Python the test is started again there."""
import os
import pathlib
import sys

HOME = pathlib.Path(__file__).resolve().parent.parent.parent / "build" / "venv"

if pathlib.Path(sys.prefix).resolve() != HOME.resolve():
    python = HOME / "bin" / "python"
    if not python.exists():
        sys.exit(f"{python} is missing: run `make setup-test`")
    os.execv(python, [str(python), *sys.argv])
