"""Coq accepts the theorem of right numbers, and of no others: one wrong transition, weight or position is refused."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from tests.proof.coq import (
    WRONG_TRANSITIONS,
    changed,
    default_instance,
    needs_coq,
    solved,
    tied_network,
    unrepresentable_network,
    with_transition,
    wrong_network,
)
from tests.proof.test_coq_integers import FULL_ADDER, PRECISIONS, holds
from verify.__main__ import main
from verify.proof.coq import checking, instance
from verify.proof.coq.integers import NotExactError, carries_of, successor

CARRIES = [0, 0, 1, 1]


# ---------------------------------------------------------------------- what Coq accepts


@needs_coq
def test_the_default_theorem_is_accepted_by_one_command(tmp_path, capsys):
    path = tmp_path / "out.v"

    assert main(["prove", "--coq", str(path)]) == 0
    capsys.readouterr()
    assert main(["check", str(path), "--json", "-"]) == 0

    found = json.loads(capsys.readouterr().out)
    assert found["accepted"]
    assert [name.split()[0] for name in found["checkers"]] == ["coqc", "coqchk"]
    assert found["precisions"] == PRECISIONS
    assert "0 <= a <= 9999999999" in found["theorems"]["adds_in_every_evaluation"]
    assert len(found["axioms"]) == 4


@needs_coq
@pytest.mark.parametrize("seed", range(1, 5))
def test_the_theorem_of_a_seed_is_accepted(theory, seed):
    network = solved(seed)
    of_seed = replace(default_instance(), network=network, table=FULL_ADDER, carries=CARRIES)

    ran = theory.compile(instance.part_of(of_seed))

    assert ran.objections == []
    assert checking.assumed(ran.output) == []


def machine_of(network, precision):
    """Return the machine that a network is and its carries, or a full adder's where it is none."""
    try:
        table = [[successor(network, pair, state, precision) for state in range(4)] for pair in range(4)]
        return table, carries_of(table)
    except NotExactError:
        return FULL_ADDER, CARRIES


@needs_coq
def test_the_check_in_coq_and_the_check_in_integers_agree_on_seeds_and_on_wrong_networks(theory):
    right = [solved(seed) for seed in range(20)]
    wrong = [changed(solved(seed % 20), seed) for seed in range(200)]
    cases = [(each, *machine_of(each, precision), precision) for each in right + wrong for precision in PRECISIONS]

    expected = [holds(*case) for case in cases]

    assert theory.decides(cases) == expected
    assert all(expected[:80])
    assert expected[80:].count(False) > 300
    assert expected[80:].count(True) > 100


@needs_coq
def test_one_of_query_and_key_may_be_anything_in_coq_too(theory):
    free = [(3, -1), (-5, 2)]
    networks = [
        replace(default_instance().network, **{name: [free, free] for name in names})
        for names in (["query"], ["key"], ["query", "key"])
    ]

    assert theory.decides([(each, FULL_ADDER, CARRIES, "bfloat16") for each in networks]) == [True, True, False]


# ---------------------------------------------------------------------- what Coq refuses


@needs_coq
def test_a_tie_and_a_weight_that_is_no_number_of_the_format_are_refused(theory):
    networks = [
        (tied_network(), "float32"),
        (unrepresentable_network(), "bfloat16"),
        (unrepresentable_network(), "float32"),
    ]

    assert theory.decides([(network, FULL_ADDER, CARRIES, each) for network, each in networks]) == [False, False, True]


@needs_coq
def test_48_machines_with_one_wrong_transition_are_refused(theory):
    tables = [with_transition(FULL_ADDER, *each) for each in WRONG_TRANSITIONS]
    network = default_instance().network
    cases = [(network, table, CARRIES, "float32") for table in tables]

    assert theory.decides([*cases, (network, FULL_ADDER, CARRIES, "float32")]) == [False] * 48 + [True]


def masks():
    """Return masks that are wrong at one position, by name."""
    found = {}
    for position, k in ((35, 0), (50, 15), (69, 34)):
        for name, seen in {
            "sees itself alone": [position],
            "sees its pair alone": [k],
            "sees one more": sorted({k, position, position - 1}),
            "sees another pair": [(k + 1) % 35, position],
            "sees nothing": [],
        }.items():
            rows = [list(row) for row in default_instance().visible]
            rows[position] = seen
            found[f"{position} {name}"] = rows
    return found


@needs_coq
def test_a_wrong_mask_is_refused(theory):
    wrong = masks()

    found = theory.routes([*wrong.values(), default_instance().visible])

    assert dict(zip(wrong, found, strict=False)) == dict.fromkeys(wrong, False)
    assert found[-1]


@needs_coq
def test_the_theorem_of_a_wrong_mask_is_refused(theory):
    visible = masks()["50 sees one more"]

    ran = theory.compile(instance.part_of(replace(default_instance(), visible=visible)))

    assert len(ran.objections) == 1
    assert 'Unable to unify "true" with "false"' in ran.objections[0]


@needs_coq
def test_what_is_not_read_of_a_mask_does_not_matter(theory):
    rows = [list(row) for row in default_instance().visible]
    rows[3], rows[35] = [0, 1, 2], [0, 35, 60]

    assert theory.compile(instance.part_of(replace(default_instance(), visible=rows))).objections == []


@needs_coq
@pytest.mark.parametrize("width", [0, 1, 34])
def test_a_width_that_does_not_hold_the_sums_is_refused(theory, width):
    text = instance.part_of(default_instance()).replace(" 35", f" {width}")

    assert theory.compile(text).objections


@needs_coq
def test_a_wrong_network_is_refused_by_coq_itself(theory):
    ran = theory.compile(instance.part_of(replace(default_instance(), network=wrong_network())))

    assert 'Unable to unify "true" with "false"' in ran.objections[0]


@needs_coq
def test_a_file_that_names_no_format_is_refused(theory):
    assert theory.compile(instance.part_of(replace(default_instance(), precisions=[]))).objections
