"""How fast a shop of ten million events is simulated, and within how much memory."""

import resource
import time
from statistics import median

from _record import Row, record
from merx.simulate import Simulation

CONFIG = Simulation(users=30_000, items=2_000, days=364)
RUNS = 3
PROTOCOL = (
    f"Simulation(users={CONFIG.users}, items={CONFIG.items}, days={CONFIG.days}).run() in one process, "
    f"tables and truth in memory, nothing written; median of {RUNS} runs after a warm-up; "
    "peak of the process's resident memory over all runs."
)


def main() -> None:
    Simulation(users=100, items=20, days=30).run()
    seconds, events = [], 0
    for _ in range(RUNS):
        started = time.perf_counter()
        shop = CONFIG.run()
        seconds.append(time.perf_counter() - started)
        events = shop.tables["events"].num_rows
        del shop
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # KiB on Linux
    case = f"{events / 1e6:.1f} million events"
    record(
        "simulate",
        PROTOCOL,
        [
            Row(case, "seconds", median(seconds), goal="<= 60", met=median(seconds) <= 60),
            Row(case, "events per second", events / median(seconds)),
            Row(case, "peak GiB", peak, goal="<= 4", met=peak <= 4),
        ],
    )


if __name__ == "__main__":
    main()
