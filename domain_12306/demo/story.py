"""The story of the demo: a node, a country on sale, whole orders, a rush, figures, every promise checked."""

import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from multiprocessing import get_context, resource_tracker
from multiprocessing.connection import Connection, wait

import numpy as np

from domain_12306.app import Reference
from domain_12306.demo import board, checks, orders
from domain_12306.demo.screen import Progress, block, say, table
from domain_12306.demo.seller import CALM, RUSH, Account, Plan, Tally, main
from domain_12306.rules.times import PRESALE_DAYS, day_of
from domain_12306.workload.demand import Demand
from engine import Client, Node
from engine.base.errors import Exit, Fault
from engine.node.config import Settings

CALM_SHARE = 0.3  # of the time of the sale
PACE = 1_500.0  # orders a second, all clients together, while it is calm
PATIENCE_S = 60.0
SHOWN = 10  # contradictions


class Story:
    """One demonstration on a started node. `trains`: only the first so many; None: all."""

    def __init__(
        self,
        node: Node,
        settings: Settings,
        reference: Reference,
        trains: int | None,
        seconds: float,
        clients: int,
        seed: int,
    ) -> None:
        self._node, self._settings = node, settings
        self._trains, self._seconds, self._clients, self._seed = trains, seconds, clients, seed
        self._date = (day_of(node.now()) + timedelta(days=1)).isoformat()
        self._reference = reference

    def tell(self) -> int:
        """All of it, to the end of the node. Returns the exit code."""
        node, data = self._node, self._node.data
        partitions = node.endpoints.partitions
        say("node", f"at work: {', '.join(node.pids)}")
        with Client(node.endpoints) as client:
            self._open(client)
            journey = board.most_wanted(self._demand(), self._reference.timetable, self._date)
            before = board.ask(client, journey)
            say("before", f"what is left from {journey.title}")
            block(board.draw(journey, before))
            bought = orders.show(node, client, journey.board, journey.alight, self._date)
            accounts = self._sell()
            say("after", f"what is left from {journey.title}")
            log = checks.read_log(data, partitions, self._settings.app_settings)
            view = checks.check_view(log, client)
            block(board.draw(journey, board.ask(client, journey), before))
        self._figures(accounts)
        code = node.stop()
        stopped = checks.Finding("the node stopped in order", f"exit code {code}", [])
        if code:
            stopped.broken.append("it did not")
        findings = [
            bought,
            checks.check_answers(log, accounts),
            checks.check_journal(data, accounts, log),
            log.finding(),
            checks.check_rules(log),
            view,
            stopped,
        ]
        return verdict(findings)

    def _demand(self) -> Demand:
        timetable, compositions = self._reference
        trains = list(timetable.trains)[: self._trains]
        return Demand(timetable, compositions, [self._date], self._seed, trains)

    def _open(self, client: Client) -> None:
        """Waits until the calendar has put the whole window on sale."""
        wanted = PRESALE_DAYS * len(self._reference.timetable.trains)
        started, progress = time.monotonic(), Progress("opening")

        def told(totals: dict[str, int]) -> bool:
            progress.show(totals["runs"] / wanted, f"{totals['runs']:,} of {wanted:,} train-runs")
            return totals["runs"] == wanted

        totals = client.until(board.VIEW, "totals", predicate=told, timeout_s=PATIENCE_S)
        progress.clear()
        seconds, days = time.monotonic() - started, f"{PRESALE_DAYS} days"
        opened = f"{totals['runs']:,} runs of {wanted // PRESALE_DAYS:,} trains on {days}"
        say("on sale", f"{opened}, {totals['seat_segments']:,} seat-segments, in {seconds:.1f} s")
        say("")

    def _sell(self) -> list[Account]:
        """Runs the clients; their accounts. Draws the progress."""
        calm_s = self._seconds * CALM_SHARE
        with self._sellers(calm_s) as pipes:
            progress = Progress("selling")
            for pipe in pipes:
                _receive(pipe)
            for pipe in pipes:
                pipe.send(None)
            started = time.monotonic()
            tallies = dict.fromkeys(pipes, Tally())
            accounts: dict[Connection, Account] = {}
            while len(accounts) < len(pipes):
                heard = wait([pipe for pipe in pipes if pipe not in accounts], 0.1)
                for pipe in [pipe for pipe in pipes if pipe in heard]:
                    told = _receive(pipe)
                    if isinstance(told, Account):
                        accounts[pipe] = told
                    elif told is not None:
                        tallies[pipe] = told
                if self._node.ended:
                    raise Fault("the node ended during the sale", exit_code=self._node.wait())
                elapsed = time.monotonic() - started
                if elapsed > self._seconds + PATIENCE_S:
                    raise Fault("the clients do not come to an end", seconds=round(elapsed))
                orders = sum(tally.orders for tally in tallies.values())
                tickets = sum(tally.tickets for tally in tallies.values())
                sold_out = sum(tally.sold_out for tally in tallies.values())
                hour = "calm" if elapsed < calm_s else "rush"
                text = f"{hour}: {orders:,} orders, {tickets:,} tickets, {sold_out:,} sold out"
                progress.show(elapsed / self._seconds, text)
            progress.clear()
        return [accounts[pipe] for pipe in pipes]

    @contextmanager
    def _sellers(self, calm_s: float) -> Iterator[list[Connection]]:
        context = get_context("spawn")
        pipes: list[Connection] = []
        processes = []
        try:
            with _ctrl_c_held_back():
                for number in range(self._clients):
                    ours, theirs = context.Pipe()
                    pipes.append(ours)
                    plan = self._plan(number, calm_s)
                    process = context.Process(target=main, args=(plan, theirs), daemon=True)
                    process.start()
                    processes.append(process)
                    theirs.close()
            yield pipes
            for process in processes:
                process.join(PATIENCE_S)
        finally:
            for process in processes:
                process.kill()
                process.join()
            for pipe in pipes:
                pipe.close()

    def _plan(self, number: int, calm_s: float) -> Plan:
        return Plan(
            number=number,
            sellers=self._clients,
            endpoints=self._node.endpoints,
            app_settings=self._settings.app_settings,
            trains=self._trains,
            date=self._date,
            seed=self._seed,
            calm_s=calm_s,
            rush_s=self._seconds - calm_s,
            pace=PACE / self._clients,
        )

    def _figures(self, accounts: list[Account]) -> None:
        outcomes: Counter[str] = Counter()
        codes: Counter[str] = Counter()
        for account in accounts:
            outcomes += account.outcomes
            codes += account.codes
        tickets = sum(account.tally.tickets for account in accounts)
        orders = sum(account.tally.orders for account in accounts)
        why = ", ".join(f"{count:,} {code}" for code, count in codes.most_common())
        answered = ", ".join(f"{count:,} {outcome}" for outcome, count in outcomes.most_common())
        say("sold", f"{tickets:,} tickets in {orders:,} orders from {len(accounts)} client processes")
        say("answers", answered + (f" ({why})" if why else ""))
        rush = sum(account.rush_answers / account.rush_seconds for account in accounts)
        say("throughput", f"{rush:,.0f} commands/s in the rush, each stored and flushed before its answer")
        say("latency", "from the time that a command was to leave until its answer was there, ms")
        rows = [["", "commands", "p50", "p90", "p99", "p99.9", "max"]]
        for phase, name in ((CALM, f"calm, {PACE:,.0f} orders/s by the clock"), (RUSH, "rush, in the queue")):
            times = np.concatenate([account.latencies_s[phase] for account in accounts])
            if len(times):
                percentiles = np.percentile(times, (50, 90, 99, 99.9, 100)) * 1e3
                rows.append([name, f"{len(times):,}", *(f"{value:,.1f}" for value in percentiles)])
        block(table(rows, left=1))


