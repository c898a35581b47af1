"""The ``adder`` command: add, explain, demo, solve.

Torch is imported after the arguments are understood, so that ``--help`` and errors come at once.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from adder.errors import AdderError, PromptError
from adder.prompts import MAX_OPERAND, parse_prompt

STAGES = (1, 2, 3, 10, 100)
DEMO_SEED = 42
SHOWN = 3

USAGE = """\
adder A B | adder "A+B="        the sum, 11 digits
       adder explain A B               columns, carries, generated states, margins
       adder demo                      solve the weights, then add 1, 2, 3, 10 and 100 prompts
       adder solve [--out FILE]        solve the weights and show, or save, them"""

DESCRIPTION = (
    "Add with a transformer of 46 parameters, its weights solved on the spot from the 16 full-adder transitions."
)


@dataclass(frozen=True)
class Result:
    """What a command found: for people, for programs, and for the shell."""

    text: str
    data: dict[str, Any]
    status: int = 0


def add(arguments: argparse.Namespace) -> Result:
    """Add one pair of operands or one prompt."""
    if len(arguments.operands) > 2:
        raise PromptError(f"{len(arguments.operands)} operands given, but adder adds two: adder 123 456")
    a, b = parse_prompt("+".join(arguments.operands) + "=" * (len(arguments.operands) == 2))
    from adder.decoding import generate

    (text,) = generate(_solved(arguments), [f"{a:010}+{b:010}="], method="incremental")
    return Result(text, {"a": a, "b": b, "sum": int(text)})


def explain(arguments: argparse.Namespace) -> Result:
    """Show what the model does with one pair of operands."""
    a, b = parse_prompt(f"{arguments.a}+{arguments.b}=")
    from adder.explain import explain

    explanation = explain(_solved(arguments), a, b)
    return Result(str(explanation), explanation.as_json(), status=int(explanation.generated != explanation.expected))


def demo(arguments: argparse.Namespace) -> Result:
    """Run the stages of the reference: 1, 2, 3, 10 and 100 prompts of 100 random pairs."""
    import random

    from adder.decoding import generate

    rng = random.Random(DEMO_SEED)  # noqa: S311 - reproducible operands, no secret
    pairs = [(rng.randint(0, MAX_OPERAND), rng.randint(0, MAX_OPERAND)) for _ in range(max(STAGES))]
    prompts = [f"{a:010}+{b:010}=" for a, b in pairs]
    expected = [f"{a + b:011}" for a, b in pairs]
    model = _solved(arguments)
    lines = [
        f"{sum(parameter.numel() for parameter in model.parameters())} parameters, solved from seed {arguments.seed}"
    ]
    stages, failed, tried = [], False, 0
    for count in STAGES:
        generated = generate(model, prompts[:count])
        correct = sum(map(str.__eq__, generated, expected))
        lines.append(f"stage {count}: {correct}/{count}")
        shown = range(tried, min(count, tried + SHOWN))  # of those that no stage before has shown
        lines += [f"  {prompts[i]}{generated[i]}  (true sum {expected[i]})" for i in shown]
        wrong = [pair for pair, got, should in zip(pairs, generated, expected, strict=False) if got != should]
        lines += [_debug_block(model, *wrong[0])] if wrong else []
        failed, tried = failed or bool(wrong), count
        stages.append({"count": count, "correct": correct, "wrong": wrong})
    return Result("\n".join(lines), {"seed": arguments.seed, "stages": stages}, status=int(failed))


def solve(arguments: argparse.Namespace) -> Result:
    """Solve the weights and show or save them."""
    from adder.solver import check_transitions

    model = _solved(arguments)
    accuracy, margin = check_transitions(model)
    weights = {name: value.tolist() for name, value in model.state_dict().items()}
    parameters = sum(parameter.numel() for parameter in model.parameters())
    lines = [
        f"seed {arguments.seed}: {parameters} parameters, smallest margin {margin:.6g}",
        f"{round(accuracy * 16)} of 16 transitions right",
        *(f"{name} = {value}" for name, value in weights.items()),
    ]
    if arguments.out is not None:
        import torch

        _write(arguments.out, lambda file: torch.save(model.state_dict(), file))
        lines.append(f"saved to {arguments.out}")
    data = {
        "seed": arguments.seed,
        "parameters": parameters,
        "accuracy": accuracy,
        "margin": margin,
        "weights": weights,
    }
    return Result("\n".join(lines), data)


COMMANDS: dict[str, Callable[[argparse.Namespace], Result]] = {"explain": explain, "demo": demo, "solve": solve}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status: 0, 1 for a wrong sum, 2 for bad input, 130 when interrupted."""
    argv = sys.argv[1:] if argv is None else list(argv)
    try:
        command, arguments = _parse(argv)
        for path in (arguments.json, getattr(arguments, "out", None)):
            if path not in {None, "-"}:
                _check_writable(Path(path))
        os.environ.setdefault("OMP_NUM_THREADS", "1")  # matrices of four rows are many times slower on more threads
        result = command(arguments)
        if arguments.json is not None:
            _write_json(result.data, arguments.json)
        if arguments.json != "-":
            print(result.text, flush=True)
    except (AdderError, OSError) as error:
        if isinstance(error, BrokenPipeError):
            sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115 - so that Python's own flush at exit is silent
            return 0
        print(f"adder: error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("adder: interrupted", file=sys.stderr)
        return 130
    return result.status


def parser() -> argparse.ArgumentParser:
    """Return what the command understands besides two operands; `shtab` makes completions for a shell of it."""
    whole = argparse.ArgumentParser("adder", usage=USAGE, description=DESCRIPTION, parents=[_common()])
    commands = whole.add_subparsers(metavar="COMMAND")
    for name, command in COMMANDS.items():
        _add_arguments(name, commands.add_parser(name, help=_first_line(command), parents=[_common()]))
    return whole


def _first_line(command: Callable[..., object]) -> str:
    return (command.__doc__ or "").split("\n")[0].rstrip(".")


def _parse(argv: list[str]) -> tuple[Callable[[argparse.Namespace], Result], argparse.Namespace]:
    name = argv[0] if argv and argv[0] in COMMANDS else None
    if name is None:
        of_sums = argparse.ArgumentParser("adder", usage=USAGE, description=DESCRIPTION, parents=[_common()])
        of_sums.add_argument(
            "operands", nargs="+", metavar="A B", help='two operands, or one prompt such as "123+456="'
        )
        return add, of_sums.parse_args(argv)
    of_command = argparse.ArgumentParser(f"adder {name}", description=COMMANDS[name].__doc__, parents=[_common()])
    _add_arguments(name, of_command)
    return COMMANDS[name], of_command.parse_args(argv[1:])


def _add_arguments(name: str, parser: argparse.ArgumentParser) -> None:
    if name == "explain":
        parser.add_argument("a")
        parser.add_argument("b")
    if name == "solve":
        parser.add_argument("--out", type=Path, metavar="FILE", help="save the state dict (torch.load reads it)")


def _common() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    common.add_argument("--seed", type=_seed, default=1, help="base seed of the solver (default: 1)")
    common.add_argument(
        "--weights",
        default="integer",
        choices=["integer", "real"],
        help="integer: no operation rounds (the default); or real: all trained",
    )
    common.add_argument("--json", metavar="FILE", help="write the result as JSON to FILE, or to stdout for -")
    common.add_argument("--version", action=_Version, help="print the versions of adder and of torch")
    return common


class _Version(argparse.Action):
    """Prints the versions, and ends the command; nothing is imported for it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(nargs=0, **options)

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version

        print(f"tiny-adder {version('tiny-adder')}, torch {version('torch')}, Python {sys.version.split()[0]}")
        parser.exit()


def _seed(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r} is no seed; seeds are integers from 0 up")
    return int(text)


def _solved(arguments: argparse.Namespace) -> Any:
    from adder.solver import solve

    return solve(arguments.seed, weights=arguments.weights)


def _debug_block(model: Any, a: int, b: int) -> str:
    from adder.explain import explain

    found = explain(model, a, b)
    shown = found.steps[:12]
    rows = {
        "prompt": f"{a:010}+{b:010}=",
        "predicted": f"{found.generated:011}",
        "expected": f"{found.expected:011}",
        "states generated": [step.generated for step in shown],
        "states expected": [step.expected for step in shown],
        "sum bits generated": [step.generated & 1 for step in shown],
        "sum bits expected": [step.expected & 1 for step in shown],
    }
    return "\n".join(f"    {name:>18}: {value}" for name, value in rows.items())


def _write_json(data: dict[str, Any], target: str) -> None:
    text = json.dumps(data, indent=2)
    if target == "-":
        print(text, flush=True)
    else:
        _write(Path(target), lambda file: file.write(f"{text}\n".encode()))


def _write(path: Path, fill: Callable[[IO[bytes]], object]) -> None:
    """Write a file aside and rename it, so that it appears whole or not at all."""
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as aside:
        try:
            fill(aside)
        except BaseException:
            Path(aside.name).unlink()
            raise
    Path(aside.name).replace(path)


def _check_writable(path: Path) -> None:
    """Refuse, before any work, a file that could not be written after it."""
    if not path.parent.is_dir():
        raise FileNotFoundError(f"cannot write {path}: there is no folder {path.parent}")
    if path.is_dir():
        raise IsADirectoryError(f"cannot write {path}: it is a folder; name a file")
    if not os.access(path.parent, os.W_OK):
        raise PermissionError(f"cannot write {path}: the folder {path.parent} is not writable; name another")


if __name__ == "__main__":
    sys.exit(main())
