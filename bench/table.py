#!/usr/bin/env python3
"""Prints one table of what benchmark binaries measured.

usage: table.py results.json…

Reads Google Benchmark's JSON. A benchmark of ours gives its unit as the label ("Mpixel/s") and the counters
`rate` and, where a limit is known, `percent_of_limit`; any other shows its time. The rows of a peer (bench/peers)
have `name`, `rate` and `unit`.
"""

import json
import sys

TIME_IN_SECONDS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0}


def number(value):
    return f"{value:,.0f}" if value >= 1000 else f"{value:.4g}"


def time_of(row):
    seconds = row["real_time"] * TIME_IN_SECONDS[row["time_unit"]]
    for unit in ("s", "ms", "us", "ns"):
        if seconds >= TIME_IN_SECONDS[unit]:
            break
    return number(seconds / TIME_IN_SECONDS[unit]), unit


def name_of(row):
    return row.get("run_name", row["name"]).removesuffix("/real_time").removesuffix("/manual_time").removesuffix("/process_time")


def rows_of(path):
    with open(path, encoding="utf-8") as file:
        document = json.load(file)
    aggregated = {name_of(row) for row in document["benchmarks"] if row.get("aggregate_name") == "median"}
    for row in document["benchmarks"]:
        name = name_of(row)
        if row.get("error_occurred"):
            yield name, "-", "", row.get("error_message", "failed")
            continue
        if name in aggregated and row.get("aggregate_name") != "median":
            continue
        if "rate" in row:
            limit = row.get("percent_of_limit")
            yield name, number(row["rate"]), "" if limit is None else f"{limit:.0f} %", row.get("label") or row.get("unit", "")
        elif "items_per_second" in row:
            yield name, number(row["items_per_second"] / 1e6), "", "M/s"
        elif "bytes_per_second" in row:
            yield name, number(row["bytes_per_second"] / 1e9), "", "GB/s"
        else:
            value, unit = time_of(row)
            yield name, value, "", unit


def main(paths):
    header = ("benchmark", "rate", "of limit", "unit")
    rows = [row for path in paths for row in rows_of(path)]
    if not rows:
        sys.exit("table.py: no benchmark ran")
    widths = [max(len(line[column]) for line in [header, *rows]) for column in range(4)]
    for name, rate, limit, unit in [header, *rows]:
        print(f"{name:<{widths[0]}}  {rate:>{widths[1]}}  {limit:>{widths[2]}}  {unit}".rstrip())


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__.strip().splitlines()[2])
    main(sys.argv[1:])
