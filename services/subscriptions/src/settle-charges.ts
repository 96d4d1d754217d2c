import type { EventOf } from '@evergreen/contracts/envelope.ts';
import { ChargeFailed, ChargeSucceeded, type ChargeVoided } from '@evergreen/contracts/events/wallet.ts';
import type { HandlerContext } from '@evergreen/service-kit/batch.ts';
import type { Clock } from '@evergreen/service-kit/clock.ts';
import { readNow } from './business-time.ts';
import { decide } from './decisions/decide.ts';
import type { CausedMove } from './decisions/move.ts';
import type { Subscription } from './decisions/subscription.ts';
import { triggerOf, UnexpectedAnswer, type WalletAnswer } from './decisions/wallet-answer.ts';
import type { SubscriptionStore } from './subscription-store.ts';

export type ChargeEvent = EventOf<typeof ChargeSucceeded | typeof ChargeFailed | typeof ChargeVoided>;

/**
 * Moves subscriptions by what the wallet says of their charges: inbox, rows and events of the whole batch in one transaction.
 * Right for any order and any repetition, in a batch and across batches: a charge buys its period once.
 * @throws UnexpectedAnswer when the wallet speaks of a charge we never asked for; nothing is written then
 */
export async function settleCharges(
  { store, clock }: { store: SubscriptionStore; clock: Clock },
  events: ChargeEvent[],
  { queue }: Pick<HandlerContext, 'queue'>,
): Promise<void> {
  const messages = {
    consumer: queue,
    messageIds: events.map(({ id }) => id),
    subscriptionIds: events.map(({ data }) => data.subscriptionId),
    chargeIds: events.map(({ data }) => data.chargeId),
  };
  const now = await readNow(clock);
  await store.updateOnce(messages, (locked, fresh, settledBefore) => {
    const current = new Map<string, Subscription>(locked);
    const settled = new Set(settledBefore);
    const moves: CausedMove[] = [];
    for (const event of events.filter(({ id }) => fresh.has(id))) {
      const move = moveBy(event, current.get(event.data.subscriptionId), settled, now);
      if (!move) continue;
      moves.push(move);
      current.set(move.after.id, move.after);
      if (move.paid) settled.add(move.paid.chargeId);
    }
    return moves;
  });
}

function moveBy(
  event: ChargeEvent,
  subscription: Subscription | undefined,
  settled: ReadonlySet<string>,
  now: Temporal.Instant,
): CausedMove | null {
  const trigger = triggerOf(answerOf(event), subscription, settled, now);
  if (!trigger || !subscription) return null;
  const move = decide(subscription, trigger);
  if (!move) throw new UnexpectedAnswer(`a subscription that is ${subscription.status} cannot take ${trigger.name}`);
  return { ...move, cause: { type: event.type, id: event.id, correlationId: event.correlationid } };
}

function answerOf({ type, data }: ChargeEvent): WalletAnswer {
  const said = {
    chargeId: data.chargeId,
    subscriptionId: data.subscriptionId,
    periodStart: Temporal.Instant.from(data.period.start),
    amountMinor: data.amount,
    currency: data.currency,
    version: data.version,
    at: Temporal.Instant.from(data.businessTime),
  };
  if (type === ChargeSucceeded.type) return { ...said, outcome: 'paid' };
  if (type === ChargeFailed.type && 'shortfall' in data) {
    return { ...said, outcome: 'short', shortfallMinor: data.shortfall, awaitingFunds: data.awaitingFunds };
  }
  return { ...said, outcome: 'voided' };
}
