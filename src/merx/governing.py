"""Prices of a shop from the proposal to the shop platform: who may take which step is `merx.price.ledger`."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from merx.answers.answer import Context
from merx.answers.price import explored_prices
from merx.config import ShopConfig
from merx.decisions import Decision
from merx.errors import RequestError
from merx.files import write_csv
from merx.price.events import APPROVED, OPEN, STEPS, Event
from merx.price.guardrails import PASS, Facts, Verdict, verdict
from merx.price.ledger import Check, Draft, PriceLedger
from merx.store.demand import demand, price_panel
from merx.store.engine import Engine

UNKNOWN = Facts(None, None)


class Prices:
    """The proposed prices of a shop. Every step says who takes it and why, and is written down for good.

    Parameters
    ----------
    ledger : PriceLedger
    config : ShopConfig
    quote : function of an item or None
        The decision that prices come from.
    context : function that opens what is answered from, now
    """

    def __init__(
        self,
        ledger: PriceLedger,
        config: ShopConfig,
        quote: Callable[[str | None], Decision],
        context: Callable[[], AbstractContextManager[Context]],
    ) -> None:
        self._ledger = ledger
        self._config = config
        self._quote = quote
        self._context = context

    def propose(
        self, *, by: str, why: str, item: str | None = None, explore: bool = False
    ) -> tuple[Event, ...]:
        """Propose the prices that `Shop.price` would change, of one item or of all.

        Gives the events: proposals, and older ones of the same items that these replace. With `explore` each
        price is drawn as often as it may be the best (`merx.price.thompson`); of grade D it stays.

        Raises
        ------
        RequestError
            No price would change, it cannot be told, [governance] does not allow to explore, or every price
            that would change has an approved one that is not applied yet.
        """
        if explore and not self._config.governance.explore:
            raise RequestError("[governance] explore is false: prices are not drawn to learn from.")
        decision = self._quote(item)
        rows = decision.answer["rows"]
        price = {row["item_id"]: row["price"] for row in rows}
        if explore:
            told = [row["item_id"] for row in rows if row["grade"] != "D"]
            with self._context() as context:
                drawn = explored_prices(context, self._config, int(decision.id[-8:], 16), told)
            price |= {item: drawn[item] for item in told}
        drafts = [
            Draft(row["item_id"], price[row["item_id"]], row["price_now"], row["grade"], decision.id)
            for row in rows
            if price[row["item_id"]] != row["price_now"]
        ]
        if not drafts:
            raise RequestError(f"No price would change (decision {decision.id}); `merx why` says why.")
        return self.propose_these(drafts, by=by, why=why)

    def propose_these(self, drafts: Sequence[Draft], *, by: str, why: str) -> tuple[Event, ...]:
        """Propose other prices than those of `Shop.price`, such as those of a price test.

        Raises RequestError where none was written, because approved prices of these products wait.
        """
        events = self._ledger.propose(drafts, by=by, why=why, check=self._check())
        if not events:
            raise RequestError(
                f"{len(drafts):,} prices would change, and each of these products has an approved price that "
                "is not applied yet: apply or reject those first."
            )
        return events

    def review(self, proposals: Sequence[str], *, by: str, why: str) -> tuple[Event, ...]:
        """Say that proposals were looked at, which comes before an approval. Without ids: all that wait."""
        return self._move(proposals, "reviewed", by, why)

    def approve(self, proposals: Sequence[str], *, by: str, why: str) -> tuple[Event, ...]:
        """Approve reviewed prices. Without ids: all that no guardrail warns of; others need to be named.

        Raises
        ------
        RequestError
            A guardrail blocks one of them, prices are stopped, or there are more than [governance] batch:
            none is approved then.
        """
        return self._move(proposals, "approved", by, why)

    def reject(self, proposals: Sequence[str], *, by: str, why: str) -> tuple[Event, ...]:
        """Drop proposals, approved ones too while they are not applied. Without ids: all of those."""
        return self._move(proposals, "rejected", by, why)

    def override(self, proposal: str, price: float, *, by: str, why: str) -> tuple[Event, ...]:
        """Approve another price than the proposed one, within the guardrails."""
        return self._move([proposal], "overridden", by, why, price)

    def apply(self, proposals: Sequence[str], *, by: str, why: str) -> tuple[Event, ...]:
        """Say that approved prices now stand in the shop. Without ids: all approved ones."""
        return self._move(proposals, "applied", by, why)

    def roll_back(self, proposals: Sequence[str], *, by: str, why: str) -> tuple[Event, ...]:
        """Say that applied prices are taken back; the events hold the prices to go back to."""
        if not proposals:
            raise RequestError(
                "Name the proposals to roll back; their ids are in `merx prices SHOP history`."
            )
        return self._move(proposals, "rolled_back", by, why)

    def export(self, path: Path, *, by: str, why: str) -> tuple[Event, ...]:
        """Write the approved prices that are not applied yet as CSV; nothing becomes applied by it.

        The columns are item_id, price, price_now, proposal, approved_by and approved_at.
        """

        def write(events: Sequence[Event]) -> None:
            columns = {
                "item_id": [event.item for event in events],
                "price": [event.price for event in events],
                "price_now": [event.price_now for event in events],
                "proposal": [event.proposal for event in events],
                "approved_by": [event.by for event in events],
                "approved_at": [event.time for event in events],
            }
            write_csv(pa.table(columns), path)

        return self._ledger.export(
            by=by, why=why, check=self._check(), batch=self._config.governance.batch, write=write
        )

    def stop(self, *, by: str, why: str) -> Event:
        """The kill switch: until `resume` nothing is approved, exported or applied."""
        return self._ledger.stop(by=by, why=why)

    def resume(self, *, by: str, why: str) -> Event:
        """Lift the stop."""
        return self._ledger.resume(by=by, why=why)

    def stopped(self) -> Event | None:
        """The stop in force, if there is one."""
        return self._ledger.stopped()

    def waiting(self) -> tuple[Event, ...]:
        """The last event of each proposal that waits for a step: it is proposed, reviewed or approved."""
        return self._ledger.latest(*OPEN, *APPROVED)

    def history(self, item: str | None = None) -> tuple[Event, ...]:
        """Every event, oldest first; of one item where one is named."""
        return self._ledger.history(item)

    def _move(
        self, proposals: Sequence[str], state: str, by: str, why: str, price: float | None = None
    ) -> tuple[Event, ...]:
        check = self._check()
        names = list(proposals) or [
            str(event.proposal)
            for event in self._ledger.latest()
            if state in STEPS[event.state] and (state != "approved" or self._passes(check, event))
        ]
        if not names and state == "approved" and (held := self._ledger.latest("reviewed")):
            raise RequestError(
                f"No price waits to be approved without its id: a guardrail warns of or blocks every "
                f"reviewed one ({len(held):,}); `merx prices SHOP history --waiting` says why."
            )
        if not names:
            raise RequestError(f"No price waits to be {state}.")
        return self._ledger.move(
            names, state, by=by, why=why, check=check, batch=self._config.governance.batch, price=price
        )

    @staticmethod
    def _passes(check: Check, event: Event) -> bool:
        return check(event, float(event.price or 0.0), datetime.now(UTC)).level == PASS

    def _check(self) -> Check:
        known: dict[str, Facts] = {}

        def check(event: Event, price: float, now: datetime) -> Verdict:
            if not known:  # asked once for each command
                with self._context() as context:
                    known.update(_facts(context.engine))
            facts = known.get(str(event.item), UNKNOWN)
            config = self._config
            return verdict(event, price, facts, now, config.governance, config.price.min_margin)

        return check


def _facts(engine: Engine) -> dict[str, Facts]:
    """Price and cost of every item that ever had a price, now."""
    panel = price_panel(engine, demand(engine))
    cost = [None if one != one else one for one in panel.cost.tolist()]
    return {
        item: Facts(now, unit)
        for item, now, unit in zip(panel.items.ids.to_pylist(), panel.price_now.tolist(), cost, strict=True)
    }
