#!/usr/bin/env python3
"""Converts a SUMO network with one signalised junction into a site file (TOML) for the site map.

usage: net_to_site.py NET.net.xml [-o site.toml] [--junction C] [--lat 22.6913] [--lon 114.3471]

What is taken over, and how:
* Frame. The site frame is the SUMO frame (metres, x east, y north); --lat/--lon say where its origin lies.
* Lanes. Every lane of an edge from or to the junction, in the order of the net: `id` is the SUMO id, `points_m` the
  SUMO shape (the centre line, in the direction of travel), `width_m` its width (3.2 where the net gives none). `kind`:
  lanes for pedestrians only are `sidewalk`, for bicycles only `bicycle`, all others `vehicle`. The crossings of the
  junction follow with kind `crosswalk`, from kerb to kerb, with their width. `speed_limit_kmh` stands with vehicle and
  bicycle lanes only.
* Inbound vehicle and bicycle lanes have `stop_line = true` (the line is at the lane's end), `approach` (the edge) and
  `connections`. A connection's `points_m` leads from the inbound lane's end to the outbound lane's start: SUMO's
  internal lane, joined with the internal lane that follows it where the path has an internal stop. `turn` is SUMO's dir.
* Signal groups. Links of the junction's tlLogic (first program) whose state is equal in all phases form one group; the
  groups are numbered from 1 in the order of their first link. A permissive green (g) and a protected one (G) differ, so
  that left and right turns that have to yield are in other groups than the straight ones. The groups, with those of
  the crosswalks, are listed in the output's header.
* Junction area. The carriageway in the junction: the inner (kerb) borders of SUMO's walking areas, joined over the
  mouths of the arms and drawn along the crossings' ends, because SUMO lets people wait exactly there. The walking
  areas, the pavement's corners, are outside of it.

Standard library only. The output depends on the input and the options alone.
"""
import argparse
import math
import os
import sys
import xml.etree.ElementTree as ET

TURN = {"s": "straight", "l": "left", "L": "left", "r": "right", "R": "right", "t": "u_turn", "T": "u_turn"}
DEFAULT_WIDTH = 3.2


def points(text):
    return [tuple(float(c) for c in p.split(",")[:2]) for p in text.split()]


def num(x):
    s = f"{x:.3f}".rstrip("0")
    s = s + "0" if s.endswith(".") else s
    return "0.0" if s == "-0.0" else s


def pts(ps):
    return "[" + ", ".join(f"[{num(x)}, {num(y)}]" for x, y in ps) + "]"


def same(a, b):
    return math.hypot(a[0] - b[0], a[1] - b[1]) < 0.02


def lane_kind(lane):
    allow = set(lane.get("allow", "").split())
    if allow == {"pedestrian"}:
        return "sidewalk"
    return "bicycle" if allow == {"bicycle"} else "vehicle"


def kerb_chain(area, corners):
    """The part of a walking area's border between two of its corners at the kerb that avoids the outer corners."""
    (inner_a, outer_a), (inner_b, outer_b) = corners
    i, j = (min(range(len(area)), key=lambda k: math.dist(area[k], c)) for c in (inner_a, inner_b))
    n = len(area)
    for start, stop in ((i, j), (j, i)):
        chain = [area[(start + k) % n] for k in range((stop - start) % n + 1)]
        if not any(math.dist(p, o) < 0.05 for p in chain for o in (outer_a, outer_b)):
            return chain
    raise SystemExit("a walking area's border does not lead along the kerb")


