# SPDX-License-Identifier: MIT
"""What scenarios write of flows, and files in ns-3's own formats."""

from __future__ import annotations

import os
import struct
import subprocess
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from small_disk import fill, small_disk

from ns3kan.analysis.comparison.simulate import read_intervals
from ns3kan.bridge.ns3.installed import installed_file, scenario_path
from ns3kan.bridge.ns3.parallel_paths import topology_path

FLOW_PORT = 9
SHORT = ("--duration=20", "--simSeed=3", "--controller=equal")
# A fabric of two hosts, over in no time.
FABRIC = (
    *("--leaves=2", "--spines=1", "--hosts=1", "--controller=ecmp"),
    *("--flowSizes=constant", "--meanFlowSize=2000", "--warmup=1ms", "--duration=8ms"),
)


class Packet(NamedTuple):
    """A packet of a pcap file: what identifies it, without its addresses."""

    time: int  # us
    length: int  # IP [byte]
    source_port: int
    destination_port: int


def read_pcap(path: Path) -> list[Packet]:
    data = path.read_bytes()
    magic, *_, link = struct.unpack_from("<IHHiIII", data)
    assert (magic, link) == (0xA1B2C3D4, 9)  # microseconds, PPP
    packets, offset = [], 24
    while offset < len(data):
        seconds, micros, captured, _ = struct.unpack_from("<IIII", data, offset)
        offset += 16
        (length,) = struct.unpack_from(">H", data, offset + 4)
        ports = struct.unpack_from(">HH", data, offset + 22)
        packets.append(Packet(1_000_000 * seconds + micros, length, *ports))
        offset += captured
    return packets


def run(*arguments: str, folder: Path, scenario: str = "sdwan") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [scenario_path(scenario), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=folder,
        check=False,
    )


