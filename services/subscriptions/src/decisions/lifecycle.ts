import type { SubscriptionStatus } from '@evergreen/contracts/http/subscriptions.ts';
import { accessAt } from './access.ts';
import {
  askAgain,
  askForNextPeriod,
  askForVoid,
  type Change,
  end,
  goOn,
  grantLastPeriod,
  grantPeriod,
  noteShortfall,
  startGrace,
  startWaiting,
  stopAtPeriodEnd,
  stopWaiting,
} from './changes.ts';
import type { Move, Saying } from './move.ts';
import { type ChargeState, isInTrial, type Subscription } from './subscription.ts';
import { COMMANDS, type Command, type Trigger, type TriggerName } from './triggers.ts';

/** One possible move: from this status, with the pending charge in one of these states, the trigger leads there. */
export interface Row<T extends TriggerName = TriggerName> {
  readonly from: SubscriptionStatus;
  readonly charge: readonly (ChargeState | 'none')[];
  readonly only?: 'in trial' | 'after trial';
  readonly to: SubscriptionStatus;
  readonly change: Change<T>;
  readonly says: readonly Saying[];
}

const NO_CHARGE = ['none'] as const;
const ASKED = ['requested'] as const;
const WAITING = ['waiting'] as const;
const VOIDING = ['voiding'] as const;
const NOT_VOIDING = ['requested', 'waiting'] as const;
const ANSWERED = ['waiting', 'voiding'] as const;
const ANY_CHARGE = ['requested', 'waiting', 'voiding'] as const;

const move = <T extends TriggerName>(
  from: SubscriptionStatus,
  charge: Row['charge'],
  to: SubscriptionStatus,
  change: Change<T>,
  ...says: Saying[]
): Row<T> => ({ from, charge, to, change, says });

/**
 * The whole life of a subscription as one table: (state, trigger) -> (state, change, events). What is not here is refused.
 * It begins as `incomplete`, or as `trialing` when its plan has a trial. Canceled with a charge that is being voided means that
 * whichever the wallet did first counts: the money buys one last period, the void ends it.
 */
export const LIFECYCLE: { readonly [T in TriggerName]: readonly Row<T>[] } = {
  due: [
    move('trialing', NO_CHARGE, 'trialing', askForNextPeriod, 'RenewalDue'),
    move('active', NO_CHARGE, 'active', askForNextPeriod, 'RenewalDue'),
  ],
  unanswered: [
    move('incomplete', ASKED, 'incomplete', askAgain, 'SubscriptionRequested'),
    move('trialing', ASKED, 'trialing', askAgain, 'RenewalDue'),
    move('active', ASKED, 'active', askAgain, 'RenewalDue'),
    move('incomplete', VOIDING, 'incomplete', askAgain, 'ChargeVoidRequested'),
    move('pending_renewal', VOIDING, 'pending_renewal', askAgain, 'ChargeVoidRequested'),
    move('canceled', VOIDING, 'canceled', askAgain, 'ChargeVoidRequested'),
  ],
  paid: [
    move('incomplete', ANY_CHARGE, 'active', grantPeriod, 'SubscriptionActivated'),
    move('trialing', ASKED, 'active', grantPeriod, 'SubscriptionActivated'),
    move('active', ASKED, 'active', grantPeriod, 'SubscriptionRenewed'),
    move('pending_renewal', ANSWERED, 'active', grantPeriod, 'SubscriptionActivated'),
    move('canceled', VOIDING, 'canceled', grantLastPeriod, 'SubscriptionActivated'),
  ],
  short: [
    move('incomplete', ASKED, 'incomplete', startWaiting),
    move('incomplete', ANSWERED, 'incomplete', noteShortfall),
    move('trialing', ASKED, 'pending_renewal', startGrace, 'SubscriptionPendingRenewal'),
    move('active', ASKED, 'pending_renewal', startGrace, 'SubscriptionPendingRenewal'),
    move('pending_renewal', ANSWERED, 'pending_renewal', noteShortfall),
    move('canceled', VOIDING, 'canceled', noteShortfall),
  ],
  voided: [
    move('incomplete', ANY_CHARGE, 'expired', end, 'SubscriptionExpired'),
    move('trialing', ASKED, 'expired', end, 'SubscriptionExpired'),
    move('active', ASKED, 'expired', end, 'SubscriptionExpired'),
    move('pending_renewal', ANSWERED, 'expired', end, 'SubscriptionExpired'),
    move('canceled', VOIDING, 'expired', end, 'SubscriptionExpired'),
  ],
  incomplete_timeout: [move('incomplete', WAITING, 'incomplete', askForVoid, 'ChargeVoidRequested')],
  grace_ended: [move('pending_renewal', WAITING, 'pending_renewal', askForVoid, 'ChargeVoidRequested')],
  period_ended: [move('canceled', NO_CHARGE, 'expired', end, 'SubscriptionExpired')],
  cancel: [
    move('incomplete', NOT_VOIDING, 'canceled', stopWaiting, 'SubscriptionCanceled', 'ChargeVoidRequested'),
    move('incomplete', VOIDING, 'canceled', stopWaiting, 'SubscriptionCanceled'),
    move('trialing', NO_CHARGE, 'canceled', stopAtPeriodEnd, 'SubscriptionCanceled'),
    move('trialing', ASKED, 'canceled', stopWaiting, 'SubscriptionCanceled', 'ChargeVoidRequested'),
    move('active', NO_CHARGE, 'canceled', stopAtPeriodEnd, 'SubscriptionCanceled'),
    move('active', ASKED, 'canceled', stopWaiting, 'SubscriptionCanceled', 'ChargeVoidRequested'),
    move('pending_renewal', WAITING, 'canceled', stopWaiting, 'SubscriptionCanceled', 'ChargeVoidRequested'),
    move('pending_renewal', VOIDING, 'canceled', stopWaiting, 'SubscriptionCanceled'),
  ],
  resume: [
    { ...move('canceled', NO_CHARGE, 'trialing', goOn, 'SubscriptionResumed'), only: 'in trial' },
    { ...move('canceled', NO_CHARGE, 'active', goOn, 'SubscriptionResumed'), only: 'after trial' },
  ],
};

