"""The ``adder-verify`` command: run, audit, score, explain, prove, check, extract, report, hunt, merge.

Results go to stdout, progress to stderr. Exit status: 0 no sum refuted and nothing violated, 1 counterexample, 2 wrong
use or a file that is no adder, 3 could not decide, 4 no sum refuted but its nature violated, 130 interrupted. `audit`
gives 1 for what is violated, `score` for what does not qualify, `explain` for a wrong sum, `check` for a certificate
that is rejected.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import secrets
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from verify.ends import INTERRUPTED, interruptible, orderly
from verify.errors import UndecidedError, UsageError, VerifyError

if TYPE_CHECKING:
    from verify.hunt.session import Settings
    from verify.judge.session import Options
    from verify.proof.conclusion import Proof
    from verify.subject import Subject

Found = TypeVar("Found")

CAMPAIGN_STATUS = {"NO COUNTEREXAMPLE": 0, "COUNTEREXAMPLE": 1, "UNDECIDED": 3}


def run(arguments: argparse.Namespace) -> int:
    """Judge one subject, or several as one table: does it add, and is it what it says it is?"""
    if len(arguments.subjects) > 1 or arguments.board is not None:
        return _run_many(arguments)
    from verify.judge.live import Live
    from verify.judge.run import judge
    from verify.report.card import card, summary_markdown

    options = _options(arguments, _spec(*arguments.subjects))
    with Live(options.spec or "", options.seconds) as live:
        done = judge(options, listen=live.hear, keep=lambda report: _keep(arguments, report), verbose=arguments.verbose)
    return _deliver(
        done.exit_status,
        lambda: _show(arguments, done.report, lambda: card(done.report, sys.stdout)),
        lambda: _write_html(arguments, done.report),
        lambda: _append_step_summary(summary_markdown(done.report)),
    )


def _run_many(arguments: argparse.Namespace) -> int:
    from verify.judge.many import Board, as_json
    from verify.report.card import board, board_markdown

    results = _kept(arguments)
    kept = results if arguments.board is None else arguments.board / "board.json"
    judged = Board(_options(arguments), arguments.jobs, kept, lambda line: print(line, file=sys.stderr))
    reports, status = judged.judge(arguments.subjects or [_spec()])
    is_kept = results is not None and results == kept
    whole = argparse.Namespace(**vars(arguments) | {"json": None}) if is_kept else arguments
    return _deliver(
        status,
        lambda: _show(whole, as_json(reports), lambda: board(reports)),
        lambda: _write_html(arguments, reports),
        lambda: _write_board(arguments, reports),
        lambda: _append_step_summary(board_markdown(reports)),
    )


def _deliver(status: int, *outputs: Callable[[], None]) -> int:
    """Give out a result by every way, whatever fails of them; return the status, which says what was found."""
    for output in outputs:
        try:
            output()
        except BrokenPipeError:
            _silence()
        except OSError as error:
            print(f"adder-verify: error: {error}", file=sys.stderr)
    return status


def _silence() -> None:
    sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115 - so that Python's own flush at exit is silent


def _keep(arguments: argparse.Namespace, report: dict[str, Any]) -> None:
    """Write what is known so far: whatever ends the run later, a counterexample is told."""
    from verify.files import write_json

    with contextlib.suppress(OSError):  # which is told at the end
        if (results := _kept(arguments)) is not None:
            write_json(results, report)


def _kept(arguments: argparse.Namespace) -> Path | None:
    """Return the file in which what is known so far is kept; None where a reader would be given it besides the end."""
    from verify.files import is_replaced

    if arguments.json in {None, "-"}:
        return None
    return Path(arguments.json) if is_replaced(Path(arguments.json)) else None


def audit(arguments: argparse.Namespace) -> int:
    """Say what a subject is made of: parameters, attention, causality, whether its weights do the work."""
    from verify.anatomy import audit as audit_of
    from verify.anatomy import parameters
    from verify.report import terminal

    seed = secrets.randbits(32) if arguments.seed is None else arguments.seed

    def look(subject: Subject) -> dict[str, Any]:
        counts, rows = parameters(subject, seed), audit_of(subject, seed)
        return {"subject": subject.spec, "seed": seed, "parameters": counts, "audit": rows}

    found = _ask(arguments, look)
    _show(arguments, found, lambda: terminal.audit(found))
    return 1 if any(row["outcome"] == "violated" for row in found["audit"]) else 0


def score(arguments: argparse.Namespace) -> int:
    """Reproduce the leaderboard's own 10,010 cases, and say what they cannot see."""
    from verify.judge.score import score as score_of
    from verify.report import terminal

    found = _ask(arguments, score_of)
    _show(arguments, found, lambda: terminal.score(found))
    return 0 if found["qualified"] else 1


