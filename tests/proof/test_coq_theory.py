"""A definition that leaves something out is caught by a lemma, and so is one that lets in what does not add."""

from __future__ import annotations

import re

import pytest

from tests.mutation import ROOT
from tests.proof.coq import SECONDS, default_instance, needs_coq
from verify.proof.coq import checking, instance

STORE = "| sums_store l v r : sums l v -> op1 (fun a => a) v r -> sums l r\n"
FUSED = "| sums_fused x y l v r : sums l v -> op3 (fun a b c => a * b + c) x y v r -> sums ((x, y) :: l) r\n"
TREE = "| sums_add l1 l2 v1 v2 r : sums l1 v1 -> sums l2 v2 -> op2 Rplus v1 v2 r -> sums (l1 ++ l2) r\n"
ORDER = "\n| sums_order l l' v : Permutation l l' -> sums l v -> sums l' v."
OP = "(F exact -> r = Some exact) /\\ (Rabs exact <= L -> r <> None)"
LOOKS = "(forall j, In j js -> (j < n)%nat) /\\"
STREAM = "products (contract w) h c ++ bare (contract_bias w) c ++ products (output w) a c ++ bare here c"
HEAD = "computes (length (embedding w)) (fun c l => exists x, at_the_end x /\\ l = products (embedding w) x c)."
HEAD_OF_ONE = "fun y => exists x, at_the_end x /\\ layer (embedding w) x y."
LESS = "(exists s t, score Q (K j) s /\\ score Q (K m) t /\\ op2 Rminus s t d)"
NORMAL = "bpow radix2 (emin + prec - 1) <= Rabs x < bpow radix2 emax"

# what leaves something out: the module, what is there, what stands there instead
WEAKENED = {
    "no fused products": ("Network", FUSED, ""),
    "no tree": ("Network", TREE, ""),
    "no other order": ("Network", ORDER, "."),
    "no storing": ("Network", STORE, ""),
    "every operation exact": ("Network", OP, "r = Some exact"),
    "no operand flushed": ("Network", "Prop := F a -> a' = a.", "Prop := a' = a."),
    "all positions looked at": ("Network", LOOKS, f"(forall j, (j < n)%nat -> In j js) /\\ {LOOKS}"),
    "no difference of scores": ("Network", " \\/ difference Q (K j) (K m) d.", "."),
    "no maximum subtracted": (
        "Network",
        "(exists s t, score Q (K j) s /\\ score Q (K m) t /\\ op2 Rminus s t d) \\/ ",
        "",
    ),
    "layers not in one sum": ("Network", STREAM, "products (contract w) h c ++ bare (contract_bias w) c"),
    "products not scaled": ("Network", "t' = t \\/ exists r r',", "t' = t \\/ False /\\ exists r r',"),
    "logits of one vector": ("Network", HEAD, HEAD_OF_ONE),
    "may be stuck": ("Network", "(exists l, step (prompt ++ out) l) /\\ forall l,", "forall l,"),
    "exponentials of 0 that are 1": ("Network", "x = zero -> near (eps / 2) 1 r", "x = zero -> r = one"),
    "quotients that are exact": ("Network", "-> near (eps / 8) (a / b) r", "-> r = Some (a / b)"),
    "subnormal numbers kept": ("Numbers", NORMAL, "Rabs x < bpow radix2 emax"),
}
# what lets in too much for the theorem to hold
WIDENED = {
    "operations that may overflow": ("Network", OP, "F exact -> r = Some exact"),
    "any operand": ("Network", "Prop := F a -> a' = a.", "Prop := True."),
    "any exponential": ("Network", "x = zero -> r = one", "True"),
    "exponentials further from 1": ("Network", "x = zero -> near (eps / 2) 1 r", "x = zero -> near eps 1 r"),
    "weights near 1/2 that are not stored": ("Network", "(e j) z p' /\\ stores p' p.", "(e j) z p."),
    "means that are not stored": ("Network", "near_quotient y z r' /\\ stores r' r", "near_quotient y z r"),
    "storing of what is twice as far": ("Network", "Rabs (a - y) < eps * Rabs y", "Rabs (a - y) * 2 < eps * Rabs y"),
    "any mask": ("Network", "then P j r else r = zero", "then P j r else True"),
    "any division": ("Network", "(b' <> 0 -> op (a' / b') r)", "True"),
    "any token": ("Network", "Some x, Some y => x <= y |", "Some x, Some y => True |"),
    "any rectifier": ("Network", "op1 (fun v => Rmax v 0) (nth c x zero) (nth c y zero)", "True"),
    "scaled by anything": ("Network", "exists c, Rabs c <= 2 /\\", "exists c,"),
    "one bit too many": ("Exact", "(n <=? 2 ^ bits)", "(n <=? 2 ^ (bits + 1))"),
    "the unit below the format": ("Exact", "(lo <=? u)", "(lo - 1 <=? u)"),
    "ties": ("Exact", "units u a <? units u b.", "units u a <=? units u b."),
}


