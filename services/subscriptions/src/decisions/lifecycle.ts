import type { SubscriptionStatus } from '@evergreen/contracts/http/subscriptions.ts';
import { accessAt, hasTimeLeft } from './access.ts';
import {
  askAgain,
  askForNextPeriod,
  askForVoid,
  type Change,
  dropCharge,
  end,
  goOn,
  grantLastPeriod,
  grantPeriod,
  keepPeriod,
  noteNotice,
  noteShortfall,
  startGrace,
  startWaiting,
  stopAndGiveUpgradeUp,
  stopAtPeriodEnd,
  stopNow,
  stopNowAndGiveUp,
  stopWaiting,
} from './changes.ts';
import { extendGrace, extendPeriod } from './extension.ts';
import type { Saying } from './move.ts';
import { endPause, endPauseAndStop, pauseAndStopWaiting, pauseNow, payAfterPause, stopAfterPause } from './pause.ts';
import { isBefore } from './periods.ts';
import {
  applyTerms,
  askForUpgrade,
  dropChange,
  dropUpgrade,
  makeLastUpgrade,
  makeUpgrade,
  scheduleChange,
  switchPlan,
} from './plan-change.ts';
import type { ChargeState, Subscription } from './subscription.ts';
import type { TriggerName } from './triggers.ts';

/** What is left of what was paid for, of the trial, or of the days of grace, with access or without: `used up` for nothing. */
export type Phase = 'in trial' | 'paid' | 'in open grace' | 'in closed grace' | 'used up';

/** One possible move: from this status, with the pending charge in one of these states, the trigger leads there. */
export interface Row<T extends TriggerName = TriggerName> {
  readonly from: SubscriptionStatus;
  readonly charge: readonly (ChargeState | 'none')[];
  readonly only?: readonly Phase[];
  readonly to: SubscriptionStatus;
  readonly change: Change<T>;
  readonly says: readonly Saying[];
}

const NONE = ['none'] as const;
const ASKED = ['requested'] as const;
const WAITING = ['waiting'] as const;
const VOIDING = ['voiding'] as const;
const RETURNING = ['returning'] as const;
const VOIDING_OR_RETURNING = ['voiding', 'returning'] as const;
const UPGRADING = ['change_requested'] as const;
const UPGRADE_VOIDING = ['change_voiding'] as const;
const REQUESTED_OR_WAITING = ['requested', 'waiting'] as const;
const WAITING_OR_VOIDING = ['waiting', 'voiding'] as const;
const ANY_OF_A_PERIOD = ['requested', 'waiting', 'voiding'] as const;

const move = <T extends TriggerName>(
  from: SubscriptionStatus,
  charge: Row['charge'],
  to: SubscriptionStatus,
  change: Change<T>,
  ...says: Saying[]
): Row<T> => ({ from, charge, to, change, says });

const only = <T extends TriggerName>(phases: readonly Phase[], row: Row<T>): Row<T> => ({ ...row, only: phases });

/**
 * The whole life of a subscription as one table: (state, trigger) -> (state, change, events). What is not here is refused.
 * It begins as `incomplete`, or as `trialing` when its plan has a trial. A charge that was given up counts by what the wallet did
 * first: one that is `voiding` and was paid buys a last period, or one for the end of a pause; one that is `returning` is given back.
 */
