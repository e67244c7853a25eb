#!/usr/bin/env python3
"""Makes a SUMO FCD output smaller without changing what sim.py makes of it.

usage: shrink_fcd.py IN.xml.gz OUT.xml.gz [--t0 300] [--t1 400] [--radius 265]

Kept are the seconds t0..t1 and the attributes that sim.py reads (id, x, y, angle, type, speed). Of each road user the first
place is kept, for sim.py numbers all of them, and then those within the radius: no sensor of sim.py sees farther than 243 m
from the centre. Lane, edge, acceleration and SUMO's header go. The output depends on the input and the options alone.
"""
import argparse
import gzip
import math
import re

ROW = re.compile(
    r'<(?:vehicle|person) id="([^"]+)" x="([-\d.]+)" y="([-\d.]+)" angle="[-\d.]+"(?: type="\w+")? speed="[-\d.]+"'
)


def shrunk(lines, t0, t1, radius):
    yield "<fcd-export>\n"
    wanted, known = False, set()
    for line in lines:
        step = re.search(r'<timestep time="([\d.]+)"', line)
        if step:
            wanted = t0 <= float(step[1]) <= t1
            if wanted:
                yield step[0] + ">\n"
        elif "</timestep" in line and wanted:
            yield "</timestep>\n"
        elif wanted and (row := ROW.search(line)):
            if row[1] not in known or math.hypot(float(row[2]), float(row[3])) < radius:
                known.add(row[1])
                yield row[0] + "/>\n"
    yield "</fcd-export>\n"


def main():
    options = argparse.ArgumentParser()
    options.add_argument("source")
    options.add_argument("target")
    options.add_argument("--t0", type=float, default=300.0)
    options.add_argument("--t1", type=float, default=400.0)
    options.add_argument("--radius", type=float, default=265.0)
    a = options.parse_args()
    with gzip.open(a.source, "rt") as lines, open(a.target, "wb") as raw:
        with gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=raw, mtime=0) as out:
            out.writelines(part.encode() for part in shrunk(lines, a.t0, a.t1, a.radius))


main()
