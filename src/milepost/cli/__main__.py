"""Lets the command be called as `python -m milepost.cli`, as child processes are."""

from milepost.cli import main

main()
