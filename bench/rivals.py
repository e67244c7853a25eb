#!/usr/bin/env python3
"""Runs a Python tracker on a scene and writes tracks.csv; prints its time per step as one line of JSON.

usage: rivals.py norfair|motpy SCENE_DIR OUT.csv [--raw]

These trackers know one sensor with one frame per step, so they get merged input: all detections that arrived in the 0.1 s
before the step, each moved to the time of the step with its own speed and heading, and those of different sensors that lie
close together made one (mean weighted by the inverse of the variance). --raw leaves the merging out. Only the tracker's own
step is timed; the preparation, which a user would have to write as well, is not.
"""
import argparse
import csv
import json
import math
import time

import numpy as np

STEP = 0.1
CELL_M = 5.0
MERGE_M = {"car": 2.5, "truck": 5.0, "bus": 5.0, "moto": 1.8, "bike": 1.8, "ped": 1.3, "unknown": 2.2}
CLASSES = ("car", "truck", "bus", "moto", "bike", "ped")


def number(text):
    return float(text) if text else math.nan


def detections(scene):
    with open(scene + "/dets.csv") as file:
        for r in csv.DictReader(file):
            yield (
                float(r["t_arrival_s"]), float(r["t_measured_s"]), r["sensor"], float(r["x_m"]), float(r["y_m"]),
                math.sqrt(float(r["cov_xx_m2"]) * float(r["cov_yy_m2"])), number(r["speed_mps"]), number(r["heading_rad"]),
                r["class"], float(r["score"]), r["source_id"],
            )


def moved(row, now):
    """Place, variance, sensor, class and score of a detection at the time of the step."""
    _, measured, sensor, x, y, variance, speed, heading, cls, score, _ = row
    if not math.isnan(speed) and not math.isnan(heading):
        x += speed * math.cos(heading) * (now - measured)
        y += speed * math.sin(heading) * (now - measured)
    return x, y, variance, sensor, cls, score


def merged(rows, now):
    """The newest of each sensor and source, then greedy clusters, the surest detections first."""
    newest = {}
    for row in rows:
        newest[row[2], row[10]] = row
    points = sorted((moved(row, now) for row in newest.values()), key=lambda p: p[2])
    clusters = []  # x, y, weight, sensors, votes, score, gate
    grid = {}
    for x, y, variance, sensor, cls, score in points:
        w = 1.0 / variance
        cell = (int(x // CELL_M), int(y // CELL_M))
        near = [c for i in (-1, 0, 1) for j in (-1, 0, 1) for c in grid.get((cell[0] + i, cell[1] + j), ())]
        near = [(math.hypot(c[0] - x, c[1] - y), k, c) for k, c in enumerate(near) if sensor not in c[3]]
        best = min(near, default=None)
        if best and best[0] < max(MERGE_M[cls], best[2][6]):
            c = best[2]
            c[0], c[1] = (c[0] * c[2] + x * w) / (c[2] + w), (c[1] * c[2] + y * w) / (c[2] + w)
            c[2] += w
            c[3].add(sensor)
            c[5] = max(c[5], score)
        else:
            c = [x, y, w, {sensor}, {}, score, MERGE_M[cls]]
            clusters.append(c)
            grid.setdefault(cell, []).append(c)
        if cls in CLASSES:
            c[4][cls] = c[4].get(cls, 0.0) + (0.3 if sensor.startswith("radar") else 1.0)
    return [(c[0], c[1], max(c[4], key=c[4].get) if c[4] else "car", c[5]) for c in clusters]


class Norfair:
    def __init__(self):
        import norfair

        self.detection = norfair.Detection
        self.tracker = norfair.Tracker(
            distance_function=self.distance, distance_threshold=2.5, hit_counter_max=8, initialization_delay=4
        )

    @staticmethod
    def distance(detection, track):
        """As norfair's mean_euclidean for one point, several times faster."""
        state = track.filter.x
        return math.hypot(detection.data[1] - state[0, 0], detection.data[2] - state[1, 0])

    def input(self, points):
        return [self.detection(points=np.array([[x, y]]), scores=np.array([s]), data=(c, x, y)) for x, y, c, s in points]

    def step(self, prepared):
        return self.tracker.update(detections=prepared)

    def output(self, tracks):
        for o in tracks:
            x, y = o.estimate[0]
            vx, vy = o.filter.x.flatten()[2:4] / STEP
            yield o.id, x, y, vx, vy, o.last_detection.data[0]


class Motpy:
    BOX = 3.0  # motpy matches by overlap: every road user is a square of this side

    def __init__(self):
        import motpy

        self.detection = motpy.Detection
        model = {"order_pos": 1, "dim_pos": 2, "order_size": 0, "dim_size": 2, "q_var_pos": 10.0, "r_var_pos": 0.3}
        self.tracker = motpy.MultiObjectTracker(
            dt=STEP, model_spec=model, matching_fn_kwargs={"min_iou": 0.1},
            active_tracks_kwargs={"min_steps_alive": 8, "max_staleness": 3, "max_staleness_to_positive_ratio": 0.3}, tracker_kwargs={"max_staleness": 8},
        )
        self.numbers = {}
        self.last = {}

    def input(self, points):
        h = self.BOX / 2
        return [
            self.detection(box=np.array([x - h, y - h, x + h, y + h]), score=s, class_id=CLASSES.index(c))
            for x, y, c, s in points
        ]

    def step(self, prepared):
        self.tracker.step(detections=prepared)
        return self.tracker.active_tracks(**self.tracker.active_tracks_kwargs)

    def output(self, tracks):
        for o in tracks:
            x, y = (o.box[0] + o.box[2]) / 2, (o.box[1] + o.box[3]) / 2
            before = self.last.get(o.id, (x, y))
            self.last[o.id] = (x, y)
            cls = CLASSES[o.class_id] if o.class_id is not None else "car"
            yield self.numbers.setdefault(o.id, len(self.numbers) + 1), x, y, (x - before[0]) / STEP, (y - before[1]) / STEP, cls


def main():
    options = argparse.ArgumentParser()
    options.add_argument("tracker", choices=("norfair", "motpy"))
    options.add_argument("scene")
    options.add_argument("output")
    options.add_argument("--raw", action="store_true")
    a = options.parse_args()
    with open(a.scene + "/scene.json") as file:
        scene = json.load(file)
    rival = {"norfair": Norfair, "motpy": Motpy}[a.tracker]()
    rows = list(detections(a.scene))
    took, at = [], 0
    with open(a.output, "w") as out:
        out.write("t,id,x,y,vx,vy,heading,cls,score\n")
        first, last = round(scene["t0_s"] / STEP), round(scene["t1_s"] / STEP)
        for tick in range(first, last + 1):
            now = tick * STEP
            begin = at
            while at < len(rows) and rows[at][0] <= now:
                at += 1
            arrived = rows[begin:at]
            points = [(p[0], p[1], p[4] if p[4] in CLASSES else "car", p[5]) for p in (moved(r, now) for r in arrived)]
            prepared = rival.input(points if a.raw else merged(arrived, now))
            started = time.perf_counter()
            tracks = rival.step(prepared)
            took.append((time.perf_counter() - started) * 1e3)
            for key, x, y, vx, vy, cls in rival.output(tracks):
                out.write(f"{now:.2f},{key},{x:.3f},{y:.3f},{vx:.3f},{vy:.3f},,{cls},1\n")
    ms = {"mean": float(np.mean(took)), "p99": float(np.percentile(took, 99)), "max": float(max(took))}
    print(json.dumps({"steps": len(took), "ms_per_step": ms}))


main()
