#!/usr/bin/env python3
"""Cross-check of the message codec against pycrate, an ASN.1 implementation that shares no code with ours.

    python interop.py ASN1_FOLDER < input.jsonl > output.jsonl
    python interop.py ASN1_FOLDER --generate COUNT SEED [--beyond] > messages.jsonl

ASN1_FOLDER holds `common/`, `2020/` and `2019/`; a profile is its own folder and `common/`. pycrate compiles those
files when the script starts: of the message set nothing is written down here but the short names of the messages.

Check: one JSON object a line, each answered by one line.
    in   {"id": 7, "profile": "2020", "hex": "07EA...", "value": {"bsmFrame": {...}}}
    out  {"id": 7, "ok": true}  or  {"id": 7, "ok": false, "why": "..."}
A message is right when pycrate decodes `hex` to `value` and encodes `value` to `hex`, octet for octet.

Generate: COUNT random messages of each kind and profile, made and encoded here, for our codec to decode.
    out  {"id": 0, "profile": "2020", "kind": "BSM", "hex": "...", "value": {...}}
The first of a kind has no optional field, the second has all until it gets long, the others have some of them. One
SEED always gives the same messages. With --beyond, extensible constraints -- SIZE (5, ...), INTEGER (0..127, ...) -- are now
and then exceeded, and a message may be so long (16 Ki octets) that it goes in fragments.

`value` is X.697 (JER): SEQUENCE an object without its absent fields, CHOICE {alternative: value}, ENUMERATED its name,
OCTET STRING upper-case hexadecimal, BIT STRING hexadecimal filled up with zero bits to octets, but
{"value": hexadecimal, "length": bits} where its size may vary, extensible sizes included. One thing is ours: an open
type is {name of the type: value}.
"""

import argparse
import collections
import contextlib
import json
import os
import pathlib
import random
import runpy
import sys
import tempfile

from pycrate_asn1c import asnproc
from pycrate_asn1c.generator import PycrateGenerator
from pycrate_asn1rt.asnobj_str import STR_IA5
from pycrate_asn1rt.dictobj import ASN1Dict
from pycrate_asn1rt.glob import GLOBAL

PROFILES = ("2020", "2019")

# Short name of each message, by the alternative of MessageFrame or by the type that msgFrameExt carries.
KINDS = {
    "bsmFrame": "BSM", "mapFrame": "MAP", "rsmFrame": "RSM", "spatFrame": "SPAT", "rsiFrame": "RSI",
    "TestMsg": "TEST", "RTCMcorrections": "RTCM", "RoadsideCoordination": "RSC", "SensorSharingMsg": "SSM",
    "VehIntentionAndRequest": "VIR", "PAMData": "PAM", "PersonalSafetyMessage": "PSM", "CLPMM": "CLPMM",
    "VehiclePaymentMessage": "VPM",
}

# pycrate 0.8.1 decodes DELETE (7F) in an IA5String but refuses to encode it. It belongs to the type: X.680 table 8
# gives IA5String the registrations 1 and 6, SPACE and DELETE.
if "\x7f" not in STR_IA5._ALPHA_RE:
    STR_IA5._ALPHA_RE += "\x7f"


class Mismatch(Exception):
    """Why a message is wrong."""


class Profile:
    """The types of one profile."""

    def __init__(self, folder, name):
        files = [file for part in ("common", name) for file in sorted((folder / part).glob("*.asn"))]
        # pycrate may report on stdout, where the answers go.
        with contextlib.redirect_stdout(sys.stderr), tempfile.TemporaryDirectory() as scratch:
            asnproc.GLOBAL.clear()
            asnproc.compile_text([file.read_text("utf-8") for file in files], filenames=[str(file) for file in files])
            code = os.path.join(scratch, "profile.py")
            asnproc.generate_modules(PycrateGenerator, code)
            # pycrate keeps all modules in one global place, and those of the profiles have the same names: each profile
            # gets a place of its own, which decode and encode put back.
            GLOBAL.MOD = ASN1Dict()
            runpy.run_path(code)
        self.modules = GLOBAL.MOD
        self.frame = self.modules["MsgFrame"]["MessageFrame"]
        # The information object set, what msgFrameExt may carry: {name of the type: (messageId, type)}.
        self.extensions = {}
        if "MsgDayII" in self.modules:
            for entry in self.modules["MsgDayII"]["MessageTypes"]._val.root:
                self.extensions[entry["Type"]._typeref.called[1]] = (entry["id"], entry["Type"])

    def decode(self, octets):
        GLOBAL.MOD = self.modules
        self.frame.from_uper(octets)
        return self.frame.get_val()

    def encode(self, value):
        GLOBAL.MOD = self.modules
        # Holds the value against every constraint, so nothing is encoded that the standard does not allow.
        self.frame.set_val(value)
        return self.frame.to_uper()


