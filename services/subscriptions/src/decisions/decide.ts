import { findRow } from './lifecycle.ts';
import type { Move, PaidCharge } from './move.ts';
import { mrrMinor } from './mrr.ts';
import { noticeOf } from './notices.ts';
import { refundsOf } from './refunds.ts';
import { pendingCharge, type Subscription } from './subscription.ts';
import { COMMANDS, type Command, type Trigger, type TriggerName } from './triggers.ts';

/** What the customer may ask for as things stand at `at`. */
export const possibleCommands = (subscription: Subscription, at: Temporal.Instant): Command[] =>
  (Object.keys(COMMANDS) as Command[]).filter((command) =>
    COMMANDS[command].some((name: TriggerName) => findRow(subscription, name, at) !== undefined),
  );

/** Makes the move the table says, or answers null when the table has none; `possibleCommands` then says what can be done. */
export function decide(before: Subscription, trigger: Trigger): Move | null {
  const row = findRow(before, trigger.name, trigger.at);
  if (!row) return null;
  const changed: Subscription = {
    ...before,
    ...row.change(before, trigger),
    status: row.to,
    version: before.version + 1,
  };
  const after = rememberAnswer(changed, trigger);
  return {
    from: before.status,
    trigger: trigger.name,
    at: trigger.at,
    after,
    says: row.says,
    chargeId: (after.charge ?? before.charge)?.id ?? null,
    paid: trigger.name === 'paid' ? boughtBy(before, after) : null,
    refunds: refundsOf(before, trigger, after),
    notice: trigger.name === 'notice' ? noticeOf(before, trigger.nextTerms) : null,
    skippedPeriods: trigger.name === 'due' ? periodsBetween(before, after) : 0,
    mrrChangeMinor: mrrMinor(after) - mrrMinor(before),
  };
}

/** An answer of the wallet about a charge that goes on is kept by its version, so that an older one is known for old. */
function rememberAnswer(subscription: Subscription, trigger: Trigger): Subscription {
  if (!subscription.charge || !('chargeVersion' in trigger)) return subscription;
  return { ...subscription, charge: { ...subscription.charge, version: trigger.chargeVersion } };
}

function boughtBy(before: Subscription, after: Subscription): PaidCharge {
  const { id: chargeId, amountMinor, state } = pendingCharge(before);
  const part = after.paidParts.find((paid) => paid.chargeId === chargeId);
  // Then `refundsOf` gives all of it back.
  if (!part) return { chargeId, amountMinor, bought: 'nothing', period: null };
  const bought = state === 'change_requested' || state === 'change_voiding' ? 'upgrade' : 'period';
  return { chargeId, amountMinor, bought, period: part.period };
}

const periodsBetween = (before: Subscription, after: Subscription): number =>
  (after.charge?.periodNumber ?? 0) - before.periodNumber - 1;
