"""Data sets: what is declared, found, verified and refused."""

import gzip
import hashlib
import io
import os
import pickle
import shutil
import subprocess
import sys
import tarfile

import numpy as np
import pytest
from data_folders import REAL, REPO, needs_real

from optathlon import data
from optathlon.data import access, formats
from optathlon.spec import NeedsData

pytestmark = pytest.mark.usefixtures("own_data_folders")
FILES = [entry for entry in data.DATASETS if entry.kind == "file"]
EMBEDDED = [entry.name for entry in data.DATASETS if entry.kind == "embedded"]


# What is declared ----------------------------------------------------------------------------------------------------


def test_names_and_paths_are_unique():
    names = [entry.name for entry in data.DATASETS]
    paths = [file.path for entry in data.DATASETS for file in entry.files]
    assert len(set(names)) == len(names)
    assert len(set(paths)) == len(paths)
    assert {"digits", "mnist", "fashion_mnist", "cifar10", "cifar10_subset", "boston", "ionosphere", "ecg"} <= set(names)


@pytest.mark.parametrize("entry", data.DATASETS, ids=lambda entry: entry.name)
def test_every_declaration_is_complete(entry):
    assert entry.content
    assert entry.licence
    assert entry.source
    assert entry.citation
    assert len(entry.checksum) == 64
    if entry.kind == "file":
        assert all(len(file.sha256) == 64 and file.size > 0 for file in entry.files)
        assert all(file.urls for file in entry.files) or entry.derive is not None


@needs_real
def test_declared_sums_and_sizes_are_those_of_the_published_list():
    published = dict(line.split()[::-1] for line in (REAL / "SHA256SUMS").read_text().splitlines())
    for entry in FILES:
        for file in entry.files:
            if entry.name != "cifar10":
                assert published.pop(file.path) == file.sha256
                assert (REAL / file.path).stat().st_size == file.size
    assert not published


def test_addresses_of_github_are_pinned_to_a_commit():
    for entry in FILES:
        for url in (url for file in entry.files for url in file.urls if "githubusercontent" in url):
            assert len(url.split("/")[5]) == 40, url


def test_unknown_name_suggests_the_nearest():
    with pytest.raises(ValueError, match="did you mean 'fashion_mnist'"):
        data.load("fashion-mnist")
    with pytest.raises(ValueError, match="there are digits"):
        data.checksum("../../etc/passwd")


def test_import_is_cheap():
    heavy = ("torch", "torchvision", "sklearn", "pandas", "pooch", "scipy")
    code = f"import sys, optathlon.data; print([name for name in {heavy} if name in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], cwd=REPO, capture_output=True, text=True, check=True, timeout=300)
    assert out.stdout.strip() == "[]"


# What is loaded ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "shape", "target"),
    [
        ("digits", (1797, 64), np.int64),
        ("breast_cancer", (569, 30), np.int64),
        ("diabetes", (442, 10), np.float64),
        ("iris", (150, 4), np.int64),
        ("wine", (178, 13), np.int64),
    ],
)
def test_embedded_sets_need_nothing(name, shape, target):
    arrays = data.load(name)
    assert arrays["X"].shape == shape
    assert arrays["X"].dtype == np.float64
    assert arrays["y"].shape == shape[:1]
    assert arrays["y"].dtype == target
    assert arrays["feature_names"].shape == shape[1:]
    assert data.find(name) is None
    arrays["X"][:] = 0  # new arrays at every call
    assert data.load(name)["X"].any()


def test_embedded_set_that_changed_is_refused(monkeypatch):
    import sklearn.datasets

    original = sklearn.datasets.load_iris

    def corrected():
        bunch = original()
        bunch.data[0, 0] += 0.1
        return bunch

    monkeypatch.setattr(sklearn.datasets, "load_iris", corrected)
    access._embedded.cache_clear()
    with pytest.raises(data.CorruptData, match=r"sha256 [0-9a-f]{64}, expected " + data.checksum("iris")):
        data.load("iris")


