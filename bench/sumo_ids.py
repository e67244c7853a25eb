#!/usr/bin/env python3
"""Prints the sorted names of the road users of an FCD file as JSON; truth.csv has indices into this list.

usage: sumo_ids.py fcd_50_events.xml.gz
"""
import gzip
import json
import re
import sys

with gzip.open(sys.argv[1], "rt") as lines:
    ids = {m[1] for m in (re.search(r'<(?:vehicle|person) id="([^"]+)"', line) for line in lines) if m}
print(json.dumps(sorted(ids)))
