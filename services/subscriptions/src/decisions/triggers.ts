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
  /** The customer wants it to renew after all. */
  resume: object;
}

export type TriggerName = keyof Details;

/** Something that happened at `at`, in business time, and may move a subscription. */
export type Trigger<N extends TriggerName = TriggerName> = {
  [K in N]: { readonly name: K; readonly at: Temporal.Instant } & Readonly<Details[K]>;
}[N];

/** What time alone brings about; the scheduler finds it by `nextAction`. */
export type TimedTrigger = 'due' | 'unanswered' | 'grace_ended' | 'incomplete_timeout' | 'period_ended';

/** What a customer may ask for. */
export const COMMANDS = ['cancel', 'resume'] as const satisfies TriggerName[];
export type Command = (typeof COMMANDS)[number];