def explain(arguments: argparse.Namespace) -> int:
    """Ask an adder for one sum, and show its columns, what went wrong where, and how sure its model is."""
    from verify.hunt.pair import ask_pair

    asked = _ask(arguments, lambda subject: ask_pair(subject, arguments.a, arguments.b))
    _show(arguments, asked.as_json(), lambda: str(asked))
    return 0 if asked.is_right else 1


def prove(arguments: argparse.Namespace) -> int:
    """Prove, or refute, that a subject's model adds all pairs of operands, and write the certificate.

    Where a certificate of the same recorded graph is there, with open cells, the search goes on from them.
    """
    from verify.proof.columns.certificate import read
    from verify.proof.proving import is_known_decoder, prove_subject

    known_decoder = is_known_decoder(_spec(arguments.subject))
    before = read(arguments.out) if arguments.out is not None and arguments.out.is_file() else None
    ends = time.monotonic() + arguments.budget

    def prove_it(subject: Subject) -> Proof:
        subject.time_left = lambda: ends - time.monotonic()
        return prove_subject(subject, known_decoder=known_decoder, time_left=subject.time_left, before=before)

    proof = _ask(arguments, prove_it)
    if arguments.out is not None:
        proof.write(arguments.out)
    _show(arguments, proof.as_json(), lambda: str(proof))
    if arguments.coq is not None:
        from verify.proof.conclusion import TransitionsProof
        from verify.proof.coq import told_precisions, write_theorem

        found = write_theorem(arguments.coq, proof.certificate if isinstance(proof, TransitionsProof) else None)
        print(f"{arguments.coq}: a theorem in {told_precisions(found)}", file=sys.stderr)
    return proof.exit_status


def check(arguments: argparse.Namespace) -> int:
    """Check a certificate by a program that shares nothing with the one that wrote it; a file for Coq by Coq."""
    from verify.proof.coq import check_file, is_coq

    if is_coq(arguments.certificate):
        with interruptible():
            checked = check_file(arguments.certificate)
        _show(arguments, {"certificate": str(arguments.certificate)} | checked.as_json(), lambda: str(checked))
        return 1 if checked.objections else 0
    from verify.proof import check as objections_of
    from verify.proof import columns, read_certificate, told

    by_columns = columns.read(arguments.certificate)
    if by_columns is not None:
        return _check_columns(arguments, by_columns)
    certificate = read_certificate(arguments.certificate)
    with interruptible():
        objections = objections_of(certificate)
    found: dict[str, Any] = {
        "certificate": str(arguments.certificate),
        "accepted": not objections,
        "objections": objections,
    }
    if not objections:
        weights = {key: certificate["architecture"][key] for key in ("dtype", "sha256")}
        found["theorem"] = {key: certificate[key] for key in ("verdict", "statement", "assumptions")} | weights
        found["recorded, not checked"] = certificate["record"]
    _show(
        arguments, found, lambda: "\n".join(f"rejected: {each}" for each in objections) or "\n".join(told(certificate))
    )
    return 1 if objections else 0