@needs_real
@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_images_agree_with_a_plain_reading(name, monkeypatch):
    monkeypatch.setenv("OPTATHLON_DATA", str(REAL))
    arrays = data.load(name)
    folder = REAL / ("MNIST" if name == "mnist" else "FashionMNIST") / "raw"
    for split, stem in (("train", "train"), ("test", "t10k")):
        pixels = gzip.decompress((folder / f"{stem}-images-idx3-ubyte.gz").read_bytes())[16:]
        labels = gzip.decompress((folder / f"{stem}-labels-idx1-ubyte.gz").read_bytes())[8:]
        images = arrays[f"{split}_images"]
        assert images.shape[1:] == (28, 28)
        assert images.tobytes() == pixels
        assert arrays[f"{split}_labels"].dtype == np.int64
        assert arrays[f"{split}_labels"].astype(np.uint8).tobytes() == labels


@needs_real
def test_tables_agree_with_pandas(monkeypatch):
    import pandas as pd

    monkeypatch.setenv("OPTATHLON_DATA", str(REAL))
    boston = pd.read_csv(REAL / "tabular/boston.csv")
    arrays = data.load("boston")
    np.testing.assert_array_equal(arrays["X"], boston.iloc[:, :-1].to_numpy(float))
    np.testing.assert_array_equal(arrays["y"], boston["MEDV"])
    ionosphere = data.load("ionosphere")
    assert ionosphere["X"].shape == (351, 34)
    assert np.bincount(ionosphere["y"]).tolist() == [126, 225]
    ljubljana = data.load("breast_cancer_ljubljana")
    table = pd.read_csv(REAL / "tabular/breast_cancer_ljubljana.csv", dtype=str)
    np.testing.assert_array_equal(ljubljana["X"], table.iloc[:, :-1].to_numpy(str))
    assert np.bincount(ljubljana["y"]).tolist() == [201, 85]
    assert (ljubljana["X"] == "?").sum() == 9


@needs_real
def test_ecg_is_in_millivolt(monkeypatch):
    monkeypatch.setenv("OPTATHLON_DATA", str(REAL))
    signal = data.load("ecg")["millivolt"]
    assert signal.shape == (108000,)
    np.testing.assert_allclose([signal.min(), signal.max()], [(327 - 1024) / 200, (1754 - 1024) / 200])


@needs_real
def test_cifar10_subset_is_chosen_again_from_the_batches(monkeypatch):
    """Rebuild batches that hold the known rows; every other row gets a class that is full when its turn comes."""
    monkeypatch.setenv("OPTATHLON_DATA", str(REAL))
    known = data.load("cifar10_subset")
    batches = {f"data_batch_{i}": (np.zeros((1273, 32, 32, 3), np.uint8), np.full(1273, 4)) for i in range(1, 6)}
    for (batch, row), image, label in zip(known["train_source"], known["train_images"], known["train_labels"], strict=True):
        images, labels = batches[f"data_batch_{batch}"]
        images[row], labels[row] = image, label
    test_images, test_labels = np.zeros((1001, 32, 32, 3), np.uint8), np.zeros(1001, int)
    full = np.zeros(10, int)
    sources = set(known["test_source"].tolist())
    for row in range(1001):
        if row in sources:
            position = known["test_source"].tolist().index(row)
            test_images[row], test_labels[row] = known["test_images"][position], known["test_labels"][position]
            full[test_labels[row]] += 1
        else:
            test_labels[row] = full.argmax()  # a row is left out only once its class is full
    batches["test_batch"] = test_images, test_labels
    chosen = formats.select_cifar_subset(batches)
    assert chosen.keys() == known.keys()
    for name, array in known.items():
        np.testing.assert_array_equal(chosen[name], array)
        assert chosen[name].dtype == array.dtype


# What is absent, corrupt or hostile ----------------------------------------------------------------------------------