export const LIFECYCLE: { readonly [T in TriggerName]: readonly Row<T>[] } = {
  due: [
    move('trialing', NONE, 'trialing', askForNextPeriod, 'RenewalDue'),
    move('active', NONE, 'active', askForNextPeriod, 'RenewalDue'),
  ],
  terms_due: [
    move('trialing', NONE, 'trialing', applyTerms, 'SubscriptionPlanChanged'),
    move('active', NONE, 'active', applyTerms, 'SubscriptionPlanChanged'),
  ],
  notice: [
    move('trialing', NONE, 'trialing', noteNotice, 'SubscriptionExpiring'),
    move('active', NONE, 'active', noteNotice, 'SubscriptionExpiring'),
    move('canceled', NONE, 'canceled', noteNotice, 'SubscriptionExpiring'),
    move('pending_renewal', WAITING, 'pending_renewal', noteNotice, 'SubscriptionExpiring'),
  ],
  unanswered: [
    move('incomplete', ASKED, 'incomplete', askAgain, 'SubscriptionRequested'),
    move('trialing', ASKED, 'trialing', askAgain, 'RenewalDue'),
    move('active', ASKED, 'active', askAgain, 'RenewalDue'),
    move('active', UPGRADING, 'active', askAgain, 'PlanChangeDue'),
    move('incomplete', VOIDING, 'incomplete', askAgain, 'ChargeVoidRequested'),
    move('pending_renewal', VOIDING, 'pending_renewal', askAgain, 'ChargeVoidRequested'),
    move('paused', VOIDING, 'paused', askAgain, 'ChargeVoidRequested'),
    move('canceled', VOIDING_OR_RETURNING, 'canceled', askAgain, 'ChargeVoidRequested'),
    move('canceled', UPGRADE_VOIDING, 'canceled', askAgain, 'ChargeVoidRequested'),
  ],
  paid: [
    move('incomplete', ANY_OF_A_PERIOD, 'active', grantPeriod, 'SubscriptionActivated'),
    move('trialing', ASKED, 'active', grantPeriod, 'SubscriptionActivated'),
    move('active', ASKED, 'active', grantPeriod, 'SubscriptionRenewed'),
    move('active', UPGRADING, 'active', makeUpgrade, 'RefundDue', 'SubscriptionPlanChanged'),
    move('pending_renewal', WAITING_OR_VOIDING, 'active', grantPeriod, 'SubscriptionActivated'),
    move('paused', VOIDING, 'paused', keepPeriod, 'SubscriptionPaused'),
    move('canceled', VOIDING, 'canceled', grantLastPeriod, 'SubscriptionActivated'),
    move('canceled', UPGRADE_VOIDING, 'canceled', makeLastUpgrade, 'RefundDue', 'SubscriptionPlanChanged'),
    move('canceled', RETURNING, 'expired', end, 'RefundDue', 'SubscriptionExpired'),
  ],
  short: [
    move('incomplete', ASKED, 'incomplete', startWaiting),
    move('incomplete', WAITING_OR_VOIDING, 'incomplete', noteShortfall),
    move('trialing', ASKED, 'pending_renewal', startGrace, 'SubscriptionPendingRenewal'),
    move('active', ASKED, 'pending_renewal', startGrace, 'SubscriptionPendingRenewal'),
    move('pending_renewal', WAITING_OR_VOIDING, 'pending_renewal', noteShortfall),
    move('paused', VOIDING, 'paused', noteShortfall),
    move('canceled', VOIDING_OR_RETURNING, 'canceled', noteShortfall),
  ],
  voided: [
    move('incomplete', ANY_OF_A_PERIOD, 'expired', end, 'SubscriptionExpired'),
    move('trialing', ASKED, 'expired', end, 'SubscriptionExpired'),
    move('active', ASKED, 'expired', end, 'SubscriptionExpired'),
    move('active', UPGRADING, 'active', dropUpgrade, 'SubscriptionPlanChanged'),
    move('pending_renewal', WAITING_OR_VOIDING, 'expired', end, 'SubscriptionExpired'),
    move('paused', VOIDING, 'paused', dropCharge),
    move('canceled', VOIDING_OR_RETURNING, 'expired', end, 'SubscriptionExpired'),
    move('canceled', UPGRADE_VOIDING, 'canceled', dropUpgrade),
  ],
  incomplete_timeout: [move('incomplete', WAITING, 'incomplete', askForVoid, 'ChargeVoidRequested')],
  grace_ended: [move('pending_renewal', WAITING, 'pending_renewal', askForVoid, 'ChargeVoidRequested')],
  period_ended: [move('canceled', NONE, 'expired', end, 'SubscriptionExpired')],
  cancel: [
    move('incomplete', REQUESTED_OR_WAITING, 'canceled', stopWaiting, 'SubscriptionCanceled', 'ChargeVoidRequested'),
    move('incomplete', VOIDING, 'canceled', stopWaiting, 'SubscriptionCanceled'),
    move('trialing', NONE, 'canceled', stopAtPeriodEnd, 'SubscriptionCanceled'),
    move('trialing', ASKED, 'canceled', stopWaiting, 'SubscriptionCanceled', 'ChargeVoidRequested'),
    move('active', NONE, 'canceled', stopAtPeriodEnd, 'SubscriptionCanceled'),
    move('active', ASKED, 'canceled', stopWaiting, 'SubscriptionCanceled', 'ChargeVoidRequested'),
    move('active', UPGRADING, 'canceled', stopAndGiveUpgradeUp, 'SubscriptionCanceled', 'ChargeVoidRequested'),
    move('pending_renewal', WAITING, 'canceled', stopWaiting, 'SubscriptionCanceled', 'ChargeVoidRequested'),
    move('pending_renewal', VOIDING, 'canceled', stopWaiting, 'SubscriptionCanceled'),
    only(['in trial', 'paid'], move('paused', NONE, 'canceled', endPauseAndStop, 'SubscriptionCanceled')),
    only(['used up'], move('paused', NONE, 'canceled', stopAfterPause, 'SubscriptionCanceled')),
    move('paused', VOIDING, 'canceled', stopWaiting, 'SubscriptionCanceled'),
  ],
  cancel_now: [
    // Where nothing is to be given back, `RefundDue` says nothing.
    move(
      'incomplete',
      REQUESTED_OR_WAITING,
      'canceled',
      stopNowAndGiveUp,
      'RefundDue',
      'SubscriptionCanceled',
      'ChargeVoidRequested',
    ),
    move('incomplete', VOIDING, 'canceled', stopNowAndGiveUp, 'RefundDue', 'SubscriptionCanceled'),
    move('trialing', NONE, 'expired', stopNow, 'RefundDue', 'SubscriptionExpired'),
    move('trialing', ASKED, 'canceled', stopNowAndGiveUp, 'RefundDue', 'SubscriptionCanceled', 'ChargeVoidRequested'),
    move('active', NONE, 'expired', stopNow, 'RefundDue', 'SubscriptionExpired'),
    move('active', ASKED, 'canceled', stopNowAndGiveUp, 'RefundDue', 'SubscriptionCanceled', 'ChargeVoidRequested'),
    move('active', UPGRADING, 'canceled', stopNowAndGiveUp, 'RefundDue', 'SubscriptionCanceled', 'ChargeVoidRequested'),
    move(
      'pending_renewal',
      WAITING,
      'canceled',
      stopNowAndGiveUp,
      'RefundDue',
      'SubscriptionCanceled',
      'ChargeVoidRequested',
    ),
    move('pending_renewal', VOIDING, 'canceled', stopNowAndGiveUp, 'RefundDue', 'SubscriptionCanceled'),
    move('paused', NONE, 'expired', stopNow, 'RefundDue', 'SubscriptionExpired'),
    move('paused', VOIDING, 'canceled', stopNowAndGiveUp, 'RefundDue', 'SubscriptionCanceled'),
    move('canceled', NONE, 'expired', stopNow, 'RefundDue', 'SubscriptionExpired'),
    move('canceled', VOIDING, 'canceled', stopNowAndGiveUp, 'RefundDue'),
    move('canceled', UPGRADE_VOIDING, 'canceled', stopNowAndGiveUp, 'RefundDue'),
  ],
  resume: [
    // What is over is over, also while the scheduler is late; resumed, it would be billed for days without access.
    only(['in trial'], move('canceled', NONE, 'trialing', goOn, 'SubscriptionResumed')),
    only(['paid'], move('canceled', NONE, 'active', goOn, 'SubscriptionResumed')),
    only(['in trial'], move('paused', NONE, 'trialing', endPause, 'SubscriptionResumed')),
    only(['paid'], move('paused', NONE, 'active', endPause, 'SubscriptionResumed')),
    only(
      ['used up'],
      move('paused', NONE, 'incomplete', payAfterPause, 'SubscriptionResumed', 'SubscriptionRequested'),
    ),
  ],
  pause: [
    move('trialing', NONE, 'paused', pauseNow, 'SubscriptionPaused'),
    move('trialing', ASKED, 'paused', pauseAndStopWaiting, 'SubscriptionPaused', 'ChargeVoidRequested'),
    move('active', NONE, 'paused', pauseNow, 'SubscriptionPaused'),
    move('active', ASKED, 'paused', pauseAndStopWaiting, 'SubscriptionPaused', 'ChargeVoidRequested'),
    // Not while grace gives access: a pause at its end, each time, would make those days free.
    only(
      ['in closed grace', 'used up'],
      move('pending_renewal', WAITING, 'paused', pauseAndStopWaiting, 'SubscriptionPaused', 'ChargeVoidRequested'),
    ),
    only(
      ['in closed grace', 'used up'],
      move('pending_renewal', VOIDING, 'paused', pauseAndStopWaiting, 'SubscriptionPaused'),
    ),
  ],
  upgrade: [move('active', NONE, 'active', askForUpgrade, 'PlanChangeDue')],
  schedule_change: [move('active', NONE, 'active', scheduleChange, 'SubscriptionPlanChanged')],
  drop_change: [move('active', NONE, 'active', dropChange, 'SubscriptionPlanChanged')],
  switch_plan: [move('trialing', NONE, 'trialing', switchPlan, 'SubscriptionPlanChanged')],
  extend: [
    move('trialing', NONE, 'trialing', extendPeriod, 'SubscriptionExtended'),
    move('active', NONE, 'active', extendPeriod, 'SubscriptionExtended'),
    only(['in trial', 'paid'], move('canceled', NONE, 'canceled', extendPeriod, 'SubscriptionExtended')),
    // Access that has closed would open again in the middle of what a payment then buys.
    only(
      ['in open grace', 'in closed grace'],
      move('pending_renewal', WAITING, 'pending_renewal', extendGrace, 'SubscriptionExtended'),
    ),
  ],
};

function phaseAt(subscription: Subscription, at: Temporal.Instant): Phase {
  const { status, graceEndsAt } = subscription;
  if (status === 'pending_renewal') {
    if (accessAt(subscription, at).isOpen) return 'in open grace';
    return graceEndsAt && isBefore(at, graceEndsAt) ? 'in closed grace' : 'used up';
  }
  if (!hasTimeLeft(subscription, at)) return 'used up';
  return subscription.isTrial ? 'in trial' : 'paid';
}

/** The one row of the table for a subscription as it is at `at`; undefined when it cannot make this move. */
export function findRow(subscription: Subscription, name: TriggerName, at: Temporal.Instant): Row | undefined {
  const charge = subscription.charge?.state ?? 'none';
  const phase = phaseAt(subscription, at);
  const rows = LIFECYCLE[name] as readonly Row[];
  return rows.find(
    (row) =>
      row.from === subscription.status &&
      row.charge.includes(charge) &&
      (row.only === undefined || row.only.includes(phase)),
  );
}
