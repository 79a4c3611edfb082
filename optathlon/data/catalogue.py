"""The catalogue: every data set that a suite may name, with its files, checksums, licence and origin."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np

from optathlon.data import formats
from optathlon.data.formats import Arrays

Kind = Literal["embedded", "file"]


@dataclass(frozen=True, kw_only=True)
class DataFile:
    """One file of a data set.

    Attributes
    ----------
    path : str
        Where it lies below the data folder.
    sha256, size : str, int
        Its checksum and its bytes.
    urls : tuple of str
        Public addresses, tried in turn.
    convert : callable, optional
        ``convert(downloaded: bytes) -> bytes`` where the published file differs from ours; the checksum is that of the result.
    """

    path: str
    sha256: str
    size: int
    urls: tuple[str, ...] = ()
    convert: Callable[[bytes], bytes] | None = None


@dataclass(frozen=True, kw_only=True)
class DataSet:
    """A data set: what it holds, whose it is, how it is had.

    Attributes
    ----------
    name, kind : str
        ``"embedded"`` ones come with scikit-learn, ``"file"`` ones lie in a folder.
    content : str
        The arrays that `load` returns, with their shapes.
    licence, source, citation : str
        Under which terms, from where, and what to cite.
    read : callable
        ``read(folder) -> arrays`` once the files are verified; the folder is None for an embedded set.
    files : tuple of DataFile
        Its files; none for an embedded set.
    arrays_sha256 : str
        Checksum of an embedded set's arrays.
    made_from, derive : str, callable
        Where there is no address: the data set it is made from, and ``derive(folder) -> bytes`` of its one file.
    warning : str
        What whoever uses it should know first.
    libraries : tuple of str
        Modules that `read` imports: what a run loads before it starts its cells.
    """

    name: str
    kind: Kind
    content: str
    licence: str
    source: str
    citation: str
    read: Callable[[Path | None], Arrays]
    files: tuple[DataFile, ...] = ()
    arrays_sha256: str = ""
    made_from: str = ""
    derive: Callable[[Path], bytes] | None = None
    warning: str = ""
    libraries: tuple[str, ...] = ()

    @property
    def checksum(self) -> str:
        """Digest of the content; it is known without reading anything, because nothing else is ever loaded."""
        if self.kind == "embedded":
            return self.arrays_sha256
        lines = "".join(f"{file.sha256}  {file.path}\n" for file in self.files)
        return hashlib.sha256(lines.encode()).hexdigest()

    @property
    def size(self) -> int:
        """Bytes of its files."""
        return sum(file.size for file in self.files)


def _read_bundled(loader: str, _: Path | None) -> Arrays:
    """Read a set that scikit-learn bundles; diabetes as published, before scikit-learn's scaling."""
    import sklearn.datasets

    bunch = getattr(sklearn.datasets, loader)(**({"scaled": False} if loader == "load_diabetes" else {}))
    y = bunch.target
    return {
        "X": np.array(bunch.data, np.float64),
        "y": y.astype(np.int64) if y.dtype.kind == "i" else y.astype(np.float64),
        "feature_names": np.array([str(name) for name in bunch.feature_names]),
    }


def _embedded(name: str, content: str, arrays_sha256: str, citation: str) -> DataSet:
    return DataSet(
        name=name,
        kind="embedded",
        content=content,
        licence="CC BY 4.0 (UCI)" if name != "diabetes" else "none stated",
        source=f"sklearn.datasets.load_{name}",
        citation=citation,
        read=partial(_read_bundled, f"load_{name}"),
        arrays_sha256=arrays_sha256,
        libraries=("sklearn.datasets",),
    )


def _in_folder(read: Callable[[Path], Arrays], path: str) -> Callable[[Path | None], Arrays]:
    """Return `read` as a function of the data folder."""

    def read_below(folder: Path | None) -> Arrays:
        assert folder is not None  # only embedded sets have no folder
        return read(folder / path)

    return read_below


_CIFAR_ARCHIVE = "cifar-10-python.tar.gz"
_LJUBLJANA = "tabular/breast_cancer_ljubljana.csv"


def _read_cifar10(path: Path) -> Arrays:
    return formats.join_cifar_batches(formats.read_cifar_batches(path))


def _derive_cifar10_subset(folder: Path) -> bytes:
    """Choose the subset from the archive of cifar10; numpy's archives carry no time, so the bytes can be made again."""
    stream = io.BytesIO()
    subset = formats.select_cifar_subset(formats.read_cifar_batches(folder / _CIFAR_ARCHIVE))
    np.savez_compressed(stream, **subset)  # type: ignore[arg-type]
    return stream.getvalue()


def _read_ecg(path: Path) -> Arrays:
    """Convert the analogue-to-digital converter's counts to millivolt."""
    return {"millivolt": (formats.read_npz(path)["ecg"].astype(np.float64) - 1024) / 200}


