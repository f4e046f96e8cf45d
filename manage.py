"""Starts, tests and checks the portal: `python3 manage.py run | test | check | bench | lock`.

Standard library only, and readable by any Python, so that an old one can say what it lacks.
"""

import sys

OLDEST = (3, 11)


def main():
    if sys.version_info < OLDEST:
        found = "%d.%d" % (sys.version_info[0], sys.version_info[1])
        wanted = "%d.%d" % OLDEST
        sys.stderr.write("This needs Python %s or newer, and this is Python %s.\n" % (wanted, found))
        return 2
    if sys.platform == "win32":
        sys.stderr.write("This runs on Linux and macOS; on Windows use it inside WSL.\n")
        return 2
    from machinery.commands import main as run_command

    return run_command(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