def cut_at_crossings(chain, crossings):
    """Draws a kerb chain along the ends of the crossings that begin at it, instead of some decimetres behind them."""
    for shape, width in crossings:
        for end, other in ((shape[0], shape[1]), (shape[-1], shape[-2])):
            d = math.dist(end, other)
            ux, uy = (end[0] - other[0]) / d, (end[1] - other[1]) / d
            at = lambda p: ((p[0] - end[0]) * ux + (p[1] - end[1]) * uy, (p[1] - end[1]) * ux - (p[0] - end[0]) * uy)
            for k, step in ((0, 1), (len(chain) - 1, -1)):
                along, across = at(chain[k])
                if abs(along) > 0.1 or abs(abs(across) - width / 2) > 0.1:
                    continue
                far = -math.copysign(width / 2, across)
                corner = (end[0] - uy * far, end[1] + ux * far)
                inner = [p for p in chain if p is not chain[k] and not (abs(at(p)[1]) < width / 2 and abs(at(p)[0]) < 2.0)]
                chain = [chain[k], corner] + inner if step == 1 else inner + [corner, chain[k]]
                break
    return chain


def side_corners(edge, at_end):
    """(inner, outer) corner of an edge's sidewalk where it meets the junction; None if the edge has none."""
    lanes = edge.findall("lane")
    walks = [l for l in lanes if lane_kind(l) == "sidewalk"]
    others = [l for l in lanes if lane_kind(l) != "sidewalk"]
    if not walks or not others:
        return None
    p = points(walks[0].get("shape"))
    a, b = (p[-2], p[-1]) if at_end else (p[1], p[0])
    d = math.dist(a, b)
    nx, ny = -(b[1] - a[1]) / d, (b[0] - a[0]) / d
    q = points(others[0].get("shape"))[-1 if at_end else 0]
    side = 1.0 if (q[0] - b[0]) * nx + (q[1] - b[1]) * ny > 0 else -1.0
    h = float(walks[0].get("width", DEFAULT_WIDTH)) / 2 * side
    return (b[0] + nx * h, b[1] + ny * h), (b[0] - nx * h, b[1] - ny * h)