def _with_header(header: str) -> Callable[[bytes], bytes]:
    """Return the conversion of a published table: a header line on top, quotes removed, ``nan`` written ``?`` as UCI does."""

    def convert(published: bytes) -> bytes:
        lines = published.decode("utf-8").replace("'", "").replace('"', "").splitlines()
        rows = [",".join("?" if field == "nan" else field for field in line.split(",")) for line in lines if line]
        return "\n".join([header, *rows, ""]).encode()

    return convert


def _image_files(folder: str, mirrors: tuple[str, ...], sums: dict[str, tuple[str, int]]) -> tuple[DataFile, ...]:
    return tuple(
        DataFile(path=f"{folder}/raw/{name}", sha256=sha256, size=size, urls=tuple(mirror + name for mirror in mirrors))
        for name, (sha256, size) in sums.items()
    )


_IMAGES = "train_images (60000, 28, 28) and test_images (10000, 28, 28) uint8, train_labels and test_labels int64"
_TABLES = "https://raw.githubusercontent.com/jbrownlee/Datasets/d20fcb6402ae34e653d4513b00f39257bb37ed7f/"

DATASETS: tuple[DataSet, ...] = (
    _embedded(
        "digits",
        "X (1797, 64) float64 in 0 to 16, y (1797,) int64",
        "2313d9e4d33b3f5c0e68709f67106f177e2ecab557d1dfa334db473fac4eb536",
        "Alpaydin and Kaynak, Optical Recognition of Handwritten Digits, UCI, 1998",
    ),
    _embedded(
        "breast_cancer",
        "X (569, 30) float64, y (569,) int64, 1 benign",
        "e2e5524b44924c32c852d5bd7abd92340c3188fc8f96ba01cecc8753fc047af0",
        "Wolberg, Mangasarian, Street and Street, Breast Cancer Wisconsin (Diagnostic), UCI, 1993",
    ),
    _embedded(
        "diabetes",
        "X (442, 10) float64 as published (scikit-learn scales it by default), y (442,) float64",
        "9bcf36cb3e69c553be50771920f082cf23af9f928fbe13f321f33c658b245715",
        "Efron, Hastie, Johnstone and Tibshirani, Least angle regression, 2004",
    ),
    _embedded(
        "iris",
        "X (150, 4) float64 in cm, y (150,) int64",
        "b2063e1e5676b99e0005257890b83b209d0bcdb4e814de3ff29e4bcc67640646",
        "Fisher, The use of multiple measurements in taxonomic problems, 1936",
    ),
    _embedded(
        "wine",
        "X (178, 13) float64, y (178,) int64",
        "ef814a8d1dec853cea8b7f8bda48088971ec0bfc870898d397569f2b6ea68e0a",
        "Aeberhard and Forina, Wine, UCI, 1991",
    ),
    DataSet(
        name="mnist",
        kind="file",
        content=_IMAGES,
        licence="CC BY-SA 3.0 (as tf.keras states; copyright Yann LeCun and Corinna Cortes)",
        source="the four original IDX files, as torchvision downloads them",
        citation="LeCun, Bottou, Bengio and Haffner, Gradient-based learning applied to document recognition, 1998",
        read=_in_folder(formats.read_images, "MNIST/raw"),
        files=_image_files(
            "MNIST",
            (
                "https://ossci-datasets.s3.amazonaws.com/mnist/",
                "https://storage.googleapis.com/cvdf-datasets/mnist/",
            ),
            {
                "train-images-idx3-ubyte.gz": (
                    "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
                    9_912_422,
                ),
                "train-labels-idx1-ubyte.gz": (
                    "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
                    28_881,
                ),
                "t10k-images-idx3-ubyte.gz": (
                    "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
                    1_648_877,
                ),
                "t10k-labels-idx1-ubyte.gz": (
                    "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
                    4_542,
                ),
            },
        ),
    ),
    DataSet(
        name="fashion_mnist",
        kind="file",
        content=_IMAGES,
        licence="MIT, copyright 2017 Zalando SE",
        source="the four original IDX files, as torchvision downloads them",
        citation="Xiao, Rasul and Vollgraf, Fashion-MNIST, arXiv:1708.07747",
        read=_in_folder(formats.read_images, "FashionMNIST/raw"),
        files=_image_files(
            "FashionMNIST",
            (
                "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/"
                "b2617bb6d3ffa2e429640350f613e3291e10b141/data/fashion/",
            ),
            {
                "train-images-idx3-ubyte.gz": (
                    "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
                    26_421_880,
                ),
                "train-labels-idx1-ubyte.gz": (
                    "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
                    29_515,
                ),
                "t10k-images-idx3-ubyte.gz": (
                    "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
                    4_422_102,
                ),
                "t10k-labels-idx1-ubyte.gz": (
                    "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
                    5_148,
                ),
            },
        ),
    ),
    DataSet(
        name="cifar10",
        kind="file",
        content="train_images (50000, 32, 32, 3) and test_images (10000, 32, 32, 3) uint8, train_labels and test_labels int64",
        licence="none stated",
        source="the Python archive of the home page, as torchvision downloads it",
        citation="Krizhevsky, Learning multiple layers of features from tiny images, 2009",
        read=_in_folder(_read_cifar10, _CIFAR_ARCHIVE),
        files=(
            DataFile(
                path=_CIFAR_ARCHIVE,
                sha256="6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
                size=170_498_071,
                urls=("https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",),
            ),
        ),
    ),
    DataSet(
        name="cifar10_subset",
        kind="file",
        content="as cifar10 with 5000 training and 870 test images, classes balanced; train_source, test_source: their rows",
        licence="none stated",
        source="chosen from cifar10 by formats.select_cifar_subset",
        citation="Krizhevsky, Learning multiple layers of features from tiny images, 2009",
        read=_in_folder(formats.read_npz, "cifar10_subset/cifar10_subset.npz"),
        files=(
            DataFile(
                path="cifar10_subset/cifar10_subset.npz",
                sha256="ef53ccc76333faf6e111423f535bbb8353aab945f617e72fbf2603f525965348",
                size=16_622_013,
            ),
        ),
        made_from="cifar10",
        derive=_derive_cifar10_subset,
    ),
    DataSet(
        name="boston",
        kind="file",
        content="X (506, 13) float64, y (506,) float64 in 1000 dollars. Column B encodes race: for reproduction only",
        licence="none stated",
        source="housing.csv of jbrownlee/Datasets, a header line added",
        citation="Harrison and Rubinfeld, Hedonic housing prices and the demand for clean air, 1978",
        warning="one of its columns is made from the share of Black residents, on the assumption that segregation raises prices; "
        "scikit-learn removed it for that. It is here only because the paper's table reports it; do not start new work on it.",
        read=_in_folder(formats.read_numeric_table, "tabular/boston.csv"),
        files=(
            DataFile(
                path="tabular/boston.csv",
                sha256="ebf8b4a9ceaf375f9591be7b862b3eafc6efc952251e77f09dd6c2df9e216ba0",
                size=41_359,
                urls=(_TABLES + "housing.csv",),
                convert=_with_header("CRIM,ZN,INDUS,CHAS,NOX,RM,AGE,DIS,RAD,TAX,PTRATIO,B,LSTAT,MEDV"),
            ),
        ),
    ),
    DataSet(
        name="breast_cancer_ljubljana",
        kind="file",
        content="X (286, 9) categories as text, '?' where missing, y (286,) int64, 1 recurrence",
        licence="none stated; the citation is asked for",
        source="breast-cancer.csv of jbrownlee/Datasets, a header line added, quotes removed, missing values written '?'",
        citation="This breast cancer domain was obtained from the University Medical Centre, Institute of Oncology, Ljubljana,"
        " Yugoslavia. Thanks go to M. Zwitter and M. Soklic for providing the data.",
        read=_in_folder(partial(formats.read_categorical_table, positive="recurrence-events"), _LJUBLJANA),
        files=(
            DataFile(
                path=_LJUBLJANA,
                sha256="f24ae5f550538567f18c06e61fc76fdd2fe3135d0b513f31c77d5d3c106d8442",
                size=18_743,
                urls=(_TABLES + "breast-cancer.csv",),
                convert=_with_header("age,menopause,tumor-size,inv-nodes,node-caps,deg-malig,breast,breast-quad,irradiat,class"),
            ),
        ),
    ),
    DataSet(
        name="ionosphere",
        kind="file",
        content="X (351, 34) float64, y (351,) int64, 1 good",
        licence="none stated",
        source="ionosphere.csv of jbrownlee/Datasets, a header line added",
        citation="Sigillito, Wing, Hutton and Baker, Classification of radar returns from the ionosphere, 1989",
        read=_in_folder(partial(formats.read_numeric_table, positive="g"), "tabular/ionosphere.csv"),
        files=(
            DataFile(
                path="tabular/ionosphere.csv",
                sha256="1fc408aa183e7f307eeb4294f86d1eedd9d36f7a9a80fe24af9bdb390415c024",
                size=76_600,
                urls=(_TABLES + "ionosphere.csv",),
                convert=_with_header(",".join([f"V{i}" for i in range(1, 35)] + ["class"])),
            ),
        ),
    ),
    DataSet(
        name="ecg",
        kind="file",
        content="millivolt (108000,) float64, sampled at 360 Hz",
        licence="PhysioNet (an open-data catalogue lists it under ODC PDDL 1.0)",
        source="MIT-BIH Arrhythmia Database record 208, lead MLII, 19:35 to 24:35, as scipy.datasets downloads it",
        citation="Moody and Mark, The impact of the MIT-BIH Arrhythmia Database, 2001; Goldberger et al., PhysioBank, 2000",
        read=_in_folder(_read_ecg, "ecg/ecg.dat"),
        files=(
            DataFile(
                path="ecg/ecg.dat",
                sha256="f20ad3365fb9b7f845d0e5c48b6fe67081377ee466c3a220b7f69f35c8958baf",
                size=119_035,
                urls=("https://raw.githubusercontent.com/scipy/dataset-ecg/e35b2263c86aff8f8a3aa7c3eb3d90f2b07c70d2/ecg.dat",),
            ),
        ),
    ),
)
