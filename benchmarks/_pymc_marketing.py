"""Fits pymc-marketing's models of customers on request; run by a Python that has it (`_lifetime_peer.py`).

Each line of standard input is a JSON object: the name of a model, and the columns of its table. Each
is answered by one line: the parameters that `fit(method="map")` finds, and the seconds it took, the building
and compiling of the model included, and of its optimiser alone.
"""

import json
import logging
import sys
import warnings
from time import perf_counter

warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)
answers, sys.stdout = sys.stdout, sys.stderr  # what a library prints is no answer

import pandas as pd  # noqa: E402
import pymc.tuning.starting as starting  # noqa: E402
from pymc_marketing import clv  # noqa: E402

minimize, spent = starting.minimize, []


def timed(*given, **more):
    """The optimiser of `pymc.find_MAP`, with its seconds noted."""
    start = perf_counter()
    found = minimize(*given, **more)
    spent.append(perf_counter() - start)
    return found


starting.minimize = timed

for line in sys.stdin:
    asked = json.loads(line)
    table = pd.DataFrame(asked["columns"])
    spent.clear()
    start = perf_counter()
    found = getattr(clv, asked["model"])().fit(data=table, method="map", progressbar=False).posterior
    seconds = perf_counter() - start
    parameters = {name: float(found[name].to_numpy().ravel()[0]) for name in found}
    answer = {"parameters": parameters, "seconds": seconds, "optimiser": sum(spent)}
    answers.write(json.dumps(answer) + "\n")
    answers.flush()
