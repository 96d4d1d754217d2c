import type { EventOf } from '@evergreen/contracts/envelope.ts';
import {
  ChargeVoidRequested,
  PlanChangeDue,
  type RenewalDue,
  type SubscriptionRequested,
} from '@evergreen/contracts/events/subscriptions.ts';
import { WALLET_CHARGES } from '@evergreen/contracts/topology.ts';
import { inTransaction } from '@evergreen/service-kit/database.ts';
import { claimInbox } from '@evergreen/service-kit/inbox.ts';
import type pg from 'pg';
import type { Refill } from './auto-top-up.ts';
import type { Command } from './decisions/accounts.ts';
import { postToLedger } from './ledger-store.ts';

type ChargeEvent = EventOf<
  typeof SubscriptionRequested | typeof RenewalDue | typeof PlanChangeDue | typeof ChargeVoidRequested
>;

/**
 * Debits what is due and gives up what is to be voided: inbox, ledger and outbox of the whole batch in one transaction.
 * Events that were carried out before are passed over; each charge is debited at most once, whatever comes twice.
 */
export async function settleCharges(
  deps: { pool: pg.Pool; wakeOutbox: () => void } & Refill,
  events: ChargeEvent[],
): Promise<void> {
  await inTransaction(deps.pool, async (client) => {
    const fresh = await claimInbox(
      client,
      WALLET_CHARGES.name,
      events.map(({ id }) => id),
    );
    const commands = events.filter(({ id }) => fresh.has(id)).map(commandOf);
    await postToLedger(client, commands, deps);
  });
  deps.wakeOutbox();
}

function commandOf(event: ChargeEvent): Command {
  const cause = { type: event.type, correlationId: event.correlationid, causationId: event.id };
  const { charge } = event.data;
  if (event.type === ChargeVoidRequested.type) return { type: 'void', charge, cause };
  return { type: 'charge', charge, ifShort: event.type === PlanChangeDue.type ? 'void' : 'wait', cause };
}
