"""`python -m stagedrollout`: the same as the installed command."""

from stagedrollout.cli.main import main

main()
