"""The part of CloudWatch's metric math our tests send: numbers, ids, + - * / ^, brackets, lists, FILL, IF, ABS,
MAX, MIN, SUM, AVG. A series is {timestamp: value}; an operation on two has points where both have one, and none
where the result is no finite number (as when dividing by zero).

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
"""
import math
import re

_TOKEN = re.compile(r"\s*(?:(\d+\.?\d*(?:[eE][+-]?\d+)?)|([A-Za-z][A-Za-z0-9_]*)|(>=|<=|==|!=|[-+*/^(),<>\[\]]))")


class MathError(Exception):
    pass


def tokens(text):
    out, at = [], 0
    text = text.rstrip()
    while at < len(text):
        m = _TOKEN.match(text, at)
        if not m:
            raise MathError(f"Error in expression: unexpected character at {at}: {text[at:at + 10]!r}")
        kind = "number" if m[1] else "name" if m[2] else "sign"
        out.append((kind, m[1] or m[2] or m[3]))
        at = m.end()
    return out + [("end", "")]


def names(text):
    """The ids an expression refers to."""
    return {t for kind, t in tokens(text) if kind == "name" and t[0].islower()}


def _finite(v):
    return v if isinstance(v, (int, float)) and not isinstance(v, complex) and math.isfinite(v) else None


def _both(a, b, f):
    def one(x, y):
        try:
            return _finite(f(x, y))
        except (ZeroDivisionError, OverflowError, ValueError):
            return None
    if isinstance(a, dict) and isinstance(b, dict):
        pairs = ((t, one(a[t], b[t])) for t in a if t in b)
    elif isinstance(a, dict):
        pairs = ((t, one(v, b)) for t, v in a.items())
    elif isinstance(b, dict):
        pairs = ((t, one(a, v)) for t, v in b.items())
    else:
        return one(a, b)
    return {t: v for t, v in pairs if v is not None}


class _Parser:
    def __init__(self, text, series, grid):
        self.t, self.at, self.series, self.grid = tokens(text), 0, series, grid

    def take(self, sign=None):
        kind, text = self.t[self.at]
        if sign is not None and text != sign:
            raise MathError(f"Error in expression: {sign!r} expected, found {text!r}")
        self.at += 1
        return kind, text

    def peek(self):
        return self.t[self.at][1]

    def comparison(self):
        left = self.sum()
        while self.peek() in (">", "<", ">=", "<=", "==", "!="):
            op = self.take()[1]
            f = {">": lambda a, b: float(a > b), "<": lambda a, b: float(a < b), ">=": lambda a, b: float(a >= b),
                 "<=": lambda a, b: float(a <= b), "==": lambda a, b: float(a == b), "!=": lambda a, b: float(a != b)}[op]
            left = _both(left, self.sum(), f)
        return left

    def sum(self):
        left = self.product()
        while self.peek() in ("+", "-"):
            left = _both(left, self.product(), (lambda a, b: a + b)) if self.take()[1] == "+" else _both(left, self.product(), lambda a, b: a - b)
        return left

    def product(self):
        left = self.power()
        while self.peek() in ("*", "/"):
            left = _both(left, self.power(), (lambda a, b: a * b)) if self.take()[1] == "*" else _both(left, self.power(), lambda a, b: a / b)
        return left

    def power(self):
        left = self.unary()
        if self.peek() == "^":
            self.take()
            return _both(left, self.power(), lambda a, b: a ** b)
        return left

    def unary(self):
        if self.peek() == "-":
            self.take()
            return _both(0, self.unary(), lambda a, b: a - b)
        return self.atom()

    def atom(self):
        kind, text = self.take()
        if kind == "number":
            return float(text)
        if text == "(":
            inner = self.comparison()
            self.take(")")
            return inner
        if text == "[":
            return self.arguments("]")
        if kind == "name" and self.peek() == "(":
            self.take()
            return self.call(text, self.arguments(")"))
        if kind == "name":
            if text not in self.series:
                raise MathError(f"Error in expression: {text} is no id of this request")
            return self.series[text]
        raise MathError(f"Error in expression: unexpected {text!r}")

    def arguments(self, end):
        out = []
        while self.peek() != end:
            out.append(self.comparison())
            if self.peek() != end:
                self.take(",")
        self.take(end)
        return out

    def call(self, name, args):
        if name == "FILL" and len(args) == 2 and isinstance(args[0], dict) and not isinstance(args[1], dict):
            return {t: args[0].get(t, args[1]) for t in self.grid}
        if name == "ABS" and len(args) == 1:
            return _both(args[0], 0, lambda a, _: abs(a))
        if name == "IF" and len(args) == 3 and isinstance(args[0], dict):
            out = {}
            for t, condition in args[0].items():
                v = args[1] if condition else args[2]
                v = v.get(t) if isinstance(v, dict) else v
                if v is not None:
                    out[t] = v
            return out
        folds = {"MAX": max, "MIN": min, "SUM": sum, "AVG": lambda v: sum(v) / len(v)}
        if name in folds and len(args) == 1 and isinstance(args[0], list):
            times = set().union(*(s for s in args[0] if isinstance(s, dict)))
            return {t: folds[name]([s[t] for s in args[0] if t in s]) for t in times}
        raise MathError(f"Error in expression: {name} of {len(args)} is not known")


def evaluate(text, series, grid):
    """The expression's series; grid: every timestamp of the request, for FILL."""
    p = _Parser(text, series, grid)
    out = p.comparison()
    if p.t[p.at][0] != "end":
        raise MathError(f"Error in expression: {p.peek()!r} is left over")
    if not isinstance(out, dict):
        raise MathError("Error in expression: the result is no time series")
    return out
