import type { Period, Terms } from './subscription.ts';

/** What each trigger brings along besides its time. */
interface Details {
  /** The wallet has debited the charge. */
  paid: { chargeVersion: number };
  /** The wallet cannot debit the charge now, and keeps it waiting for funds. */
  short: { chargeVersion: number; shortfallMinor: number };
  /** The charge can never be debited any more. */
  voided: { chargeVersion: number };
  /** The end of the current period has passed, and it renews. */
  due: object;
  /** The end of the current period has passed, and from the next one on other terms apply. Comes right before `due`. */
  terms_due: { terms: Terms };
  /** What the customer has ends soon. `nextTerms` are those of the next period. */
  notice: { nextTerms: Terms };
  /** The wallet was asked, and has not answered in time. */
  unanswered: object;
  /** The days of grace have passed without a payment. */
  grace_ended: object;
  /** The first payment did not come in time. */
  incomplete_timeout: object;
  /** The end of the current period has passed, and it does not renew. */
  period_ended: object;
  /** The customer does not want it to renew. */
  cancel: object;
  /** The customer wants it to end at once; `refund` says whether what is unused of the money goes back. */
  cancel_now: { refund: boolean };
  /** The customer wants it to renew after all, or to go on after a pause. */
  resume: object;
  /** The customer wants neither access nor renewals for a while. */
  pause: object;
  /** The customer wants a plan that costs more now: `amountMinor` for `period`. */
  upgrade: { terms: Terms; amountMinor: number; period: Period };
  /** The customer wants another plan from the end of the period on. */
  schedule_change: { terms: Terms };
  /** The customer wants to keep the plan after all. */
  drop_change: object;
  /** The customer wants another plan before anything was paid. */
  switch_plan: { terms: Terms };
  /** An operator moves the end of what is paid, or of the grace, to `until`. */
  extend: { until: Temporal.Instant };
}

export type TriggerName = keyof Details;

/** Something that happened at `at`, in business time, and may move a subscription. */
export type Trigger<N extends TriggerName = TriggerName> = {
  [K in N]: { readonly name: K; readonly at: Temporal.Instant } & Readonly<Details[K]>;
}[N];

/** What time alone brings about; the scheduler finds it by `nextAction`. */
export type TimedTrigger = 'due' | 'notice' | 'unanswered' | 'grace_ended' | 'incomplete_timeout' | 'period_ended';

/** What a customer may ask for, and the triggers that carry it out: it is possible where one of them is. */
export const COMMANDS = {
  cancel: ['cancel'],
  cancel_now: ['cancel_now'],
  resume: ['resume'],
  pause: ['pause'],
  change_plan: ['upgrade', 'switch_plan'],
} as const satisfies Record<string, readonly TriggerName[]>;
export type Command = keyof typeof COMMANDS;