# ---------------------------------------------------------------------------------------------------------------------
# Values, between pycrate's form and JSON. In pycrate a SEQUENCE is a dict, a CHOICE and an open type (name, value), a
# BIT STRING (number, bits), an OCTET STRING bytes; the others are as in JSON. `at` is the place, for people to read.

PLAIN = {"INTEGER": int, "BOOLEAN": bool, "ENUMERATED": str, "IA5String": str}


def size_of(of_type):
    """(least, most, extensible) of a SIZE constraint; most is None where there is no limit."""
    size = of_type._const_sz
    return (0, None, False) if size is None else (size.lb, size.ub, size.ext is not None)


def has_fixed_size(of_type):
    least, most, extensible = size_of(of_type)
    return least == most and not extensible


def part_of(profile, of_type, name, at):
    """The type of a field, of an alternative, or of what an open type carries."""
    is_open = of_type.TYPE == "OPEN_TYPE"
    if name not in (profile.extensions if is_open else of_type._cont):
        raise Mismatch(f"{at}.{name} is not in the ASN.1")
    return profile.extensions[name][1] if is_open else of_type._cont[name]


def to_json(profile, of_type, value, at=""):
    kind = of_type.TYPE
    if kind == "SEQUENCE":
        return {name: to_json(profile, part_of(profile, of_type, name, at), field, f"{at}.{name}")
                for name, field in value.items()}
    if kind == "SEQUENCE OF":
        return [to_json(profile, of_type._cont, item, f"{at}[{index}]") for index, item in enumerate(value)]
    if kind in ("CHOICE", "OPEN_TYPE"):
        name, inner = value
        return {name: to_json(profile, part_of(profile, of_type, name, at), inner, f"{at}.{name}")}
    if kind == "OCTET STRING":
        return value.hex().upper()
    if kind == "BIT STRING":
        number, bits = value
        octets = (bits + 7) // 8
        digits = (number << (8 * octets - bits)).to_bytes(octets, "big").hex().upper()
        return digits if has_fixed_size(of_type) else {"value": digits, "length": bits}
    if kind == "ENUMERATED":
        part_of(profile, of_type, value, at)
    return expect(value, PLAIN[kind], at)


def from_json(profile, of_type, value, at=""):
    kind = of_type.TYPE
    if kind == "SEQUENCE":
        return {name: from_json(profile, part_of(profile, of_type, name, at), field, f"{at}.{name}")
                for name, field in expect(value, dict, at).items()}
    if kind == "SEQUENCE OF":
        return [from_json(profile, of_type._cont, item, f"{at}[{index}]")
                for index, item in enumerate(expect(value, list, at))]
    if kind in ("CHOICE", "OPEN_TYPE"):
        if len(expect(value, dict, at)) != 1:
            raise Mismatch(f"{at} needs one alternative, not {len(value)}")
        (name, inner), = value.items()
        return name, from_json(profile, part_of(profile, of_type, name, at), inner, f"{at}.{name}")
    if kind == "OCTET STRING":
        return bytes.fromhex(expect(value, str, at))
    if kind == "BIT STRING":
        if has_fixed_size(of_type):
            digits, bits = expect(value, str, at), of_type._const_sz.lb
        else:
            digits, bits = expect(value, dict, at)["value"], value["length"]
        octets = bytes.fromhex(digits)
        fill, number = 8 * len(octets) - bits, int.from_bytes(octets, "big")
        if not 0 <= fill < 8 or number & ((1 << fill) - 1):
            raise Mismatch(f"{at}: {digits} is not {bits} bits filled up with zero bits to octets")
        return number >> fill, bits
    return expect(value, PLAIN[kind], at)


