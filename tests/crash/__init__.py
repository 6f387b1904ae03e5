"""A daemon that dies at any point whatsoever: nothing is lost, nothing happens twice.

Fifteen short stories meet every decision and everything that is done to the world outside. Each is played again and
again, and each time the daemon dies at another one of its points, is started again at once, and goes on to the end.

    ./dev crash [--scenario NAME] [--singles|--pairs] [--json]
"""
