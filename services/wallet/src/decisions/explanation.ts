/** Why a line of the statement is there, in plain sentences made from the facts alone. */
import { EVENTS } from '@evergreen/contracts/catalogue.ts';
import { PaymentSucceeded } from '@evergreen/contracts/events/gateway.ts';
import { PlanChangeDue } from '@evergreen/contracts/events/subscriptions.ts';
import type { Explanation, Transaction } from '@evergreen/contracts/http/wallet.ts';
import { type Attempt, attemptSentences } from './attempt-text.ts';
import { moneyText, timeText } from './wording.ts';

/** A charge, with what it needs to be told of. */
export type ExplainedCharge = NonNullable<Explanation['charge']> & { description: string; correlationId: string };

/** Who gave money back or adjusted a balance, and why. */
interface Decision {
  actorId: string | null;
  causeType: string;
  causationId: string | null;
  reason: string;
  at: string;
}

export type Story =
  | {
      kind: 'top_up';
      topUp: { origin: 'customer' | 'auto'; paymentMethod: string; askedAt: string };
      attempts: readonly Attempt[];
    }
  /** `paidBy` is the credit that brought the money, when the charge had to wait for one. */
  | { kind: 'charge'; charge: ExplainedCharge; paidBy: Transaction | null }
  | {
      kind: 'refund' | 'payout';
      charge: ExplainedCharge;
      refund: Decision & { to: 'balance' | 'payment_method' };
      attempts: readonly Attempt[];
    }
  | { kind: 'adjustment'; adjustment: Decision };

export interface Facts {
  transaction: Transaction;
  trigger: Explanation['trigger'];
  story: Story;
  /** The waiting charges that this credit paid, oldest first; `more` when there were others that are not listed. */
  paid: { charges: readonly ExplainedCharge[]; more: boolean };
  /** IANA time zone of the reader. */
  timeZone: string;
}

/** The explanation of a line: every fact in it stands as data too, instants in UTC there and in the reader's time zone here. */
export function explanationOf(facts: Facts): Explanation {
  const { transaction, trigger, story } = facts;
  const { balanceAfter: after, amount, currency } = transaction;
  return {
    transaction,
    sentences: [...storySentences(facts), balanceSentence(transaction), ...paidSentences(facts)],
    trigger,
    balance: { before: after - amount, after, currency },
    charge: 'charge' in story ? story.charge : null,
    attempts: 'attempts' in story ? [...story.attempts] : [],
  };
}

function storySentences(facts: Facts): string[] {
  const { story } = facts;
  switch (story.kind) {
    case 'top_up':
      return topUpSentences(facts, story);
    case 'charge':
      return chargeSentences(facts, story);
    case 'refund':
    case 'payout':
      return refundSentences(facts, story);
    case 'adjustment':
      return adjustmentSentences(facts, story);
  }
}

type StoryOf<Kind> = Extract<Story, { kind: Kind }>;

function topUpSentences(facts: Facts, { topUp, attempts }: StoryOf<'top_up'>): string[] {
  const amount = money(facts.transaction);
  const asked = timeText(topUp.askedAt, facts.timeZone);
  const how = `of ${amount} with the payment method ${topUp.paymentMethod}`;
  const begun =
    topUp.origin === 'auto'
      ? `An automatic top-up ${how} began on ${asked}, as your settings say.`
      : `You asked for a top-up ${how} on ${asked}.`;
  const saidByEvent = facts.trigger.type === PaymentSucceeded.type;
  return [
    begun,
    ...attemptSentences(attempts),
    ...(saidByEvent ? ["The payment gateway's own event said that the payment was captured."] : []),
    `${amount} was credited on ${timeText(facts.transaction.createdAt, facts.timeZone)}.`,
  ];
}

function chargeSentences(facts: Facts, { charge, paidBy }: StoryOf<'charge'>): string[] {
  const time = (at: string) => timeText(at, facts.timeZone);
  const { currency } = facts.transaction;
  const { start, end } = charge.period;
  const asked = time(charge.askedAt);
  const because = paidBy
    ? [
        `It was asked for on ${asked} (correlation id ${charge.correlationId}), when the balance was too low.`,
        `It waited for funds from ${asked} to ${time(facts.transaction.createdAt)}, when ${creditText(paidBy)} paid it.`,
      ]
    : [`It was asked for on ${asked} by ${causeText(facts.trigger.type, facts.trigger.id)}.`];
  // Of an upgrade the customer pays a difference, and not the whole period.
  const what = facts.trigger.type === PlanChangeDue.type ? 'a change of plan in the period' : 'the period';
  return [
    `This charge of ${moneyText(charge.amount, currency)} is for “${charge.description}”: ${what} from ${time(start)} to ` +
      `${time(end)} of the subscription ${charge.subscriptionId}.`,
    ...because,
    refundedText(charge, currency),
  ];
}

