import { refundId } from './charge-id.ts';
import type { Refund } from './move.ts';
import { unusedOf } from './proration.ts';
import { pendingCharge, type Subscription } from './subscription.ts';
import type { Trigger } from './triggers.ts';

/** What goes back to the balance with a move: what is unused when it ends at once, or money that came too late to buy anything. */
export function refundsOf(before: Subscription, trigger: Trigger): Refund[] {
  if (trigger.name === 'cancel_now' && trigger.refund) return unusedMoney(before, trigger.at);
  if (trigger.name === 'paid' && before.charge?.state === 'returning') return [wholeCharge(before)];
  return [];
}

function unusedMoney(before: Subscription, at: Temporal.Instant): Refund[] {
  const { paidParts, pausedAt, version } = before;
  return paidParts
    .map((part) => ({
      id: refundId(part.chargeId, version),
      chargeId: part.chargeId,
      amountMinor: unusedOf(part, pausedAt ?? at).amountMinor,
      reason: 'Unused time after the cancellation',
    }))
    .filter(({ amountMinor }) => amountMinor > 0);
}

function wholeCharge(before: Subscription): Refund {
  const { id: chargeId, amountMinor } = pendingCharge(before);
  return { id: refundId(chargeId, before.version), chargeId, amountMinor, reason: 'Paid when it was canceled already' };
}