@pytest.mark.parametrize("entry", FILES, ids=lambda entry: entry.name)
def test_absent_data_names_the_command(entry):
    assert data.find(entry.name) is None
    with pytest.raises(NeedsData, match=f"optathlon data fetch {entry.name}.*OPTATHLON_DATA"):
        data.load(entry.name)
    assert len(data.checksum(entry.name)) == 64


@needs_real
def test_folder_that_lacks_one_of_four_files_counts_as_absent(tmp_path, monkeypatch):
    shutil.copytree(REAL / "MNIST", tmp_path / "MNIST", copy_function=os.symlink)
    (tmp_path / "MNIST/raw/t10k-labels-idx1-ubyte.gz").unlink()
    monkeypatch.setenv("OPTATHLON_DATA", str(tmp_path))
    with pytest.raises(NeedsData):
        data.load("mnist")


@needs_real
def test_wrong_checksum_is_refused_with_both_sums(boston):
    boston.write_bytes(boston.read_bytes().replace(b"0.00632", b"9.00632"))
    found = hashlib.sha256(boston.read_bytes()).hexdigest()
    expected = data.dataset("boston").files[0].sha256
    with pytest.raises(data.CorruptData, match=f"(?s){found}.*{expected}"):
        data.load("boston")


@needs_real
def test_verified_file_is_not_read_again_but_a_changed_one_is(boston, monkeypatch):
    data.load("boston")
    hashed = []
    original = access._sha256
    monkeypatch.setattr(access, "_sha256", lambda path: hashed.append(path) or original(path))
    data.load("boston")
    assert not hashed
    # Same size, modification time set back: the change time gives it away.
    boston.write_bytes(boston.read_bytes().replace(b"0.00632", b"9.00632"))
    os.utime(boston, (1_000_000_000, 1_000_000_000))
    with pytest.raises(data.CorruptData):
        data.load("boston")
    assert hashed


@needs_real
def test_file_written_just_now_is_not_remembered(boston, tmp_path):
    os.utime(boston)
    data.load("boston")
    assert not list((tmp_path / "cache").rglob("*.json"))


@needs_real
def test_cache_that_cannot_be_written_only_costs_time(boston, tmp_path, monkeypatch):
    (tmp_path / "blocked").write_text("a file where the cache should be a folder")
    monkeypatch.setenv("OPTATHLON_CACHE", str(tmp_path / "blocked"))
    assert data.load("boston")["X"].shape == (506, 13)


@needs_real
def test_corrupt_stamp_is_ignored(boston, tmp_path):
    data.load("boston")
    (stamp,) = (tmp_path / "cache/verified").iterdir()
    stamp.write_text("{not json")
    assert data.load("boston")["X"].shape == (506, 13)


@needs_real
def test_rows_and_verify_tell_present_absent_and_corrupt(boston):
    states = {row.name: row.state for row in data.rows()}
    assert states["boston"] == "present"
    assert states["mnist"] == "absent"
    assert states["digits"] == "present"
    boston.write_bytes(b"nothing")
    (row,) = data.verify(["boston"])
    assert row.state == "corrupt"
    assert "expected" in row.note
    assert row.bytes == 41_359


def test_verify_reads_embedded_sets():
    assert [row.state for row in data.verify(EMBEDDED)] == ["verified"] * len(EMBEDDED)


def _idx(shape, values, magic=0x08):
    return gzip.compress(bytes([0, 0, magic, len(shape)]) + np.array(shape, ">u4").tobytes() + values, mtime=0)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (_idx((2, 3), b"\0" * 5), "fewer"),
        (_idx((2, 3), b"\0" * 7), "more"),
        (_idx((4_000_000_000, 3), b"\0" * 6), "header"),
        (_idx((2, 3), b"\0" * 6, magic=0x0D), "header"),
        (_idx((2, 3), b"\0" * 6)[:-9], "damaged"),
        (_idx((2, 3), bytes(6))[:12], "damaged|header"),
        (b"<html>not found</html>", "damaged"),
        (b"", "header|damaged"),
    ],
)
def test_damaged_idx_files_are_refused_in_a_sentence(tmp_path, content, sentence):
    (tmp_path / "file.gz").write_bytes(content)
    with pytest.raises(data.CorruptData, match=sentence):
        formats.read_idx(tmp_path / "file.gz", (2, 3))