def expect(value, python_type, at):
    # Not isinstance(): in Python a bool is an int.
    if type(value) is not python_type:
        raise Mismatch(f"{at}: {value!r} is not of type {python_type.__name__}")
    return value


# ---------------------------------------------------------------------------------------------------------------------
# Check


def first_difference(ours, theirs, at=""):
    """Where and how two JSON values differ, or None."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for name in {**ours, **theirs}:
            if name not in theirs or name not in ours:
                return f"{at}.{name} is absent to {'pycrate' if name in ours else 'us'}"
            difference = first_difference(ours[name], theirs[name], f"{at}.{name}")
            if difference:
                return difference
        return None
    if isinstance(ours, list) and isinstance(theirs, list):
        for index, (our, their) in enumerate(zip(ours, theirs)):
            difference = first_difference(our, their, f"{at}[{index}]")
            if difference:
                return difference
        return None if len(ours) == len(theirs) else f"{at} has {len(ours)} items, {len(theirs)} to pycrate"
    return None if type(ours) is type(theirs) and ours == theirs else f"{at} is {ours!r}, {theirs!r} to pycrate"


def check_decoding(profile, octets, value):
    return first_difference(value, to_json(profile, profile.frame, profile.decode(octets)))


def check_encoding(profile, octets, value):
    encoded = profile.encode(from_json(profile, profile.frame, value))
    if encoded == octets:
        return None
    shorter = min(len(octets), len(encoded))
    at = next((index for index in range(shorter) if octets[index] != encoded[index]), shorter)
    ours, theirs = (some[at:at + 8].hex().upper() or "nothing" for some in (octets, encoded))
    return f"octet {at} and on is {ours} ({len(octets)} octets in all), {theirs} ({len(encoded)}) to pycrate"


def why_wrong(profile, octets, value):
    """None for a message that is right."""
    found = []
    for name, check in (("decoding", check_decoding), ("encoding", check_encoding)):
        try:
            why = check(profile, octets, value)
        except Mismatch as mismatch:
            why = str(mismatch)
        except Exception as error:  # Whatever pycrate raises is a finding, and its errors have no common type.
            why = f"{type(error).__name__}: {error}"
        if why:
            found.append(f"{name}: {why.lstrip('.')}")
    return "; ".join(found)[:1000] or None


def run_checks(folder):
    profiles = {}
    for line in sys.stdin:
        case = json.loads(line)
        name = case["profile"]
        if name not in profiles:
            profiles[name] = Profile(folder, name)
        why = why_wrong(profiles[name], bytes.fromhex(case["hex"]), case["value"])
        print(json.dumps({"id": case["id"], "ok": False, "why": why} if why else {"id": case["id"], "ok": True}))


# ---------------------------------------------------------------------------------------------------------------------
# Generation


class Maker:
    """Random values of any type, at the bounds of its constraints and inside."""

    # Above this number of parts a message gets only what is mandatory. (A list may still be filled to its most.)
    MOST_PARTS = 300
    # A list that has no limit gets so many items at most: 128 is the first number whose length takes two octets. Of 130
    # items a payment message grows beyond 16 Ki octets.
    MOST_ITEMS, MOST_ITEMS_BEYOND = 128, 130

    def __init__(self, seed, beyond):
        self.random = random.Random(seed)
        self.beyond = beyond
        self.picked = collections.Counter()

    def message(self, of_type, optional):
        """`optional` is the share of the optional fields that are present."""
        self.optional, self.parts = optional, 0
        return self.make(of_type)

    def chance(self, share):
        return self.random.random() < share

    def number(self, least, most):
        inside = self.random.randint(least, most)
        return self.random.choice((least, most, inside, inside))

    def name(self, of_type):
        """A name of a CHOICE or ENUMERATED, one that was picked least often, so that none is left out for long."""
        name = min(of_type._cont, key=lambda name: (self.picked[of_type, name], self.random.random()))
        self.picked[of_type, name] += 1
        return name

    def size(self, of_type):
        least, most, extensible = size_of(of_type)
        if extensible and self.beyond and self.chance(0.1):
            return most + self.random.choice((1, 2, 8, 130, 300))
        if most is None:
            most = self.MOST_ITEMS_BEYOND if self.beyond else self.MOST_ITEMS
        if self.chance(0.03):
            return most
        small = self.parts > self.MOST_PARTS or self.optional == 0
        return least if small else self.random.randint(least, min(most, least + 3))

    def make(self, of_type):
        self.parts += 1
        kind = of_type.TYPE
        if kind == "SEQUENCE":
            value = {}
            for name, field in of_type._cont.items():
                # An extension addition may be absent like an optional field.
                mandatory = not field._opt and name not in (of_type._ext or ())
                if mandatory or self.parts <= self.MOST_PARTS and self.chance(self.optional):
                    value[name] = self.make(field)
            return value
        if kind == "SEQUENCE OF":
            return [self.make(of_type._cont) for _ in range(self.size(of_type))]
        if kind == "CHOICE":
            name = self.name(of_type)
            return name, self.make(of_type._cont[name])
        if kind == "ENUMERATED":
            return self.name(of_type)
        if kind == "BOOLEAN":
            return self.chance(0.5)
        if kind == "INTEGER":
            limits = of_type._const_val
            if limits.ext is not None and self.beyond and self.chance(0.1):
                return self.random.choice((limits.ub + 1, limits.lb - 1, 2 ** 40, -2 ** 40))
            return self.number(limits.lb, limits.ub)
        if kind == "OCTET STRING":
            return bytes(self.random.choices(range(256), k=self.size(of_type)))
        if kind == "BIT STRING":
            bits = self.size(of_type)
            number = self.number(0, (1 << bits) - 1)
            # Zero bits at the end of a string of named bits mean nothing (X.680 22.7), and an encoder may leave out those
            # that the constraint does not ask for: a longer string ends with a one, so that it has one encoding.
            return number | (bits > size_of(of_type)[1]), bits
        if kind == "IA5String":
            characters = range(128) if self.chance(0.2) else range(32, 127)
            return "".join(map(chr, self.random.choices(characters, k=self.size(of_type))))
        raise Mismatch(f"no rule to make {kind}")


def run_generation(folder, count, seed, beyond):
    number = 0
    for name in PROFILES:
        profile = Profile(folder, name)
        frames = [(alternative, None) for alternative in profile.frame._cont if alternative != "msgFrameExt"]
        for alternative, carried in frames + [("msgFrameExt", carried) for carried in profile.extensions]:
            kind = KINDS[carried or alternative]
            maker = Maker(f"{seed} {name} {kind}", beyond)
            for index in range(count):
                optional = (0, 1)[index] if index < 2 else maker.random.choice((0.2, 0.5, 0.8))
                if carried:
                    message_id, of_type = profile.extensions[carried]
                    inner = {"messageId": message_id, "value": (carried, maker.message(of_type, optional))}
                else:
                    inner = maker.message(profile.frame._cont[alternative], optional)
                print(json.dumps({"id": number, "profile": name, "kind": kind,
                                  "hex": profile.encode((alternative, inner)).hex().upper(),
                                  "value": to_json(profile, profile.frame, (alternative, inner))}))
                number += 1


def main():
    parser = argparse.ArgumentParser(description="Cross-check of the message codec against pycrate.")
    parser.add_argument("asn1_folder", type=pathlib.Path)
    parser.add_argument("--generate", nargs=2, type=int, metavar=("COUNT", "SEED"))
    parser.add_argument("--beyond", action="store_true", help="exceed extensible constraints and 16 Ki octets, too")
    arguments = parser.parse_args()
    if arguments.generate:
        run_generation(arguments.asn1_folder, *arguments.generate, arguments.beyond)
    else:
        run_checks(arguments.asn1_folder)


if __name__ == "__main__":
    main()
