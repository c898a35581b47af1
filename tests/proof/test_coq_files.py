"""A file that somebody hands over is checked as the one that would be written for its numbers, or refused by line."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from itertools import zip_longest

import pytest

from tests.proof.coq import SECONDS, default_instance, needs_coq, wrong_network
from tests.proof.models import CANCELLING, INTEGERS, architecture
from verify.__main__ import main
from verify.errors import CertificateError, CoqMissingError, CoqTimeoutError
from verify.proof import prove
from verify.proof.conclusion import TransitionsProof
from verify.proof.coq import Checked, check_file, check_instance, checkers_of, checking, instance, read, written

AXIOM = "Lemma cheat : False. Proof. Admitted."


@pytest.fixture(scope="module")
def text():
    return written(default_instance())


def changing(before, after, count=1):
    """Return a change of a text that replaces what is there."""
    return lambda text: text.replace(before, after, count)


SMUGGLED = {
    "an axiom at the end": lambda text: text + "Axiom cheat : False.\n",
    "an axiom before the theorems": changing("(* 1. Ten decimal", "Axiom cheat : False.\n(* 1. Ten decimal"),
    "an admitted lemma": changing("Proof. vm_compute. reflexivity. Qed.", "Admitted."),
    "a parameter": changing("Lemma checked", "Parameter cheat : False.\nLemma checked"),
    "a section variable": changing("Lemma checked", "Hypothesis cheat : False.\nLemma checked"),
    "a notation": changing("Lemma checked", 'Notation "9999999999" := 9.\nLemma checked'),
    "a flag": changing("Module Instance.", "Unset Guard Checking.\nModule Instance."),
    "a changed definition": changing("Z.of_nat (t mod 2) + 2 * decode rest", "0"),
    "a smaller domain": changing("0 <= a <= 9999999999", "0 <= a <= 9"),
    "a weaker statement": changing("(exists out, greedy step prompt W out) /\\\n", ""),
    "assumptions that are not printed": changing("Print Assumptions Instance.theorems.\n", ""),
    "a comment": changing("Lemma checked", "(* for all *)\nLemma checked"),
    "carriage returns": changing("\n", "\r\n", -1),
    "a blank at the end of a line": changing("Open Scope Z_scope.\n", "Open Scope Z_scope. \n"),
    "its end left out": lambda text: text[:-100],
    "its beginning left out": lambda text: text[100:],
    "a second network": lambda text: text + text[text.index("Module Instance.") :],
    "a number written otherwise": changing("(-1, 0)", "(-01, 0)"),
    "a number as a sum": changing("(-1, 0)", "(1 - 2, 0)"),
    "a weight too many": changing("(* query *) [", "(* query *) [[(0, 0); (0, 0)]; "),
    "a weight that is no float64": changing("(-1, 0)", "(-1, 2000)"),
    "a format twice": changing("[Binary64; ", "[Binary64; Binary64; "),
    "a state that is none": changing("carries : list nat := [0; 0; 1; 1]", "carries : list nat := [0; 0; 1; 7]"),
    "text among the numbers": changing("list format := [", "list format := [(* all *) "),
    "another digest": changing("sha256 ", "sha256 0"),
}


@pytest.mark.parametrize("change", SMUGGLED.values(), ids=SMUGGLED.keys())
def test_a_file_that_would_not_be_written_is_refused_with_the_line(text, change):
    forged = change(text)
    pairs = zip_longest(text.split("\n"), forged.split("\n"))
    first = next(at for at, (line, theirs) in enumerate(pairs, 1) if line != theirs)

    with pytest.raises(CertificateError, match=r"line [0-9]+ |no network") as error:
        read(forged)

    assert "adder-verify prove --coq writes" in str(error.value)
    named = int(str(error.value).removeprefix("line ").split(" ")[0]) if "line " in str(error.value) else first
    assert named <= first


@pytest.mark.parametrize("text_of_line", ["Axiom cheat : False.", "Admitted.", "Parameter p : False.", "\x1b[2J"])
@pytest.mark.parametrize("line", [1, 300, 900, 1600])
def test_the_line_that_was_slipped_in_is_the_line_that_is_named(text, text_of_line, line):
    lines = text.split("\n")
    lines.insert(line - 1, text_of_line)

    with pytest.raises(CertificateError, match=rf"line {line} is ") as error:
        read("\n".join(lines))

    assert str(error.value).isprintable()


def test_what_differs_in_a_long_line_is_shown(text):
    with pytest.raises(CertificateError) as error:
        read(changing("(-1, 0)", "(-3, 0)")(text))

    got, wanted = str(error.value).split(", but should be ")
    assert got.partition(" is ")[2] != wanted.partition(";")[0]


@pytest.mark.parametrize(
    ("before", "other"),
    [("(1, 0)", "(3, 1)"), ("[[0; 0; 1; 1]", "[[0; 0; 1; 2]"), ("[3];", "[2; 3];"), ("Binary64; ", "")],
)
def test_other_numbers_are_another_file(text, before, other):
    head, network = text.split("Module Instance.\n")
    network = network.replace(before, other, 1)
    weights = network[network.index("Definition trained") : network.index("Definition table")]
    digest = instance._network(weights).weights.sha256
    forged = f"{head}Module Instance.\n{network}".replace(default_instance().network.weights.sha256, digest)

    assert read(forged) != default_instance()
    assert written(read(forged)) == forged


def test_what_is_written_is_read(text):
    assert read(text) == default_instance()


@pytest.mark.parametrize(
    "junk", ["", "\n", "Module Instance.", "{}", "\0", "Definition trained :\n" * 9, "([" * 10_000]
)
def test_a_file_of_another_kind_is_refused_in_a_sentence(tmp_path, capsys, junk):
    path = tmp_path / "junk.v"
    path.write_text(junk)

    assert main(["check", str(path)]) == 2
    assert "adder-verify: error: " in capsys.readouterr().err


@pytest.mark.parametrize("count", [0, 15, 17, 40])
def test_numbers_that_are_too_few_or_too_many_are_refused_in_a_sentence(text, count):
    head, _, rest = text.partition("Definition table : list (list nat) := ")
    tail = rest.partition("\n")[2]
    with pytest.raises(CertificateError, match=r"line [0-9]+ is "):
        read(f"{head}Definition table : list (list nat) := {'; '.join(['0'] * count)}%nat.\n{tail}")


def with_definition(text, name, value):
    """Return the text with what a definition of the instance says, and the digest of the weights that it then has."""
    changed = re.sub(rf"(Definition {name} .* := ).*(%nat\.)", rf"\g<1>{value}\g<2>", text)
    assert changed != text
    return changed


SHORT = {
    "a machine of 15 transitions": ("table", "[[0; 0; 1; 1]; [1; 1; 2; 2]; [1; 1; 2; 2]; [2; 2; 3]]"),
    "a machine of 12 transitions": ("table", "[[0; 0; 1; 1]; [1; 1; 2; 2]; [1; 1; 2; 2]; []]"),
    "a machine without transitions": ("table", "[[]; []; []; []]"),
    "no carries": ("carries", "[]"),
    "three carries": ("carries", "[0; 0; 1]"),
    "five carries": ("carries", "[0; 0; 1; 1; 3]"),
}


@pytest.mark.parametrize(("name", "value"), SHORT.values(), ids=SHORT.keys())
def test_a_machine_of_another_size_is_refused_in_a_sentence(text, name, value):
    with pytest.raises(CertificateError, match=r"line [0-9]+ is .*, but should be .*;"):
        read(with_definition(text, name, value))


@pytest.mark.parametrize("bias", ["[]", "[(0, 0)]"])
def test_a_network_with_too_few_weights_is_refused_in_a_sentence(text, bias):
    changed = re.sub(r"(\(\* contract_bias \*\)) \[.*\]", rf"\1 {bias}", text)

    with pytest.raises(CertificateError, match=r"line [0-9]+ is .*, but should be .*\(0, 0\)\]"):
        read(changed)


def test_a_weight_that_is_written_as_another_pair_of_numbers_is_refused(text):
    head, network = text.split("Module Instance.\n")

    with pytest.raises(CertificateError, match=r"is .*\(2, -1\).*, but should be .*\(1, 0\)"):
        read(f"{head}Module Instance.\n{network.replace('(1, 0)', '(2, -1)', 1)}")


@pytest.mark.parametrize(
    "junk", ["[" + "1" * 1000, "[" * 100_000, "[1; " * 50_000, "(1, " * 50_000, "[" + "1; " * 99 + "2]"]
)
def test_rows_without_end_are_refused_at_once(text, junk):
    with pytest.raises(CertificateError, match=r"line [0-9]+ is "):
        read(text.replace("[3];", junk))


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_a_file_that_cannot_be_read_is_an_error(tmp_path, content):
    path = tmp_path / "bad.v"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(CertificateError, match=r"cannot be read|no text in UTF-8"):
        check_file(path)


# ---------------------------------------------------------------------- what Coq says is assumed


@needs_coq
def test_an_axiom_that_a_theorem_uses_is_found_by_name(theory):
    ran = theory.compile(f"{AXIOM}\nTheorem t : 1 = 2. Proof. destruct cheat. Qed.\nPrint Assumptions t.\n")

    assert ran.objections == []
    assert checking.assumed(ran.output) == ["a theorem assumes cheat"]


def summary_of(folder, text):
    """Return what coqchk objects to in a file that coqc accepts."""
    (folder / "Cheat.v").write_text(text)
    assert checking.compile_file(folder, "Cheat").objections == []
    return checking.summarised(checking.run(["coqchk", "-silent", "-o", "Cheat"], folder, SECONDS).output)


@needs_coq
def test_an_axiom_that_no_theorem_uses_is_found_by_coqchk(tmp_path):
    assert summary_of(tmp_path, AXIOM + "\n") == ["coqchk finds the axiom Cheat.cheat"]


UNCHECKED = {
    "Guard": ("Fixpoint f (n : nat) : False := f n.", "(co)fixpoints"),
    "Positivity": ("Inductive T := C : (T -> False) -> T.", "positivity"),
    "Universe": ("Definition T : Type := Type. Definition U : T := T.", "type-in-type"),
}


@needs_coq
@pytest.mark.parametrize("flag", UNCHECKED)
def test_a_rule_that_was_switched_off_is_found_by_coqchk(tmp_path, flag):
    body, found = UNCHECKED[flag]

    assert any(found in each for each in summary_of(tmp_path, f"Unset {flag} Checking.\n{body}\n"))


@pytest.mark.parametrize("output", ["", "Axioms:\nAxioms:\n", "Closed under the global context\n"])
def test_silence_about_assumptions_is_no_answer(output):
    assert checking.assumed(output)
    assert checking.summarised(output)


# ---------------------------------------------------------------------- the commands


def test_numbers_that_do_not_add_are_rejected_with_the_reason(tmp_path, capsys):
    path = tmp_path / "wrong.v"
    path.write_text(written(replace(default_instance(), network=wrong_network())))

    assert main(["check", str(path)]) == 1
    assert "rejected: in float64 after pair" in capsys.readouterr().out


def test_a_file_that_names_no_format_is_rejected(tmp_path, capsys):
    path = tmp_path / "none.v"
    path.write_text(written(replace(default_instance(), precisions=[])))

    assert main(["check", str(path)]) == 1
    assert "rejected: it names no precision" in capsys.readouterr().out


def test_a_mask_that_lets_a_step_see_more_is_rejected_with_the_position(tmp_path, capsys):
    rows = [list(row) for row in default_instance().visible]
    rows[40] = [5, 39, 40]
    path = tmp_path / "mask.v"
    path.write_text(written(replace(default_instance(), visible=rows)))

    assert main(["check", str(path)]) == 1
    assert "rejected: position 40 sees positions [5, 39, 40]" in capsys.readouterr().out


@pytest.mark.parametrize("certificate", [None, prove(architecture(CANCELLING), precisions=())], ids=["none", "rounds"])
def test_weights_without_a_theorem_are_refused_with_the_reason(tmp_path, monkeypatch, capsys, certificate):
    found = TransitionsProof(accepted=certificate is not None, reason="it is a test", certificate=certificate)
    monkeypatch.setattr("verify.proof.proving.prove_subject", lambda *_args, **_options: found)

    assert main(["prove", "--coq", str(tmp_path / "out.v")]) == 2
    assert "there is no theorem in Coq" in capsys.readouterr().err
    assert not (tmp_path / "out.v").exists()


def test_a_format_that_is_left_out_is_named_with_the_reason_where_the_file_is_written_and_checked(
    tmp_path, monkeypatch, capsys
):
    tensors = INTEGERS | {"attention.out_proj.weight": [(-2, 257), (-2, 0)]}
    found = TransitionsProof(accepted=True, reason="", certificate=prove(architecture(tensors), precisions=()))
    monkeypatch.setattr("verify.proof.proving.prove_subject", lambda *_args, **_options: found)
    path = tmp_path / "out.v"

    main(["prove", "--coq", str(path), "--json", "-"])

    captured = capsys.readouterr()
    json.loads(captured.out)
    said = "output 257 may round: its terms need more than 8 bits"
    assert captured.err == f"{path}: a theorem in float64, float32, float16; without bfloat16, where {said}\n"
    checked = Checked([], read(path.read_text()))
    assert checked.as_json()["left out"] == {"bfloat16": said}
    assert f"without bfloat16, where {said}" in str(checked)


def test_who_accepted_a_certificate_is_coq_only_where_it_ran_and_accepted(monkeypatch):
    certificate = prove(architecture(INTEGERS), precisions=())
    accepted = Checked([], default_instance(), ["coqc 8.16.1", "coqchk 8.16.1"], (4.21, 26.1))
    monkeypatch.setattr(checking, "check_instance", lambda _instance: accepted)

    assert checkers_of(certificate) == [
        {"name": "coqc", "version": "8.16.1", "seconds": 4.2},
        {"name": "coqchk", "version": "8.16.1", "seconds": 26.1},
    ]


def test_where_coq_rejects_what_our_own_checker_accepts_its_reason_is_told_and_the_report_is_not_lost(monkeypatch):
    rejected = Checked(["coqc: Unable to unify"], default_instance())
    monkeypatch.setattr(checking, "check_instance", lambda _instance: rejected)
    monkeypatch.setattr(checking, "version", lambda: "8.16.1")

    assert checkers_of(prove(architecture(INTEGERS), precisions=())) == [
        {"name": "Coq", "version": "8.16.1", "rejected": "coqc: Unable to unify"}
    ]


def test_coq_is_not_named_where_it_is_not_installed_or_has_no_theorem_of_the_weights(monkeypatch):
    assert checkers_of(prove(architecture(CANCELLING), precisions=())) == []

    monkeypatch.setenv("PATH", "")
    assert checkers_of(prove(architecture(INTEGERS), precisions=())) == []


def test_without_coq_the_packages_are_named(monkeypatch):
    monkeypatch.setenv("PATH", "")

    with pytest.raises(CoqMissingError, match="apt-get install coq libcoq-flocq"):
        check_instance(default_instance())


@needs_coq
def test_without_flocq_the_packages_are_named(tmp_path):
    (tmp_path / "Probe.v").write_text("From Flocq Require Import NoSuchFile.\n")

    with pytest.raises(CoqMissingError, match="apt-get install coq libcoq-flocq"):
        checking.compile_file(tmp_path, "Probe")


@needs_coq
def test_coq_is_given_so_much_time_and_no_more(tmp_path):
    (tmp_path / "Slow.v").write_text("Goal True. do 1000000000 idtac. repeat pose 1. exact I. Qed.\n")

    with pytest.raises(CoqTimeoutError, match=r"did not come to an end in 0.2 s"):
        checking.compile_file(tmp_path, "Slow", 0.2)


@needs_coq
def test_what_lies_in_the_users_folder_is_not_read(tmp_path, monkeypatch):
    (tmp_path / "coqrc").write_text("Axiom cheat : False.\n")
    (tmp_path / "Reals.v").write_text("Axiom cheat : False.\n")
    for name in ("COQPATH", "COQLIB", "COQRC", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    flocq = tmp_path / ".local/share/coq/Flocq"  # where Coq looks for a user's own libraries, before its own
    flocq.mkdir(parents=True)
    (flocq / "Core.v").write_text("Definition shadow := 1.\n")
    assert checking.compile_file(flocq, "Core", options=["-R", ".", "Flocq"]).objections == []
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "ours"
    folder.mkdir()
    (folder / "Probe.v").write_text(
        "From Coq Require Import Reals.\nFrom Flocq Require Import Core.\nCheck (R, bpow).\n"
    )

    assert checking.compile_file(folder, "Probe").objections == []