def test_good_idx_file_is_read(tmp_path):
    (tmp_path / "file.gz").write_bytes(_idx((2, 3), bytes(range(6))))
    np.testing.assert_array_equal(formats.read_idx(tmp_path / "file.gz", (2, 3)), np.arange(6).reshape(2, 3))


@pytest.mark.parametrize("text", ["", "a,b\n", "a,b\n1,2,3\n", "a,b\n1,x\n", "a,b\n<script>,1\n", "a,b\n\xff,1\n"], ids=range(6))
def test_damaged_tables_are_refused(tmp_path, text):
    (tmp_path / "t.csv").write_bytes(text.encode("latin-1"))
    with pytest.raises(data.CorruptData):
        formats.read_numeric_table(tmp_path / "t.csv")


def test_npz_with_pickled_objects_is_refused(tmp_path):
    np.savez(tmp_path / "objects.npz", a=np.array([{}], dtype=object))
    with pytest.raises(data.CorruptData, match="damaged"):
        formats.read_npz(tmp_path / "objects.npz")
    (tmp_path / "cut.npz").write_bytes((tmp_path / "objects.npz").read_bytes()[:40])
    with pytest.raises(data.CorruptData):
        formats.read_npz(tmp_path / "cut.npz")


def _cifar_archive(path, batch):
    with tarfile.open(path, "w:gz") as archive:
        for name in [f"data_batch_{i}" for i in range(1, 6)] + ["test_batch"]:
            content = pickle.dumps(batch, protocol=2)
            member = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


def test_cifar_archive_is_read(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (7, 3072), dtype=np.uint8)
    _cifar_archive(tmp_path / "c.tar.gz", {b"data": pixels, b"labels": list(range(7))})
    arrays = formats.join_cifar_batches(formats.read_cifar_batches(tmp_path / "c.tar.gz"))
    assert arrays["train_images"].shape == (35, 32, 32, 3)
    assert arrays["test_labels"].tolist() == list(range(7))
    # Channels first, then rows and columns, as on the data set's home page.
    assert arrays["test_images"][3, 5, 9, 2] == pixels[3, 2 * 1024 + 5 * 32 + 9]


class _Hostile:
    def __reduce__(self):
        return os.mkdir, ("run-by-pickle",)


def test_hostile_cifar_archive_runs_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    _cifar_archive(tmp_path / "c.tar.gz", {b"data": _Hostile()})
    with pytest.raises(data.CorruptData, match="arrays only"):
        formats.read_cifar_batches(tmp_path / "c.tar.gz")
    assert not (tmp_path / "run-by-pickle").exists()


# torchvision ---------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_torchvision_is_imported_whatever_it_was_built_for():
    pytest.importorskip("torch")
    code = (
        "from optathlon.data.torchvision_shim import import_torchvision as f; tv = f(); assert f() is tv;"
        "import torchvision.transforms, torchvision.models; print(torchvision.models.resnet18.__name__)"
    )
    out = subprocess.run([sys.executable, "-c", code], cwd=REPO, capture_output=True, text=True, check=True, timeout=300)
    assert out.stdout.strip() == "resnet18"


def test_torchvision_broken_otherwise_is_not_hidden(monkeypatch):
    from optathlon.data import torchvision_shim as _torchvision

    def broken(name):
        raise RuntimeError("libpng is missing")

    monkeypatch.setattr(_torchvision.importlib, "import_module", broken)
    with pytest.raises(RuntimeError, match="libpng"):
        _torchvision.import_torchvision()