def _check_columns(arguments: argparse.Namespace, certificate: dict[str, Any]) -> int:
    from verify.proof.columns import check, told

    with interruptible():
        checked = check(certificate)
    found: dict[str, Any] = {"certificate": str(arguments.certificate), "accepted": checked.accepted}
    found |= {"objections": checked.objections, "right_at_least": checked.pairs_right, "pairs": checked.pairs}
    if checked.accepted:
        found["theorem"] = {key: certificate[key] for key in ("statement", "assumptions", "sha256")}
        found["recorded, not checked"] = certificate["record"]
    _show(arguments, found, lambda: "\n".join(told(checked)))
    return 0 if checked.accepted else 1


def extract(arguments: argparse.Namespace) -> int:
    """Write what a subject's forward pass computes as data without its code, itself a subject for every command."""
    from verify.anatomy.graph.asking import recording_of
    from verify.anatomy.graph.nodes import RefusedError
    from verify.files import write_text

    spec = _spec(arguments.subject)
    try:
        recording = _ask(arguments, recording_of)
    except RefusedError as error:
        reason = str(error)
        _show(arguments, {"subject": spec, "refused": reason}, lambda: f"NO GRAPH: {reason}")
        return UndecidedError.exit_status
    write_text(arguments.out, recording.graph.text + "\n")
    found: dict[str, Any] = {"subject": spec, "graph": str(arguments.out), **recording.summary}
    _show(arguments, found, lambda: f"{arguments.out}: {recording}")
    return 0


def report(arguments: argparse.Namespace) -> int:
    """Gather the evidence on our own model, and render all reports from the evidence that there is."""
    from dataclasses import replace

    from verify.files import write_json
    from verify.judge.run import gather

    with contextlib.chdir(Path(__file__).parent):  # see _write_html
        from verify.report.render import render

    data = arguments.out / "data"
    data.mkdir(parents=True, exist_ok=True)
    if not arguments.render_only:
        for name, found in gather(replace(_options(arguments), seed=arguments.seed or 0)).items():
            write_json(data / name, found)
    with interruptible():
        for path in render(data, arguments.out):
            print(path)
    return 0


def hunt(arguments: argparse.Namespace) -> int:
    """Hunt for counterexamples over hours and machines: a campaign that any end leaves whole, and resumes."""
    from verify.hunt import session, summary
    from verify.hunt.store import Store
    from verify.report import terminal

    if arguments.status is not None:
        with contextlib.closing(Store.read(arguments.status)) as store:
            found = summary.summarise(store)
        _show(arguments, found, lambda: f"{terminal.campaign(found)}\n\n{terminal.progress_line(found)}")
        return CAMPAIGN_STATUS[found["verdict"]]
    found = session.hunt(_settings(arguments))
    _show(arguments, found, lambda: terminal.campaign(found))
    return INTERRUPTED if found["interrupted"] else CAMPAIGN_STATUS[found["verdict"]]


def merge(arguments: argparse.Namespace) -> int:
    """Merge the stores of a campaign's parts into one, and say what they found together."""
    from verify.hunt import session
    from verify.report import terminal

    with interruptible():
        found = session.merge(arguments.parts, arguments.store)
    _show(arguments, found, lambda: terminal.campaign(found))
    return CAMPAIGN_STATUS[found["verdict"]]


_PROVE_SECONDS = 300.0
_MOST_DIGITS = 100  # of an operand, as in `verify.addition.task`

COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    "run": run,
    "audit": audit,
    "score": score,
    "explain": explain,
    "prove": prove,
    "check": check,
    "extract": extract,
    "report": report,
    "hunt": hunt,
    "merge": merge,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    try:
        with orderly():
            return _run(argv)
    except KeyboardInterrupt:
        print("adder-verify: interrupted", file=sys.stderr)
        return INTERRUPTED


def _run(argv: Sequence[str] | None) -> int:
    arguments = parser().parse_args(argv)
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # matrices of four rows are many times slower on more threads
    try:
        _check_outputs(arguments)
        return COMMANDS[arguments.command](arguments)
    except VerifyError as error:
        print(f"adder-verify: error: {error}", file=sys.stderr)
        return error.exit_status
    except BrokenPipeError:
        _silence()
        return 0
    except OSError as error:
        print(f"adder-verify: error: {error}", file=sys.stderr)
        return UsageError.exit_status
    except KeyboardInterrupt:
        print("adder-verify: interrupted", file=sys.stderr)
        return INTERRUPTED
    except Exception as error:  # Python's own status for it, 1, means a counterexample
        print(f"adder-verify: error: a fault of adder-verify itself, please report it: {error!r}", file=sys.stderr)
        return UndecidedError.exit_status