def main():
    ap = argparse.ArgumentParser(description="SUMO network -> site file")
    ap.add_argument("net")
    ap.add_argument("-o", "--output")
    ap.add_argument("--junction", default="C")
    ap.add_argument("--lat", type=float, default=22.6913)
    ap.add_argument("--lon", type=float, default=114.3471)
    a = ap.parse_args()
    root = ET.parse(a.net).getroot()
    jid = a.junction
    junction = next((j for j in root.findall("junction") if j.get("id") == jid), None)
    if junction is None:
        raise SystemExit(f"the net has no junction {jid}")
    centre = float(junction.get("x")), float(junction.get("y"))
    edges = root.findall("edge")
    arms = [e for e in edges if not e.get("function") and jid in (e.get("from"), e.get("to"))]
    internal = [e for e in edges if e.get("id").startswith(f":{jid}_")]
    shape = {l.get("id"): points(l.get("shape")) for e in edges for l in e.findall("lane")}
    conns = root.findall("connection")

    # ---- signal groups: links with equal state columns
    logic = next((t for t in root.findall("tlLogic") if t.get("id") == jid), None)
    states = [p.get("state") for p in logic.findall("phase")] if logic is not None else []
    group, columns = {}, []
    for k in range(len(states[0]) if states else 0):
        column = "".join(s[k] for s in states)
        if column not in columns:
            columns.append(column)
        group[k] = columns.index(column) + 1

    # ---- lanes
    follow = {}   # internal lane -> the internal lane that follows
    for c in conns:
        if c.get("from").startswith(f":{jid}_") and c.get("via"):
            follow[f"{c.get('from')}_{c.get('fromLane')}"] = c.get("via")
    links, walk_link = {}, {}
    for c in conns:
        src, via = f"{c.get('from')}_{c.get('fromLane')}", c.get("via")
        if c.get("tl") == jid and not via:
            walk_link[f"{c.get('to')}_{c.get('toLane')}"] = int(c.get("linkIndex"))
        if c.get("from").startswith(":") or not via:
            continue
        path, lane, guard = [], via, 0
        while lane is not None and guard < 8:
            path += [p for p in shape[lane] if not path or not same(p, path[-1])]
            lane, guard = follow.get(lane), guard + 1
        to = f"{c.get('to')}_{c.get('toLane')}"
        if not same(path[0], shape[src][-1]) or not same(path[-1], shape[to][0]):
            raise SystemExit(f"the path {src} -> {to} does not join the lanes")
        link = c.get("linkIndex") if c.get("tl") == jid else None
        links.setdefault(src, []).append((to, TURN[c.get("dir")], path, int(link) if link else None))
    out = []
    for e in arms:
        inbound = e.get("to") == jid
        for l in e.findall("lane"):
            kind, i = lane_kind(l), l.get("id")
            rows = [f'id = "{i}"', f'kind = "{kind}"', f"width_m = {num(float(l.get('width', DEFAULT_WIDTH)))}",
                    f"points_m = {pts(shape[i])}"]
            if kind != "sidewalk":
                rows.append(f"speed_limit_kmh = {num(round(float(l.get('speed')) * 3.6, 1))}")
                if inbound:
                    rows += ["stop_line = true", f'approach = "{e.get("id")}"']
                    items = []
                    for to, turn, path, link in links.get(i, []):
                        sg = "" if link is None else f", signal_group = {group[link]}"
                        items.append(f'    {{ to = "{to}", turn = "{turn}", points_m = {pts(path)}{sg} }},')
                    rows.append("connections = [\n" + "\n".join(items) + "\n]" if items else "connections = []")
            out.append("[[lanes]]\n" + "\n".join(rows) + "\n")
    crossings = [l for e in internal if e.get("function") == "crossing" for l in e.findall("lane")]
    for l in crossings:
        out.append("[[lanes]]\n" + "\n".join([f'id = "{l.get("id")}"', 'kind = "crosswalk"',
                   f"width_m = {num(float(l.get('width', DEFAULT_WIDTH)))}", f"points_m = {pts(shape[l.get('id')])}"]) + "\n")

    # ---- junction area: kerbs of the walking areas, joined over the mouths of the arms
    corners = [c for c in (side_corners(e, e.get("to") == jid) for e in arms) if c]
    spans = [(shape[l.get("id")], float(l.get("width", DEFAULT_WIDTH))) for l in crossings]
    chains = []
    for e in internal:
        if e.get("function") == "walkingarea":
            area = shape[e.find("lane").get("id")]
            mine = [c for c in corners if min(math.dist(c[0], p) for p in area) < 0.05 and min(math.dist(c[1], p) for p in area) < 0.05]
            if len(mine) != 2:
                raise SystemExit(f"walking area {e.get('id')}: {len(mine)} sidewalks end at it, not two")
            chains.append(cut_at_crossings(kerb_chain(area, mine), spans))
    angle = lambda p: math.atan2(p[1] - centre[1], p[0] - centre[0])
    ring = []
    for c in sorted(chains, key=lambda c: angle(c[len(c) // 2])):
        turn = (c[0][0] - centre[0]) * (c[-1][1] - centre[1]) - (c[0][1] - centre[1]) * (c[-1][0] - centre[0])
        ring += c if turn > 0 else c[::-1]          # counter-clockwise
    if ring:
        out.append(f'[[areas]]\nid = "junction"\nkind = "junction"\npolygon_m = {pts(ring)}\n')

    head = [f"# Made by net_to_site.py from {os.path.basename(a.net)}; do not edit.", "#",
            "# Signal groups (links of the tlLogic with equal states; one letter per phase of the program):"]
    phases = logic.findall("phase") if logic is not None else []
    head.append("#   phase durations, s: " + " ".join(p.get("duration") for p in phases))
    for n, col in enumerate(columns, 1):
        users = [f"{s}->{t[0]}" for s in links for t in links[s] if t[3] is not None and group[t[3]] == n]
        users += [w for w in walk_link if group[walk_link[w]] == n]
        head.append(f"#   {n}: {col}  " + " ".join(users))
    text = "\n".join(head) + f"\n\nversion = 1\nlatitude_deg = {a.lat!r}\nlongitude_deg = {a.lon!r}\n\n" + "\n".join(out)
    if a.output:
        with open(a.output, "w", encoding="utf-8", newline="\n") as f:
            f.write(text)
    else:
        sys.stdout.write(text)


if __name__ == "__main__":
    main()