function refundedText({ amount, refunded }: ExplainedCharge, currency: Transaction['currency']): string {
  if (refunded === 0) return 'Nothing of it has been given back so far.';
  if (refunded === amount) return 'All of it has been given back.';
  return `${moneyText(refunded, currency)} of it has been given back so far.`;
}

function refundSentences(facts: Facts, { kind, charge, refund, attempts }: StoryOf<'refund' | 'payout'>): string[] {
  const amount = money(facts.transaction);
  const whole = moneyText(charge.amount, facts.transaction.currency);
  const who = deciderText(refund);
  return [
    `On ${timeText(refund.at, facts.timeZone)} ${who} asked for ${amount} of the charge “${charge.description}” (${whole}) ` +
      `to be given back. The reason given: “${refund.reason}”.`,
    ...attemptSentences(attempts),
    ...wayOfRefund(kind, refund.to, attempts, amount),
  ];
}

function wayOfRefund(
  kind: 'refund' | 'payout',
  to: 'balance' | 'payment_method',
  attempts: readonly Attempt[],
  amount: string,
): string[] {
  if (to === 'balance') {
    const wasRefused = attempts.length > 0;
    return [
      wasRefused ? `So ${amount} went to the balance instead of the payment method.` : `${amount} went to the balance.`,
    ];
  }
  const saidByAnswer = attempts.some(({ outcome }) => outcome === 'succeeded');
  return [
    ...(saidByAnswer ? [] : ["The payment gateway's own event said that the money was given back."]),
    kind === 'payout'
      ? `${amount} left the balance for the payment method; the line before it is where it came from the charge.`
      : `${amount} came back to the balance first; the line after it is where it left for the payment method.`,
  ];
}

function adjustmentSentences(facts: Facts, { adjustment }: StoryOf<'adjustment'>): string[] {
  const did = facts.transaction.amount > 0 ? 'added' : 'took';
  const where = facts.transaction.amount > 0 ? 'to' : 'from';
  const at = timeText(adjustment.at, facts.timeZone);
  return [
    `On ${at} ${deciderText(adjustment)} ${did} ${money(facts.transaction)} ${where} the balance. ` +
      `The reason given: “${adjustment.reason}”.`,
  ];
}

function balanceSentence({ amount, balanceAfter, currency }: Transaction): string {
  return `The balance went from ${moneyText(balanceAfter - amount, currency)} to ${moneyText(balanceAfter, currency)}.`;
}

function paidSentences({ paid, transaction, timeZone }: Facts): string[] {
  const sentences = paid.charges.map(
    ({ description, amount, askedAt }) =>
      `It paid a charge that was waiting: “${description}”, ${moneyText(amount, transaction.currency)}, asked for on ` +
      `${timeText(askedAt, timeZone)}.`,
  );
  return paid.more ? [...sentences, 'It paid more waiting charges, which follow in the statement.'] : sentences;
}

const CREDITS: Record<Transaction['kind'], string> = {
  top_up: 'a top-up',
  refund: 'a refund',
  adjustment: 'an adjustment',
  charge: 'a credit',
};
const creditText = (credit: Transaction): string => `${CREDITS[credit.kind]} of ${money(credit)}`;

/** The amount without its sign: the sentence says which way it went. */
const money = ({ amount, currency }: Transaction): string => moneyText(Math.abs(amount), currency);

const deciderText = ({ actorId, causeType, causationId }: Decision): string =>
  actorId ? `an operator (${actorId})` : causeText(causeType, causationId);

/** An event by its name, meaning and id, or a request by method and path. */
function causeText(type: string, id: string | null): string {
  const definition = EVENTS.get(type);
  if (!definition) return `the request ${type}`;
  const name = type.split('.')[2] ?? type;
  return `the event ${name} (“${definition.meaning}”${id ? `, ${id}` : ''})`;
}