function findRow(
  subscription: Subscription,
  { name, at }: { name: TriggerName; at: Temporal.Instant },
): Row | undefined {
  // What is over is over, also while the scheduler is late; resumed, it would be billed for days without access.
  if (name === 'resume' && !accessAt(subscription, at).isOpen) return undefined;
  const charge = subscription.charge?.state ?? 'none';
  const phase = isInTrial(subscription) ? 'in trial' : 'after trial';
  const rows = LIFECYCLE[name] as readonly Row[];
  return rows.find(
    (row) =>
      row.from === subscription.status && row.charge.includes(charge) && (row.only === undefined || row.only === phase),
  );
}

/** What the customer may ask for as things stand at `at`. */
export const possibleCommands = (subscription: Subscription, at: Temporal.Instant): Command[] =>
  COMMANDS.filter((name) => findRow(subscription, { name, at }) !== undefined);

/** Makes the move the table says, or answers null when the table has none; `possibleCommands` then says what can be done. */
export function decide(before: Subscription, trigger: Trigger): Move | null {
  const row = findRow(before, trigger);
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
    granted: trigger.name === 'paid' ? grantedBy(before, after) : null,
    skippedPeriods: trigger.name === 'due' ? periodsBetween(before, after) : 0,
  };
}

/** An answer of the wallet about a charge that goes on is kept by its version, so that an older one is known for old. */
function rememberAnswer(subscription: Subscription, trigger: Trigger): Subscription {
  if (!subscription.charge || !('chargeVersion' in trigger)) return subscription;
  return { ...subscription, charge: { ...subscription.charge, version: trigger.chargeVersion } };
}

function grantedBy(before: Subscription, after: Subscription): Move['granted'] {
  const { charge } = before;
  const { currentPeriod: period } = after;
  if (!charge || !period) throw new Error(`subscription ${before.id} was paid for nothing`);
  return { chargeId: charge.id, amountMinor: charge.amountMinor, period };
}

const periodsBetween = (before: Subscription, after: Subscription): number =>
  (after.charge?.periodNumber ?? 0) - before.periodNumber - 1;