def flows(*arguments: str, folder: Path, scenario: str = "sdwan") -> pd.DataFrame:
    done = run(*SHORT, "--flows=flows.csv", *arguments, folder=folder, scenario=scenario)
    assert done.returncode == 0, done.stderr
    return read_intervals(folder / "flows.csv")


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_flows_end_with_all_their_bytes(tmp_path: Path, transport: str) -> None:
    table = flows(f"--transport={transport}", folder=tmp_path)
    first, header = (tmp_path / "flows.csv").read_text().splitlines()[:2]
    assert first == "# units: 1,1,1,s,s,1,byte,byte,packet,packet"
    assert header.startswith("flow,source_port,path,start,end,completed,size,delivered")
    ended = table[table["completed"] == 1]
    assert len(ended) > 100
    assert ended["end"].is_monotonic_increasing
    assert (table["end"] >= table["start"]).all()
    assert sorted(table["flow"]) == list(range(1, len(table) + 1))
    assert set(table["path"]) == {0, 1}
    if transport == "tcp":
        assert (ended["delivered"] == ended["size"]).all()
        assert (table["delivered"] <= table["size"]).all()
    else:
        # Each packet of 1,222 bytes, but the last, was delivered or lost.
        np.testing.assert_array_equal(ended["received"] + ended["lost"], -(-ended["size"] // 1222))
        whole = ended["lost"] == 0
        assert (ended["delivered"] == ended["size"])[whole].all()
        assert (ended["delivered"] < ended["size"])[~whole].all()
        # A flow sends at 500 kbit/s, and no packet is faster than its path.
        least = (ended["size"] - 1222).clip(lower=0) * 8 / 500e3 + 0.010
        assert (ended["end"] - ended["start"] >= least)[whole].all()


def test_flows_and_intervals_tell_of_the_same_bytes(tmp_path: Path) -> None:
    table = flows("--intervals=out.csv", folder=tmp_path)
    intervals = read_intervals(tmp_path / "out.csv")
    # What was delivered before the first decision at 3 s is in no row; it is at most what arrived.
    delivered = intervals["goodput"].sum() * 0.5 / 8
    total = table["delivered"].sum()
    early = table.loc[table["start"] < 3, "size"].sum()
    assert total - early <= delivered <= total


def test_flow_monitor_counts_the_same(tmp_path: Path) -> None:
    table = flows("--flowMonitor=monitor.xml", "--internetLoss=0.02", folder=tmp_path)
    root = ElementTree.parse(tmp_path / "monitor.xml").getroot()
    classes = root.findall("Ipv4FlowClassifier/Flow")
    ports = {
        entry.get("flowId"): int(entry.get("sourcePort") or 0)
        for entry in classes
        if int(entry.get("destinationPort") or 0) == FLOW_PORT
    }
    stats = {
        ports[entry.get("flowId")]: entry
        for entry in root.findall("FlowStats/Flow")
        if entry.get("flowId") in ports
    }
    assert len(stats) == len(table)
    compared = 0
    for row in table.itertuples():
        entry = stats[int(row.source_port)]
        received, sent = int(entry.get("rxPackets", -1)), int(entry.get("txPackets", -1))
        # The 28 bytes of IPv4 and UDP are in FlowMonitor's count.
        assert int(entry.get("rxBytes", -1)) == row.delivered + 28 * row.received
        assert received == row.received
        if row.completed:
            assert sent == row.received + row.lost
            compared += 1
    assert compared > 100
    assert table["lost"].sum() > 20


def test_captured_packets_are_those_counted(tmp_path: Path) -> None:
    # So light a load that no probe is lost before a link.
    quiet = ("--crossSources=0", "--maxLoad=3Mbps")
    table = flows("--pcap=link", *quiet, folder=tmp_path)
    for index, name in enumerate(("mpls", "internet")):
        arrived = [
            packet
            for packet in read_pcap(tmp_path / f"link-{name}-far.pcap")
            if packet.destination_port == FLOW_PORT
        ]
        received = table.loc[table["path"] == index, "received"].sum()
        # At the end a packet may be between the end of the path and the receiver.
        assert received <= len(arrived) <= received + 1
        sent = read_pcap(tmp_path / f"link-{name}-near.pcap")
        # Probes: 20 a second from the start on.
        probes = [packet for packet in sent if packet.length == 64]
        assert abs(len(probes) - 20 * 23) <= 1


def test_the_minimal_program_moves_the_same_packets(tmp_path: Path) -> None:
    # Two programs that share no code but ns-3 send the same packets over the same links at the
    # same times: what they cost can be compared.
    arguments = ("--duration=60", "--simSeed=5")
    done = run(
        *arguments,
        "--controller=constant:0.5",
        "--flows=flows.csv",
        "--pcap=sdwan",
        folder=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    other = subprocess.run(
        [
            str(installed_file("bin/minimal-sdwan")),
            *arguments,
            "--flows=flows.csv",
            "--pcap=minimal",
            "--count=true",
        ],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=tmp_path,
        check=True,
    )
    crossed = 0
    for name in ("mpls", "internet"):
        sdwan = read_pcap(tmp_path / f"sdwan-{name}-near.pcap")
        minimal = read_pcap(tmp_path / f"minimal-{name}-near.pcap")
        assert len(sdwan) > 5000
        assert sdwan == minimal
        crossed += len(sdwan)
    received = read_intervals(tmp_path / "flows.csv")["received"].sum()
    # The last packet on each link has begun to be sent, but may not have ended.
    counts = dict(part.split("=") for part in other.stdout.split())
    assert crossed - 2 <= int(counts["crossed"]) <= crossed
    assert int(counts["received"]) == received


@pytest.mark.parametrize(
    ("scenario", "arguments", "nodes"),
    [
        ("sdwan", ("--duration=3",), {"sender", "near router", "far router", "receiver"}),
        (
            "multipath-routing",
            ("--queues=2", "--slots=50", "--controller=random"),
            {"source", "router", "server 0", "server 1"},
        ),
        (
            "leaf-spine",
            ("--leaves=2", "--spines=1", "--hosts=1", "--warmup=1ms", "--duration=1ms"),
            {"leaf0", "leaf1", "spine0", "host0", "host1"},
        ),
    ],
)
def test_an_animation_shows_the_nodes_and_their_packets(
    tmp_path: Path, scenario: str, arguments: tuple[str, ...], nodes: set[str]
) -> None:
    done = run(
        "--controller=equal", *arguments, "--netanim=a.xml", folder=tmp_path, scenario=scenario
    )
    assert done.returncode == 0, done.stderr
    root = ElementTree.parse(tmp_path / "a.xml").getroot()
    assert nodes <= {entry.get("descr") for entry in root.iter("nu")}
    positions = {(entry.get("locX"), entry.get("locY")) for entry in root.iter("node")}
    assert len(positions) == len(nodes)
    assert len(list(root.iter("p"))) > 50


def test_slotted_links_are_captured(tmp_path: Path) -> None:
    arguments = ("--queues=3", "--slots=200", "--controller=round-robin", "--pcap=x")
    done = run(*arguments, "--intervals=o.csv", folder=tmp_path, scenario="multipath-routing")
    assert done.returncode == 0, done.stderr
    captured = sum(len(read_pcap(tmp_path / f"x-link_{i}.pcap")) for i in range(3))
    assert captured == read_intervals(tmp_path / "o.csv")["delivered"].sum()


RECORDINGS = ("--pcap=p", "--netanim=a.xml", "--flowMonitor=m.xml")


def test_recording_changes_no_packet(tmp_path: Path) -> None:
    plain = flows(folder=tmp_path)
    recorded = flows(*RECORDINGS, folder=tmp_path)
    pd.testing.assert_frame_equal(plain, recorded, check_exact=True)


def test_every_link_of_a_fabric_is_captured_and_recording_changes_no_packet(
    tmp_path: Path,
) -> None:
    arguments = ("--leaves=2", "--spines=2", "--hosts=1", "--controller=conga", "--load=0.1")
    short = ("--warmup=1ms", "--duration=8ms", "--granularity=packet")
    sizes = ("--flowSizes=constant", "--meanFlowSize=5000")

    def tables(*more: str) -> list[pd.DataFrame]:
        files = ("--flows=f.csv", "--links=l.csv")
        done = run(
            *arguments, *short, *sizes, *files, *more, folder=tmp_path, scenario="leaf-spine"
        )
        assert done.returncode == 0, done.stderr
        return [read_intervals(tmp_path / name) for name in ("f.csv", "l.csv")]

    plain, recorded = tables(), tables(*RECORDINGS)
    for one, other in zip(plain, recorded, strict=True):
        pd.testing.assert_frame_equal(one, other, check_exact=True)
    # Leaves are nodes 0 and 1, spines 2 and 3, hosts 4 and 5. Both directions cross a leaf's end;
    # only of the last packets some may have left the other end and not arrived.
    links = recorded[1].set_index(["from_node", "to_node"]).packets
    ends = {(leaf, 2 + spine): f"spine{spine}" for leaf in (0, 1) for spine in (0, 1)}
    ends |= {(leaf, 4 + leaf): f"host{leaf}" for leaf in (0, 1)}
    for (leaf, other), name in ends.items():
        captured = len(read_pcap(tmp_path / f"p-leaf{leaf}-{name}.pcap"))
        both = links[leaf, other] + links[other, leaf]
        assert both - 1 <= captured <= both
        assert captured > 50


def test_flows_of_many_paths_are_named_by_their_paths(tmp_path: Path) -> None:
    table = flows(
        f"--topology={topology_path('four-paths')}", folder=tmp_path, scenario="parallel-paths"
    )
    assert set(table["path"]) == {0, 1, 2, 3}


@pytest.mark.parametrize("argument", ["flows", "pcap", "netanim", "flowMonitor"])
def test_a_file_that_cannot_be_written_is_named(tmp_path: Path, argument: str) -> None:
    done = run(*SHORT, f"--{argument}=/nowhere/file", folder=tmp_path)
    assert done.returncode == 1
    assert "cannot write /nowhere/file" in done.stderr
    assert f"give --{argument} a file in an existing, writable folder" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("--flows=same.csv", "--summary=same.csv"),
        ("--links=same.csv", "--intervals=./same.csv"),
        ("--netanim=same.csv", "--flowMonitor=link.csv"),
    ],
)
def test_two_files_do_not_get_the_same_name(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    (tmp_path / "same.csv").write_text("old")
    (tmp_path / "link.csv").symlink_to("same.csv")
    done = run(*FABRIC, *arguments, folder=tmp_path, scenario="leaf-spine")
    assert done.returncode == 1
    assert "another argument both ask for" in done.stderr
    assert done.stderr.count("\n") == 1
    assert (tmp_path / "same.csv").read_text() == "old"
    assert {each.name for each in tmp_path.iterdir()} == {"same.csv", "link.csv"}


@pytest.mark.parametrize("argument", ["flows", "summary", "links", "netanim", "flowMonitor"])
def test_links_stay_links_and_pipes_stay_pipes(tmp_path: Path, argument: str) -> None:
    (tmp_path / "file").write_text("old")
    (tmp_path / "link").symlink_to("file")
    done = run(*FABRIC, f"--{argument}=link", folder=tmp_path, scenario="leaf-spine")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "link").is_symlink()
    written = (tmp_path / "file").read_text()
    assert len(written) > len("old")
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    copy = tmp_path / "copy"
    with copy.open("wb") as file, subprocess.Popen(["cat", pipe], stdout=file) as reader:
        try:
            done = run(*FABRIC, f"--{argument}=pipe", folder=tmp_path, scenario="leaf-spine")
            assert done.returncode == 0, done.stderr
            reader.wait(timeout=60)
        finally:
            reader.kill()
    assert copy.read_text() == written
    copy.unlink()
    assert pipe.is_fifo()
    assert {each.name for each in tmp_path.iterdir()} == {"file", "link", "pipe"}


@pytest.mark.parametrize("argument", ["intervals", "flows", "netanim", "flowMonitor"])
def test_a_full_disk_is_told_of_and_leaves_what_was_there(tmp_path: Path, argument: str) -> None:
    with small_disk(tmp_path / "disk", 64 << 10) as disk:
        (disk / "file").write_text("old")
        fill(disk, spare=4096)
        done = run(*SHORT, f"--{argument}={disk / 'file'}", folder=tmp_path)
        assert done.returncode == 1
        assert done.stderr == f"sdwan: cannot complete {disk / 'file'}: is the disk full?\n"
        assert (disk / "file").read_text() == "old"
        assert {each.name for each in disk.iterdir()} == {"file", "ballast"}
