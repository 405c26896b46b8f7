# SPDX-License-Identifier: MIT
import dataclasses
import hashlib
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from idx_files import TRAIN, write_data_set, write_idx

from ns3kan.bridge.images.datasets import load_images
from ns3kan.bridge.images.download import FILES, SOURCES, Source, fetch, import_files
from ns3kan.bridge.images.errors import ImageDataError


class Server(ThreadingHTTPServer):
    """Serves a folder; files named in ``cut`` break off half way, or, stalled, go on no more."""

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.folder = folder
        self.cut: set[str] = set()
        self.stall = False
        self.half_sent = threading.Event()
        self.end = threading.Event()
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        name = self.path.rsplit("/", 1)[1]
        self.server.asked.append(self.path)
        path = self.server.folder / name
        if self.path.startswith("/gone/") or not path.is_file():
            self.send_error(404)
            return
        data = path.read_bytes()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data[: len(data) // 2] if name in self.server.cut else data)
        if self.server.stall:
            self.wfile.flush()
            self.server.half_sent.set()
            self.server.end.wait(timeout=60)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(write_data_set(tmp_path / "served", zipped=True))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield server
    server.end.set()
    server.shutdown()
    server.server_close()
    thread.join(timeout=10)


def source_of(server: Server, *paths: str) -> Source:
    digests = [hashlib.sha256((server.folder / file).read_bytes()).hexdigest() for file in FILES]
    urls = tuple(server.url + path for path in paths or ("/data/",))
    return Source(urls, digests, {"train": 48, "test": 10})


def test_fetches_all_files(server: Server, tmp_path: Path) -> None:
    lines: list[str] = []
    folder = fetch("mnist", tmp_path / "data", source=source_of(server), tell=lines.append)
    assert folder == tmp_path / "data" / "mnist"
    assert sorted(path.name for path in folder.iterdir()) == sorted(FILES)
    assert len(lines) == 4
    assert len(load_images("mnist", "test", tmp_path / "data")) == 10
    # What is there and right is not fetched again; what is damaged is.
    server.asked.clear()
    fetch("mnist", tmp_path / "data", source=source_of(server))
    assert server.asked == []
    (folder / FILES[1]).write_bytes(b"damaged")
    fetch("mnist", tmp_path / "data", source=source_of(server))
    assert server.asked == [f"/data/{FILES[1]}"]


def test_the_next_mirror_is_tried(server: Server, tmp_path: Path) -> None:
    folder = fetch("mnist", tmp_path / "data", source=source_of(server, "/gone/", "/data/"))
    assert len(list(folder.iterdir())) == 4
    assert len(server.asked) == 8


def test_broken_download_leaves_no_half_file(server: Server, tmp_path: Path) -> None:
    server.cut.add(FILES[0])
    with pytest.raises(ImageDataError, match=f"{FILES[0]} of mnist could not be fetched.*mirror"):
        fetch("mnist", tmp_path / "data", source=source_of(server))
    assert list((tmp_path / "data" / "mnist").iterdir()) == []


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupted_download_leaves_no_half_file(
    server: Server, tmp_path: Path, number: signal.Signals, status: int
) -> None:
    server.cut.add(FILES[0])
    server.stall = True
    command = [sys.executable, "-m", "ns3kan.cli", "data", "fetch", "mnist"]
    with subprocess.Popen(
        [*command, "--data-dir", str(tmp_path / "data"), "--url", server.url],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    ) as process:
        try:
            assert server.half_sent.wait(timeout=60)
            process.send_signal(number)
            _, errors = process.communicate(timeout=30)
        finally:
            process.kill()
    assert process.returncode == status
    assert errors == b""
    assert list((tmp_path / "data" / "mnist").iterdir()) == []


def test_another_file_is_refused(server: Server, tmp_path: Path) -> None:
    # The server's files are not the published ones.
    with pytest.raises(ImageDataError, match=r"could not be fetched.*hash"):
        fetch("mnist", tmp_path / "data", url=f"{server.url}/data")
    assert list((tmp_path / "data" / "mnist").iterdir()) == []


def test_counts_are_checked(server: Server, tmp_path: Path) -> None:
    wrong = dataclasses.replace(source_of(server), counts={"train": 60_000, "test": 10_000})
    with pytest.raises(ImageDataError, match=r"shape \(48, 28, 28\) instead of \(60000, 28, 28\)"):
        fetch("mnist", tmp_path / "data", source=wrong)


def test_published_files() -> None:
    digests = [digest for source in SOURCES.values() for digest in source.sha256]
    assert len(set(digests)) == 8
    assert all(len(bytes.fromhex(digest)) == 32 for digest in digests)
    assert FILES[0] == "train-images-idx3-ubyte.gz"
    assert FILES[3] == "t10k-labels-idx1-ubyte.gz"


@pytest.mark.parametrize("zipped", [False, True])
def test_import(tmp_path: Path, zipped: bool) -> None:
    origin = write_data_set(tmp_path / "fashion-mnist", zipped=zipped)
    lines: list[str] = []
    folder = import_files(origin, data_dir=tmp_path / "data", tell=lines.append)
    assert folder == tmp_path / "data" / "fashion-mnist"
    assert lines == [
        "fashion-mnist train: 48 images of 28 × 28 pixels",
        "fashion-mnist test: 10 images of 28 × 28 pixels",
    ]
    for path in origin.iterdir():
        assert (folder / path.name).read_bytes() == path.read_bytes()
    assert len(list(folder.iterdir())) == 4


def test_import_of_bad_files_changes_nothing(tmp_path: Path) -> None:
    origin = write_data_set(tmp_path / "mnist")
    images, labels = (origin / name for name in TRAIN)
    swapped = images.read_bytes()
    images.write_bytes(labels.read_bytes())
    labels.write_bytes(swapped)
    with pytest.raises(ImageDataError, match="are files swapped"):
        import_files(origin, data_dir=tmp_path / "data")
    assert not (tmp_path / "data").exists()
    images.unlink()
    with pytest.raises(ImageDataError, match="There is no train-images"):
        import_files(origin, data_dir=tmp_path / "data")


def test_import_asks_for_what_is_unclear(tmp_path: Path) -> None:
    origin = write_data_set(tmp_path / "downloads")
    with pytest.raises(ImageDataError, match="no data set 'downloads' of IDX files, only mnist"):
        import_files(origin, data_dir=tmp_path / "data")
    with pytest.raises(ImageDataError, match="digits come with scikit-learn"):
        fetch("digits", tmp_path)
    with pytest.raises(ImageDataError, match="is no folder"):
        import_files(origin / TRAIN[0], "mnist")
    import_files(origin, "mnist", tmp_path / "data")
    with pytest.raises(ImageDataError, match="is the data folder itself"):
        import_files(tmp_path / "data" / "mnist", data_dir=tmp_path / "data")


def test_plain_and_gzipped_are_not_mixed(tmp_path: Path, server: Server) -> None:
    import_files(write_data_set(tmp_path / "a"), "mnist", tmp_path / "data")
    zipped = write_data_set(tmp_path / "b", zipped=True)
    with pytest.raises(ImageDataError, match=r"is there already, .* remove it first"):
        import_files(zipped, "mnist", tmp_path / "data")
    with pytest.raises(ImageDataError, match=r"is there already, .* remove it first"):
        fetch("mnist", tmp_path / "data", source=source_of(server))


def test_import_over_older_files(tmp_path: Path) -> None:
    origin = write_data_set(tmp_path / "mnist")
    import_files(origin, data_dir=tmp_path / "data")
    write_idx(origin / TRAIN[1], np.full(48, 7, dtype=np.uint8))
    import_files(origin, data_dir=tmp_path / "data")
    assert set(load_images("mnist", "train", tmp_path / "data").labels.tolist()) == {7}
