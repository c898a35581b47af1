"""A file appears whole or not at all, a device stays a device, and nothing that never ends is read."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from tests.mutation import ROOT
from verify import subject
from verify.errors import SubjectNotFoundError
from verify.files import Scratch, check_writable, read_bytes, remove_folder, sweep, write_text


@pytest.fixture
def fifo(tmp_path):
    os.mkfifo(tmp_path / "pipe.py")
    return tmp_path / "pipe.py"


class TestWriting:
    def test_a_regular_file_is_replaced(self, tmp_path):
        file = tmp_path / "result.json"
        file.write_text("before")
        write_text(file, "after")
        assert (file.read_text(), [*tmp_path.iterdir()]) == ("after", [file])

    def test_what_a_link_names_is_replaced_and_not_the_link(self, tmp_path):
        (tmp_path / "link").symlink_to(tmp_path / "file")
        write_text(tmp_path / "link", "text")
        assert (tmp_path / "link").is_symlink()
        assert (tmp_path / "file").read_text() == "text"

    @pytest.mark.parametrize("through", ["itself", "a link"])
    def test_a_device_is_written_through(self, tmp_path, through):
        device = tmp_path / "null"
        device.symlink_to("/dev/null")
        write_text(device if through == "a link" else Path("/dev/null"), "gone")
        assert stat.S_ISCHR(device.stat().st_mode)

    @pytest.mark.skipif(not os.access("/dev/shm", os.W_OK), reason="no files in memory are to be had")
    def test_a_file_in_memory_among_devices_is_replaced(self):
        with tempfile.NamedTemporaryFile(dir="/dev/shm") as file:
            for text in ("first", "second"):
                write_text(Path(file.name), text)
            assert Path(file.name).read_text() == "second"

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root makes devices")
    def test_a_device_in_a_folder_of_ours_stays_one(self, tmp_path):
        os.mknod(tmp_path / "null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
        write_text(tmp_path / "null", "gone")
        assert stat.S_ISCHR((tmp_path / "null").stat().st_mode)

    def test_a_full_disk_is_told_as_one_and_leaves_nothing(self, tmp_path):
        (tmp_path / "full").symlink_to("/dev/full")
        with pytest.raises(OSError, match="No space left on device"):
            write_text(tmp_path / "full", "text")
        assert [*tmp_path.iterdir()] == [tmp_path / "full"]

    def test_what_fails_names_the_file_that_was_asked_for(self, tmp_path, monkeypatch):
        def fail(*_):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(Path, "replace", fail)
        with pytest.raises(OSError, match=r"No space left on device: '.*/result\.json'$"):
            write_text(tmp_path / "result.json", "text")
        assert [*tmp_path.iterdir()] == []

    def test_a_pipe_is_written_to_where_somebody_reads(self, fifo):
        got = []
        reader = threading.Thread(target=lambda: got.append(fifo.read_text()))
        reader.start()
        while not got:
            try:
                write_text(fifo, "text")
                break
            except OSError:  # nobody reads yet
                continue
        reader.join(600)
        assert got == ["text"]
        assert stat.S_ISFIFO(fifo.stat().st_mode)

    def test_a_pipe_that_nobody_reads_is_refused_at_once(self, fifo):
        with pytest.raises(OSError, match="No such device or address"):
            write_text(fifo, "text")
        assert stat.S_ISFIFO(fifo.stat().st_mode)

    def test_stdout_is_written_to_behind_what_is_there(self, tmp_path):
        code = (
            f"import sys; sys.path.insert(0, {str(ROOT)!r}); from pathlib import Path\n"
            "from verify.files import write_text\n"
            "print('first', flush=True); write_text(Path('/dev/stdout'), 'second\\n'); print('third')"
        )
        with (tmp_path / "out").open("a") as out:
            subprocess.run([sys.executable, "-c", code], stdout=out, check=True)
        assert (tmp_path / "out").read_text() == "first\nsecond\nthird\n"

    def test_a_folder_is_refused_before_any_work(self, tmp_path):
        with pytest.raises(IsADirectoryError, match="it is a folder; name a file"):
            check_writable(tmp_path)
        check_writable(Path("/dev/null"))
        check_writable(tmp_path / "new.json")


class TestReading:
    def test_a_file_is_read(self, tmp_path):
        (tmp_path / "file").write_bytes(b"12345")
        assert read_bytes(tmp_path / "file", 5) == b"12345"

    def test_a_larger_one_is_refused(self, tmp_path):
        (tmp_path / "file").write_bytes(b"12345")
        with pytest.raises(OSError, match="it holds more than 4 bytes"):
            read_bytes(tmp_path / "file", 4)

    @pytest.mark.parametrize(("path", "kind"), [("/dev/zero", "a device"), ("/", "a folder")])
    def test_what_never_ends_is_refused_at_once(self, path, kind):
        with pytest.raises(OSError, match=f"it is {kind}, and no regular file"):
            read_bytes(Path(path), 10)

    def test_a_pipe_is_refused_at_once(self, fifo):
        with pytest.raises(OSError, match="it is a pipe, and no regular file"):
            read_bytes(fifo, 10)


class TestSubjects:
    def test_a_pipe_is_no_subject(self, fifo):
        with pytest.raises(SubjectNotFoundError, match="is no adder's file: it is a pipe"):
            subject.load(str(fifo))

    @pytest.mark.parametrize("name", ["adder.py", "weights.pt"])
    def test_nor_is_what_leads_to_a_device(self, tmp_path, name):
        (tmp_path / name).symlink_to("/dev/zero")
        with pytest.raises(SubjectNotFoundError, match=r"is no (adder's|Python) file"):
            subject.load(str(tmp_path / name))

    def test_nor_is_a_file_of_any_size(self, tmp_path):
        with (tmp_path / "adder.py").open("wb") as file:
            file.truncate(1 << 40)
        with pytest.raises(SubjectNotFoundError, match="it holds more than 16,777,216 bytes"):
            subject.load(str(tmp_path / "adder.py"))

    def test_a_folder_is_looked_through_without_waiting(self, tmp_path, fifo):
        (tmp_path / "zero.py").symlink_to("/dev/zero")
        (tmp_path / "mine.py").write_text("def build_model():\n    pass\n")
        assert subject.loading.locate(str(tmp_path)).path == tmp_path / "mine.py"


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


class TestScratch:
    def test_it_goes_with_its_block(self, place):
        with Scratch() as folder:
            (folder / "inner").mkdir()
            assert [*place.iterdir()] == [folder]
        assert [*place.iterdir()] == []

    def test_one_that_is_in_use_is_not_swept(self, place):
        with Scratch() as one, Scratch() as other:
            sweep(place)
            assert one.is_dir()
            assert other.is_dir()

    def test_the_next_run_sweeps_that_of_a_process_that_was_killed(self, place):
        code = (
            f"import sys, tempfile; sys.path.insert(0, {str(ROOT)!r}); tempfile.tempdir = {str(place)!r}\n"
            "from verify.files import Scratch\nkept = Scratch(); print('made', flush=True); sys.stdin.read()"
        )
        with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            assert process.stdout.readline() == b"made\n"
            process.send_signal(signal.SIGKILL)
        assert len([*place.iterdir()]) == 1
        with Scratch() as folder:
            assert [*place.iterdir()] == [folder]

    def test_what_a_link_leads_to_is_not_swept(self, place, tmp_path_factory):
        elsewhere = tmp_path_factory.mktemp("elsewhere")
        (elsewhere / "kept.txt").touch()
        (place / "adder-scratch-link").symlink_to(elsewhere)
        sweep(place)
        assert (elsewhere / "kept.txt").exists()

    def test_links_in_it_are_removed_and_not_followed(self, tmp_path):
        (tmp_path / "kept").mkdir()
        (tmp_path / "kept" / "file").touch()
        (tmp_path / "scratch" / "deep").mkdir(parents=True)
        (tmp_path / "scratch" / "deep" / "link").symlink_to(tmp_path / "kept")
        remove_folder(tmp_path / "scratch")
        assert [path.name for path in tmp_path.rglob("*")] == ["kept", "file"]