def parser() -> argparse.ArgumentParser:
    """Return what the command understands; `shtab` makes completions for a shell of it."""
    whole = argparse.ArgumentParser("adder-verify", description="Verify an adder: ours, or any that is handed in.")
    whole.add_argument("--version", action=_Version, help="print the versions of the suite, its evidence and torch")
    commands = whole.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, command in COMMANDS.items():
        each = commands.add_parser(name, help=_first_sentence(command), description=command.__doc__)
        each.add_argument("--json", metavar="FILE", help="write the result as JSON to FILE, or to stdout for -")
        _ARGUMENTS[name](each)
    return whole


class _Version(argparse.Action):
    """Prints the versions, and ends the command; they are looked up only then."""

    def __init__(self, **options: Any) -> None:
        super().__init__(nargs=0, **options)

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from verify.made import versions
        from verify.report.evidence import KINDS

        print(f"{versions()}, evidence {KINDS['correctness'].schema}")
        parser.exit()


def _run_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("subjects", nargs="*", metavar="SUBJECT", help="file, folder or module (default: our own)")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write the result as a page to FILE")
    parser.add_argument("--board", type=Path, metavar="DIR", help="write a board and a page of each to DIR; resumes")
    parser.add_argument("--jobs", type=_count, default=1, metavar="N", help="of many subjects, how many at once")
    parser.add_argument("--verbose", action="store_true", help="print on stderr what pytest says of each claim")
    parser.add_argument("--rules", metavar="RULES", help="of a board: adderboard, or a .toml file (default: every row)")
    _length_arguments(parser)
    _isolation_arguments(parser)


def _length_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--budget", type=_duration, metavar="TIME", help="what the whole run may take: 90s, 10m, 8h")
    parser.add_argument("--profile", choices=["quick", "default", "ci", "hunt"], help="how long to look")
    parser.add_argument("--seed", type=_seed, metavar="N", help="of all random operands (default: another every time)")
    parser.add_argument("--call-seconds", type=_positive, default=10.0, metavar="SECONDS", help="limit of one sum")


def _isolation_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--method", help="the way of decoding, for subjects that offer several")
    parser.add_argument(
        "--digits", type=_digits, metavar="N", help="of an operand, 1 to 100 (default: as the adder says, else 10)"
    )
    parser.add_argument(
        "--sandbox",
        choices=["auto", "bwrap", "landlock", "limits", "off"],
        default="auto",
        help="rung of isolation for a stranger's file; one that is named is demanded (default: the best there is)",
    )


def _subject_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("subject", nargs="?", metavar="SUBJECT", help="file, folder or module (default: our own)")
    _isolation_arguments(parser)


def _explain_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("a", type=_operand, metavar="A", help="the first operand")
    parser.add_argument("b", type=_operand, metavar="B", help="the second operand")
    parser.add_argument("--submission", dest="subject", metavar="SUBJECT", help="whom to ask (default: our own)")
    _isolation_arguments(parser)


def _prove_arguments(parser: argparse.ArgumentParser) -> None:
    _subject_arguments(parser)
    parser.add_argument("--out", type=Path, metavar="CERT", help="write the certificate to CERT, or go on from it")
    parser.add_argument(
        "--budget",
        type=_duration,
        default=_PROVE_SECONDS,
        metavar="TIME",
        help="for what is not of our own architecture: 90s, 10m, 8h (default: 5m)",
    )
    parser.add_argument("--coq", type=Path, metavar="FILE.v", help="write the theorem and its proof for Coq to FILE.v")