@needs_coq
@pytest.mark.parametrize(("module", "before", "after"), (WEAKENED | WIDENED).values(), ids=(WEAKENED | WIDENED).keys())
def test_a_changed_definition_is_caught_by_a_lemma(tmp_path, module, before, after):
    text = instance.theory()
    start, end = text.index(f"Module {module}."), text.index(f"End {module}.")
    assert before in text[start:end]
    (tmp_path / "Changed.v").write_text(text[:start] + text[start:end].replace(before, after) + text[end:])

    ran = checking.compile_file(tmp_path, "Changed", SECONDS)

    assert len(ran.objections) == 1
    assert "Syntax error" not in ran.objections[0]


ERRORS = ROOT / "verify/proof/coq/bounded/Errors.v"
MISTAKEN = {
    "nothing is flushed": ("+ INR n * m * (1 + u) ^ h.", "+ 0 * INR n."),
    "storing is no operation": ("errs v r -> evaluated (S h) (S n) l r", "errs v r -> evaluated h (S n) l r"),
    "a tree as flat as one branch": ("evaluated (S (Nat.max h1 h2))", "evaluated (S h1)"),
    "an addition that does not round": ("evaluated (S (Nat.max h1 h2))", "evaluated (Nat.max h1 h2)"),
    "half the roundoff": ("bpow radix2 (- prec f).", "bpow radix2 (- prec f - 1)."),
}


def errors_lemma():
    """Return the lemma on the error of a sum, without the lines that load what it builds on."""
    lines = ERRORS.read_text().split("\n")
    return "\n".join(line for line in lines if not line.startswith(("From ", "Import ListNotations")))


@needs_coq
def test_the_error_of_a_sum_in_any_order_is_bounded(theory):
    lemmas = ("sum_error", "gamma_bound", "nearest_errs", "flushing_errs")
    printed = f"Definition lemmas := ({', '.join(lemmas)}).\nPrint Assumptions lemmas.\n"

    ran = theory.compile(errors_lemma() + printed)

    assert ran.objections == []
    assert checking.assumed(ran.output) == []


@needs_coq
@pytest.mark.parametrize(("before", "after"), MISTAKEN.values(), ids=MISTAKEN.keys())
def test_a_mistaken_bound_of_a_sum_is_refused(theory, before, after):
    text = errors_lemma()
    assert before in text

    ran = theory.compile(text.replace(before, after))

    assert len(ran.objections) == 1
    assert "Syntax error" not in ran.objections[0]


def test_assumptions_are_printed_of_every_theorem():
    text = instance.part_of(default_instance())
    named = text.partition("Definition theorems := (")[2].partition(")")[0]

    assert [name.strip() for name in named.split(",")] == list(instance.THEOREMS)
    assert re.findall(r"^Theorem (\w+)", text, re.MULTILINE) == list(instance.THEOREMS)
    assert text.endswith("Print Assumptions Instance.theorems.\n")


def test_the_readme_names_every_file_and_every_theorem():
    readme = (ROOT / "verify/proof/coq/README.md").read_text()
    files = [path.name for path in instance.THEORY.iterdir() if path.suffix in {".v", ".in"}]

    assert [name for name in (*files, *instance.THEOREMS) if f"`{name}`" not in readme] == []
    assert sorted(files) == sorted([*(f"{name}.v" for name in instance.MODULES), "Instance.v.in"])


def test_every_name_that_the_readme_sets_beside_the_document_is_one_of_the_theory():
    readme = (ROOT / "verify/proof/coq/README.md").read_text()
    rows = readme.partition("| docs/proof.md | here | where they differ |")[2].partition("\n\n")[0].split("\n")[2:]
    names = {name for row in rows for name in re.findall(r"`(\w+)`", re.split(r"(?<!\\)\|", row)[2])}
    known = set(re.findall(r"\w+", instance.theory() + instance.part_of(default_instance())))

    assert len(rows) > 15
    assert len(names) > 20
    assert names - known == set()


def test_the_document_quotes_what_is_proved():
    document = "\n".join(line.removeprefix("    ") for line in (ROOT / "docs/proof.md").read_text().split("\n"))
    definition = instance.theory().partition("Definition adds ")[2].partition("\n\n")[0].partition("End Network")[0]

    assert instance.theorem("adds_in_every_evaluation") in document
    assert f"Definition adds {definition.strip()}" in document
    assert all(name.rpartition(".")[2] in document for name in checking.AXIOMS if "sig" in name)


def test_no_line_of_the_theory_is_longer_than_a_line_of_the_code():
    texts = [path.read_text() for path in (*instance.THEORY.iterdir(), ERRORS)]

    assert max(len(line) for text in texts for line in text.split("\n")) <= 120


def test_nothing_is_admitted_in_the_theory():
    words = {"Axiom", "Admitted", "Parameter", "Conjecture", "admit", "give_up", "Unset", "Set"}
    text = instance.theory() + instance.part_of(default_instance())

    assert {word.strip(".") for word in text.split()} & words == set()
