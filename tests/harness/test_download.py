"""Fetching data sets, from a server on the loopback interface or a folder. No test uses the network."""

import hashlib
import shutil
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
from data_folders import REAL, needs_real

from optathlon import data
from optathlon.data.catalogue import DataFile

pytestmark = pytest.mark.usefixtures("own_data_folders")


@pytest.fixture
def server(tmp_path):
    """Serve the folder `www` on the loopback interface."""
    (tmp_path / "www").mkdir()

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path / "www"))) as http:
        threading.Thread(target=http.serve_forever, daemon=True).start()
        yield tmp_path / "www", f"http://127.0.0.1:{http.server_port}"
        http.shutdown()


def _left(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


@needs_real
def test_fetch_from_a_local_mirror(server):
    www, address = server
    (www / "tabular").mkdir()
    shutil.copyfile(REAL / "tabular/boston.csv", www / "tabular/boston.csv")
    told = []
    folder = data.fetch("boston", mirror=address, report=told.append)
    assert told
    assert data.find("boston") == folder
    assert data.load("boston")["X"].shape == (506, 13)
    (www / "tabular/boston.csv").unlink()
    assert data.fetch("boston", mirror=address) == folder  # what is there is not downloaded again


@needs_real
def test_fetch_from_a_file_address():
    data.fetch("mnist", mirror=REAL.resolve().as_uri())
    assert data.load("mnist")["train_images"].shape == (60000, 28, 28)


@needs_real
@pytest.mark.parametrize("name", ["boston", "ionosphere", "breast_cancer_ljubljana"])
def test_published_tables_are_converted_to_ours(name):
    """The published forms lack the header; Ljubljana's has quotes and writes nan."""
    (file,) = data.dataset(name).files
    published = "".join((REAL / file.path).read_text().splitlines(keepends=True)[1:])
    if name == "breast_cancer_ljubljana":
        lines = [",".join("nan" if f == "?" else f"'{f}'" for f in line.split(",")) for line in published.splitlines()]
        published = "\r\n".join(lines)
    assert file.convert is not None
    assert hashlib.sha256(file.convert(published.encode())).hexdigest() == file.sha256


@pytest.mark.parametrize("content", [b"<html>moved</html>", b""])
def test_broken_download_leaves_nothing(server, content, tmp_path):
    www, address = server
    (www / "tabular").mkdir()
    (www / "tabular/boston.csv").write_bytes(content)
    with pytest.raises(data.FetchFailed, match=r"sha256 [0-9a-f]{64}, expected ebf8b4a9"):
        data.fetch("boston", mirror=address)
    assert not _left(tmp_path / "cache")


def test_absent_address_says_what_to_do(server, tmp_path):
    _, address = server
    with pytest.raises(data.FetchFailed, match=r"(?s)OPTATHLON_DATA.*optathlon data verify ecg.*404"):
        data.fetch("ecg", mirror=address)
    with pytest.raises(data.FetchFailed, match="No such file"):
        data.fetch("ecg", mirror="file:///nowhere")
    assert not _left(tmp_path / "cache")


def test_second_address_is_tried(server, tmp_path):
    from optathlon.data.download import fetch_file

    www, address = server
    (www / "good").write_bytes(b"right")
    (www / "bad").write_bytes(b"wrong")
    urls = (f"{address}/absent", f"{address}/bad", f"{address}/good")
    fetch_file("toy", hashlib.sha256(b"right").hexdigest(), urls, tmp_path / "out/toy", size=5)
    assert (tmp_path / "out/toy").read_bytes() == b"right"
    assert len(_left(tmp_path / "out")) == 1


def test_no_network_is_told_in_a_sentence(monkeypatch, tmp_path):
    file = DataFile(path="toy", sha256="0" * 64, size=1, urls=("http://127.0.0.1:9/toy",))
    from optathlon.data.download import fetch_file

    with pytest.raises(data.FetchFailed, match="toy could not be downloaded"):
        fetch_file("toy", file.sha256, file.urls, tmp_path / "toy", size=file.size)


@needs_real
def test_fetch_replaces_a_corrupt_file(boston, monkeypatch):
    boston.write_bytes(b"torn")
    data.fetch("boston", boston.parents[1], mirror=REAL.resolve().as_uri())
    assert data.load("boston")["X"].shape == (506, 13)


def test_fetch_of_an_embedded_set_needs_nothing():
    assert data.fetch("digits") is None
