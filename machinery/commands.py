"""The command line of `manage.py`."""

import argparse

from machinery import ROOT
from machinery.messages import Failed, Stopped, Trouble, complain


def main(words: list[str]) -> int:
    """Run one command: exit code 0 when it did its work, 1 when something of ours failed, 2 when the
    surroundings are not fit (ports, folders, tools) or the words make no command."""
    parser = _parser()
    options, rest = parser.parse_known_args(words)
    if rest and options.command != "test":
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    try:
        return _carry_out(options, rest)
    except Trouble as trouble:
        complain(str(trouble))
        return 2
    except Failed as failed:
        complain(str(failed))
        return 1
    except (Stopped, KeyboardInterrupt):
        return 130


def _carry_out(options: argparse.Namespace, rest: list[str]) -> int:
    # Each command loads only what it needs: a start should not wait for another command's modules.
    match options.command:
        case "run":
            from machinery.running import run

            return run(options)
        case "test":
            from machinery.testing import test

            return test(rest, strict=options.strict)
        case "check":
            from machinery.checking import check

            return check()
        case "bench":
            from machinery.benching import bench

            return bench(options.name, options.json)
        case _:
            from machinery.locking import lock

            return lock()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="manage.py", description="HoopAI to Xero portal")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_run(commands.add_parser("run", help="start everything on this machine, with a demo and a sandbox"))
    test = commands.add_parser("test", help="run the tests; words that are not known here go to pytest")
    test.add_argument("--strict", action="store_true", help="a missing browser or database fails, not skips")
    commands.add_parser("check", help="format, lint, types, templates, import contracts")
    bench = commands.add_parser("bench", help="run the benchmarks and print their tables")
    bench.add_argument("name", nargs="?", help="one benchmark only")
    bench.add_argument("--json", metavar="FILE", help="write the tables to a file as well")
    commands.add_parser("lock", help="renew the hashed locks in requirements/")
    return parser


def _add_run(run: argparse.ArgumentParser) -> None:
    run.add_argument("--port", type=_port, default=8000, help="of the portal (8000)")
    run.add_argument("--sandbox-port", type=_port, default=8100, help="of the sandbox (8100)")
    run.add_argument("--workers", type=_count, default=2, help="worker processes (2)")
    run.add_argument(
        "--no-sandbox", action="store_true", help="without the stand-ins for Xero, HoopAI and mail"
    )
    run.add_argument("--data", metavar="DIR", default=str(ROOT / "var"), help="data folder (var/)")


def _port(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"{text} is not a port from 1 to 65535")
    return int(text)


def _count(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 64:
        raise argparse.ArgumentTypeError(f"{text} is not a number from 1 to 64")
    return int(text)