def _extract_arguments(parser: argparse.ArgumentParser) -> None:
    _subject_arguments(parser)
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.json", help="write the graph to FILE.json")


def _check_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("certificate", type=Path, metavar="CERT", help="a file that `adder-verify prove` wrote")


def _report_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", type=Path, default=Path("reports"), metavar="DIR", help="folder (default: reports)")
    parser.add_argument("--render-only", action="store_true", help="render the evidence that is there, gather none")
    _length_arguments(parser)
    parser.set_defaults(method=None, digits=None, sandbox="auto")


def _hunt_arguments(parser: argparse.ArgumentParser) -> None:
    _subject_arguments(parser)
    parser.add_argument("--budget", type=_duration, metavar="TIME", help="of all its runs: 90s, 10m, 8h (default: 60s)")
    parser.add_argument("--shards", type=_count, metavar="N", help="the same N shards every time, instead of a budget")
    parser.add_argument("--jobs", type=_count, default=1, metavar="N", help="processes on this machine (default: 1)")
    parser.add_argument(
        "--scheduler", metavar="ADDRESS", help="of a dask.distributed cluster, such as tcp://10.0.0.1:8786"
    )
    parser.add_argument("--store", type=Path, metavar="FILE", help="keep what is found there; the same command resumes")
    parser.add_argument("--shard", default="1/1", metavar="i/N", help="run one of N parts, to be merged later")
    parser.add_argument("--name", default="hunt", help="what the cases follow from (default: hunt)")
    parser.add_argument(
        "--status", type=Path, metavar="STORE", help="say what a store holds, while it is written or after"
    )


def _merge_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("parts", nargs="+", type=Path, metavar="PART", help="a store of `adder-verify hunt --shard`")
    parser.add_argument("--store", type=Path, required=True, metavar="FILE", help="the store that holds all of them")


def _audit_arguments(parser: argparse.ArgumentParser) -> None:
    _subject_arguments(parser)
    parser.add_argument("--seed", type=_seed, metavar="N", help="of all operands that are drawn (default: another)")


_ARGUMENTS: dict[str, Callable[[argparse.ArgumentParser], None]] = {
    "run": _run_arguments,
    "audit": _audit_arguments,
    "score": _subject_arguments,
    "explain": _explain_arguments,
    "prove": _prove_arguments,
    "check": _check_arguments,
    "extract": _extract_arguments,
    "report": _report_arguments,
    "hunt": _hunt_arguments,
    "merge": _merge_arguments,
}


def _first_sentence(command: Callable[..., Any]) -> str:
    return (command.__doc__ or "").split("\n")[0].rstrip(".")


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no time; give seconds, more than 0")
    return value


def _duration(text: str) -> float:
    units = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
    number, unit = (text[:-1], text[-1]) if text[-1:] in units else (text, "s")
    try:
        return _positive(number) * units[unit]
    except argparse.ArgumentTypeError:
        raise argparse.ArgumentTypeError(f"{text!r} is no time; give seconds, or such as 90s, 10m, 8h") from None


def _seed(text: str) -> int:
    if not (text.isascii() and text.isdecimal()):
        raise argparse.ArgumentTypeError(f"{text!r} is no seed; give an integer from 0 on")
    return int(text)


def _operand(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS):
        raise argparse.ArgumentTypeError(f"{text!r} is no operand; give an integer from 0 to 9999999999")
    return int(text)


def _digits(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 4 and 1 <= int(text) <= _MOST_DIGITS):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of digits; give an integer from 1 to {_MOST_DIGITS}")
    return int(text)


def _count(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"{text!r} is no count; give an integer from 1 on")
    return int(text)


def _settings(arguments: argparse.Namespace) -> Settings:
    from verify.hunt.campaign import Goal
    from verify.hunt.session import DEFAULT_SECONDS, Settings
    from verify.hunt.shards import Part

    seconds = DEFAULT_SECONDS if arguments.budget is None and arguments.shards is None else arguments.budget
    names = ("method", "digits", "sandbox", "name", "jobs", "scheduler", "store")
    return Settings(
        spec=_spec(arguments.subject),
        goal=Goal(arguments.shards, seconds),
        part=Part.parse(arguments.shard),
        **{name: getattr(arguments, name) for name in names},
    )


