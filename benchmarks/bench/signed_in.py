"""What it costs to be signed in: R1 of Meze alone, asked by nobody, by one user, and by all users in turn.

One server answers them in turns. Its processor time for each request is compared within a round, and the median over
the rounds is told, so that other work on the machine, which comes and goes, hits all alike.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from statistics import median

from bench.applications import MEZE
from bench.data import USERS, token_of
from bench.databases import Databases
from bench.measurement import Plan, Sample, sample
from bench.report import SATURATED, markdown
from bench.servers import serving
from bench.workload import Workload

NOBODY, ONE, ALL = "nobody", "one user", f"{USERS:,} users"
MUST = 1.05
"""The bar of the design."""


def cases(get_one: Workload) -> tuple[Workload, ...]:
    """Return R1 as nobody asks it, one user, and all users in turn."""
    askers = {NOBODY: [""], ONE: [token_of(1)], ALL: [token_of(user_id) for user_id in range(1, USERS + 1)]}
    return tuple(
        Workload(
            name,
            tuple(replace(call, token=tokens[place % len(tokens)]) for place, call in enumerate(get_one.calls)),
        )
        for name, tokens in askers.items()
    )


def measure_signed_in(databases: Databases, workloads: Sequence[Workload], plan: Plan) -> Iterable[Sample]:
    """Yield a sample of each case in each round; each round begins with another one."""
    with serving(MEZE, databases.fresh(MEZE), plan.cores, plan.work) as server:
        for turn in range(plan.rounds):
            first = turn % len(workloads)
            for workload in (*workloads[first:], *workloads[:first]):
                yield sample(server, databases, workload, plan, first_isbn=0)


def microseconds(of: Sample) -> float:
    """Return the processor time for each request, of the server and, where it is a process of its own, the database."""
    return (of.server_share + of.database_share) / of.requests_per_second * 1e6


def costs(samples: Sequence[Sample], case: str) -> list[float]:
    """Return, for each round, how many times nobody's processor time the case's request took; sorted."""
    rounds = zip(_of(samples, case), _of(samples, NOBODY), strict=True)
    return sorted(microseconds(asked) / microseconds(by_nobody) for asked, by_nobody in rounds)


def valid(samples: Iterable[Sample]) -> bool:
    """Whether there were answers, and every one was a success."""
    return all(each.errors == 0 and each.requests_per_second > 0 for each in samples)


def signed_in_table(database: str, samples: Sequence[Sample]) -> str:
    """Return the Markdown table of one database."""
    head = "R1 asked by|req/s|ratio|µs each|cost|from|to|server|database|load"
    cells = [head.split("|")]
    if not valid(samples):
        return f"## {database}\n\nInvalid: {sum(each.errors for each in samples):,} errors were counted.\n"
    by_nobody = median(each.requests_per_second for each in _of(samples, NOBODY))
    for case in (NOBODY, ONE, ALL):
        of_case, cost = _of(samples, case), costs(samples, case)
        rate = median(each.requests_per_second for each in of_case)
        load = median(each.load_share for each in of_case)
        cells.append(
            [
                case,
                f"{rate:,.0f}",
                f"{rate / by_nobody:.3f}",
                f"{median(map(microseconds, of_case)):,.1f}",
                f"{median(cost):.3f}",
                f"{cost[len(cost) // 4]:.3f}",
                f"{cost[-1 - len(cost) // 4]:.3f}",
                f"{median(each.server_share for each in of_case):.0%}",
                f"{median(each.database_share for each in of_case):.0%}",
                f"{load:.0%}" + (" (limits)" if load >= SATURATED else ""),
            ]
        )
    return f"## {database}, signed in\n\n{markdown(cells, text_columns=1)}\nThe cost must be at most {MUST:g}.\n"


def _of(samples: Iterable[Sample], case: str) -> list[Sample]:
    return [each for each in samples if each.workload == case]
