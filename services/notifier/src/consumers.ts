import type { Envelope, EventOf } from '@evergreen/contracts/envelope.ts';
import { UserRegistered, UserUpdated } from '@evergreen/contracts/events/auth.ts';
import { ClockAdvanced } from '@evergreen/contracts/events/subscriptions.ts';
import { NOTIFIER_ACCOUNTS, NOTIFIER_CLOCK, NOTIFIER_INBOX } from '@evergreen/contracts/topology.ts';
import { type HandlerContext, on } from '@evergreen/service-kit/batch.ts';
import type { Broker } from '@evergreen/service-kit/broker.ts';
import { raiseOffsetMs } from '@evergreen/service-kit/clock.ts';
import { keepAccounts } from './keep-accounts.ts';
import { type StoreDeps, storeNotifications } from './store-notifications.ts';

/** Which event leads to which use case. */
export async function consume(broker: Broker, deps: StoreDeps): Promise<void> {
  const { pool } = deps;
  // One function for all of them, so that neighbours of different types share a transaction.
  const store = (events: Envelope[], { queue }: HandlerContext) => storeNotifications(deps, queue, events);
  const keep = (events: EventOf<typeof UserRegistered>[]) =>
    keepAccounts(
      pool,
      events.map(({ data }) => data),
    );
  await broker.consume(NOTIFIER_ACCOUNTS, [on(UserRegistered, keep), on(UserUpdated, keep)]);
  await broker.consume(NOTIFIER_CLOCK, [
    on(ClockAdvanced, (events) => raiseOffsetMs(pool, Math.max(...events.map(({ data }) => data.offsetMs)))),
  ]);
  await broker.consume(
    NOTIFIER_INBOX,
    NOTIFIER_INBOX.events.map((definition) => on(definition, store)),
  );
}