def _spec(spec: str | None = None) -> str:
    """Return the subject that the command line or the environment names, in this order, empty or not; else our own."""
    from verify.subject import DEFAULT_SPEC

    return spec if spec is not None else os.environ.get("ADDER_SUBMISSION", DEFAULT_SPEC)


def _options(arguments: argparse.Namespace, spec: str | None = None) -> Options:
    from verify.judge.profiles import default_name
    from verify.judge.session import Options

    names = ("method", "digits", "sandbox", "budget", "seed", "call_seconds")
    given = {name: getattr(arguments, name) for name in names}
    if getattr(arguments, "rules", None) is not None:
        from verify.judge.rules import load

        given["rules"] = load(arguments.rules)
        given["digits"] = given["rules"].width(arguments.digits)
    return Options(spec=spec, profile=arguments.profile or default_name(), **given)


def _ask(arguments: argparse.Namespace, question: Callable[[Subject], Found]) -> Found:
    """Return what a question finds of the subject; nothing else can be interrupted, so that the answer is given out."""
    from verify.subject import load

    with interruptible():
        subject = load(
            _spec(arguments.subject), method=arguments.method, digits=arguments.digits, sandbox=arguments.sandbox
        )
    with contextlib.closing(subject), interruptible():
        return question(subject)


def _show(arguments: argparse.Namespace, found: Any, text: Callable[[], str]) -> None:
    """Print the result, or write it as JSON where that was asked for."""
    if arguments.json is None:
        print(text(), flush=True)
    elif arguments.json == "-":
        print(json.dumps(_made(found), indent=1), flush=True)
    else:
        from verify.files import write_json

        print(text(), flush=True)  # first: a result that cannot be written is not lost
        write_json(Path(arguments.json), _made(found))


def _made(found: Any) -> Any:
    """Return a result that says what made it; reports of runs say so of themselves."""
    from verify.made import made

    return found | {"made": made()} if isinstance(found, dict) and "made" not in found else found


def _write_html(arguments: argparse.Namespace, found: Any) -> None:
    if arguments.html is None:
        return
    from verify.files import write_text
    from verify.judge.run import chains_of

    with contextlib.chdir(Path(__file__).parent):  # matplotlib heeds a file of settings in the working folder
        from verify.report.page import board, page

    write_text(arguments.html, board(found) if isinstance(found, list) else page(found, chains=chains_of(found)))


def _write_board(arguments: argparse.Namespace, reports: list[dict[str, Any]]) -> None:
    if arguments.board is not None:
        with contextlib.chdir(Path(__file__).parent):  # see _write_html
            from verify.report.render import render_board

        render_board(reports, arguments.board)


def _append_step_summary(markdown: str) -> None:
    """Show the verdict on the page of a GitHub Actions run."""
    path = os.environ.get("GITHUB_STEP_SUMMARY")
    if path:
        with Path(path).open("a", encoding="utf-8") as summary:
            summary.write(markdown)


def _check_outputs(arguments: argparse.Namespace) -> None:
    """Refuse, before any work, results that could not be written after it."""
    from verify.files import check_writable

    folder = getattr(arguments, "board", None)
    if folder is not None and (not folder.parent.is_dir() or (folder.exists() and not folder.is_dir())):
        raise UsageError(f"cannot write a board to {folder}: name a folder, in a folder that is there")
    files = [getattr(arguments, name, None) for name in ("json", "html", "out", "coq")]
    for path in (Path(file) for file in files if file not in (None, "-")):
        if arguments.command != "report" and path.is_dir():
            raise UsageError(f"cannot write {path}: it is a folder; name a file")
        if arguments.command != "report" and not path.parent.is_dir():
            raise UsageError(f"cannot write {path}: there is no folder {path.parent}")
        if arguments.command != "report":
            check_writable(path)


if __name__ == "__main__":
    sys.exit(main())