@contextmanager
def _ctrl_c_held_back() -> Iterator[None]:
    """While processes are started, so that it catches none half started; they inherit the mask and never see
    it. The handler is for other threads, which may get the signal in place of the masked one."""
    pressed: list[int] = []
    resource_tracker.ensure_running()  # would lift the mask if the first process started it
    handler = signal.signal(signal.SIGINT, lambda number, _: pressed.append(number))
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        signal.signal(signal.SIGINT, handler)
    if pressed:
        raise KeyboardInterrupt


def _receive(pipe: Connection) -> Tally | Account | None:
    try:
        told: Tally | Account | None = pipe.recv()
    except EOFError:
        raise Fault("a client process ended before its time") from None
    return told


def verdict(findings: list[checks.Finding]) -> int:
    """Says which promises were kept; returns the exit code."""
    wide = max(len(finding.promise) for finding in findings)
    for number, finding in enumerate(findings):
        word = "BROKEN" if finding.broken else "kept"
        say("" if number else "checked", f"{word:<8}{finding.promise:<{wide}}   {finding.extent}")
        for text in finding.broken[:SHOWN]:
            say("", f"        {text}")
        if len(finding.broken) > SHOWN:
            say("", f"        and {len(finding.broken) - SHOWN:,} more")
    broken = sum(1 for finding in findings if finding.broken)
    say("")
    say("result", f"{broken} promises broken" if broken else "every promise was kept")
    return Exit.INVARIANT if broken else Exit.OK
