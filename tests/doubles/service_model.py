"""Requests checked against a service's own published model (botocore's service-2.json): required members, types,
ranges, lengths, patterns, enumerations, unknown members. A double that uses it is not shaped after its client.

    model = ServiceModel("cloudwatch")
    model.check("GetMetricData", body)        # raises Invalid with the member and the rule it breaks
"""
import functools
import glob
import gzip
import json
import os
import pathlib
import re
import sysconfig

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


class Invalid(Exception):
    """What is wrong with a request, in the words of the model."""


def _model_file(service):
    """The newest version of a service's model: of the Python that runs, or of the tests' environment."""
    places = [sysconfig.get_paths()["purelib"], *glob.glob(str(ROOT / "build/venv/lib/python3*/site-packages"))]
    if os.environ.get("BOTOCORE"):
        places.insert(0, os.environ["BOTOCORE"])
    for place in places:
        found = sorted(glob.glob(f"{place}/botocore/data/{service}/*/service-2.json*"))
        if found:
            return found[-1]
    raise FileNotFoundError(f"no botocore with a model of {service}: run `make setup-test`")


@functools.lru_cache(maxsize=None)
def _read(path):
    opener = gzip.open if path.endswith(".gz") else open
    with opener(path, "rt", encoding="utf-8") as f:
        return json.load(f)


class ServiceModel:
    def __init__(self, service):
        self.raw = _read(_model_file(service))
        self.shapes, self.operations = self.raw["shapes"], self.raw["operations"]
        self.metadata = self.raw["metadata"]

    def check(self, operation, body):
        """body: the request as parsed JSON."""
        if operation not in self.operations:
            raise Invalid(f"there is no operation {operation}")
        shape = self.operations[operation].get("input")
        if shape:
            self._value(body, shape["shape"], "")

    def _value(self, value, name, where):
        shape = self.shapes[name]
        check = getattr(self, "_" + shape["type"], None)
        if check is None:
            raise Invalid(f"{where}: the model's type {shape['type']} is not known here")
        check(value, shape, where or "the request")

    def _structure(self, value, shape, where):
        if not isinstance(value, dict):
            raise Invalid(f"{where} is no structure")
        for member in value:
            if member not in shape["members"]:
                raise Invalid(f"{where} has no member {member}")
        for member in shape.get("required", ()):
            if value.get(member) is None:
                raise Invalid(f"{where} lacks the required member {member}")
        for member, inner in value.items():
            if inner is not None:
                self._value(inner, shape["members"][member]["shape"], f"{where}.{member}".replace("the request.", ""))

    def _list(self, value, shape, where):
        if not isinstance(value, list):
            raise Invalid(f"{where} is no list")
        self._range(len(value), shape, where, "entries")
        for i, inner in enumerate(value):
            self._value(inner, shape["member"]["shape"], f"{where}[{i}]")

    def _map(self, value, shape, where):
        if not isinstance(value, dict):
            raise Invalid(f"{where} is no map")
        self._range(len(value), shape, where, "entries")
        for key, inner in value.items():
            self._value(key, shape["key"]["shape"], f"{where} key")
            self._value(inner, shape["value"]["shape"], f"{where}[{key}]")

    def _string(self, value, shape, where):
        if not isinstance(value, str):
            raise Invalid(f"{where} is no string")
        self._range(len(value), shape, where, "characters")
        if "enum" in shape and value not in shape["enum"]:
            raise Invalid(f"{where} is {value!r}, none of {shape['enum']}")
        if "pattern" in shape and not re.search(shape["pattern"], value):
            raise Invalid(f"{where} is {value!r}, not of the pattern {shape['pattern']}")

    def _integer(self, value, shape, where):
        if isinstance(value, bool) or not isinstance(value, int):
            raise Invalid(f"{where} is {value!r}, no integer")
        self._range(value, shape, where, "")

    _long = _integer

    def _double(self, value, shape, where):
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise Invalid(f"{where} is {value!r}, no number")
        self._range(value, shape, where, "")

    _float = _double
    _timestamp = _double

    def _boolean(self, value, shape, where):
        if not isinstance(value, bool):
            raise Invalid(f"{where} is {value!r}, no boolean")

    def _blob(self, value, shape, where):
        if not isinstance(value, str):
            raise Invalid(f"{where} is no base64 text")

    def _range(self, n, shape, where, unit):
        if "min" in shape and n < shape["min"]:
            raise Invalid(f"{where} has {n} {unit}, fewer than {shape['min']}".replace("  ", " "))
        if "max" in shape and n > shape["max"]:
            raise Invalid(f"{where} has {n} {unit}, more than {shape['max']}".replace("  ", " "))
