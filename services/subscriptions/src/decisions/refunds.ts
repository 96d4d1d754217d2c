import { refundId } from './charge-id.ts';
import type { Refund } from './move.ts';
import { unusedOf } from './proration.ts';
import { pendingCharge, type Subscription } from './subscription.ts';
import type { Trigger } from './triggers.ts';

/** What goes back to the balance with a move: what is unused when it ends at once, or money that came too late to buy anything. */
export function refundsOf(before: Subscription, trigger: Trigger, after: Subscription): Refund[] {
  if (trigger.name === 'cancel_now' && trigger.refund) return unusedMoney(before, trigger.at);
  if (trigger.name === 'paid') return ofPaid(before, after);
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

/** What of a charge that was just paid has bought nothing: all of it when that was canceled, or the time an upgrade came late. */
function ofPaid(before: Subscription, after: Subscription): Refund[] {
  const { id: chargeId, amountMinor: paidMinor, state } = pendingCharge(before);
  const usedMinor = after.paidParts.find((part) => part.chargeId === chargeId)?.amountMinor ?? 0;
  const amountMinor = paidMinor - usedMinor;
  const reason = state === 'returning' ? 'Paid when it was canceled already' : 'Time before the upgrade was made';
  return amountMinor > 0 ? [{ id: refundId(chargeId, before.version), chargeId, amountMinor, reason }] : [];
}
