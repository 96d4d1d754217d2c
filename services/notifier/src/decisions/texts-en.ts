import type { Texts } from './texts.ts';

/** Why the payment gateway declined, by its code. What is not here needs no words of its own. */
const REASONS: Record<string, string> = {
  card_declined: 'the card was declined',
  expired_card: 'the card has expired',
  insufficient_funds: 'there was not enough money on the card',
};

const purposeOf = ({ planName, upgrade }: { planName: string; upgrade: boolean }): string =>
  upgrade ? `Upgrade to ${planName}` : planName;

export const EN: Texts = {
  payment_succeeded: {
    top_up: ({ amount, currency, balanceAfter }, { money }) => ({
      title: 'Balance topped up',
      body: `${money(amount, currency)} was added. Your balance is ${money(balanceAfter, currency)}.`,
    }),
    charge: ({ amount, currency, balanceAfter, ...plan }, { money }) => ({
      title: 'Payment succeeded',
      body: `${purposeOf(plan)}: ${money(amount, currency)} was paid. Your balance is ${money(balanceAfter, currency)}.`,
    }),
  },
  charge_failed: {
    top_up: ({ amount, currency, reason }, { money }) => ({
      title: 'Top-up failed',
      body:
        `${money(amount, currency)} was not added: ${REASONS[reason] ?? 'the payment was declined'}. ` +
        'Nothing was taken from you.',
    }),
    charge: ({ amount, currency, shortfall, awaitingFunds, ...plan }, { money }) => ({
      title: 'Your balance is too low',
      body:
        `${purposeOf(plan)}: ${money(amount, currency)} could not be paid, ${money(shortfall, currency)} is missing. ` +
        (awaitingFunds
          ? 'It is paid as soon as you top up.'
          : 'Nothing was charged, and your plan stays as it is. Top up first to change it.'),
    }),
  },
  expiry_notice: {
    expired: ({ planName, endedAt }, { date }) => ({
      title: 'Subscription ended',
      body: endedAt
        ? `${planName} ended on ${date(endedAt)}.`
        : `${planName} was not paid in time and did not start. Nothing was charged.`,
    }),
    canceled: ({ planName, accessUntil }, { date }) => ({
      title: 'Auto-renewal is off',
      body: accessUntil
        ? `${planName} is yours until ${date(accessUntil)}, and does not renew after that.`
        : `${planName} does not renew.`,
    }),
    renewal: ({ planName, endsAt, amountDue, nextPlanName }, { ahead, date, money }) => {
      const what = nextPlanName === null ? `${planName} renews` : `${planName} changes to ${nextPlanName}`;
      const price = amountDue ? ` for ${money(amountDue.amount, amountDue.currency)}, paid from your balance` : '';
      return { title: `Renews ${ahead(endsAt)}`, body: `${what} on ${date(endsAt)}${price}.` };
    },
    trial_end: ({ planName, endsAt, amountDue, nextPlanName }, { ahead, date, money }) => {
      const plan = nextPlanName === null ? '' : ` for ${nextPlanName}`;
      const then = amountDue ? `; then ${money(amountDue.amount, amountDue.currency)} is charged${plan}` : '';
      const body = `Your trial of ${planName} ends on ${date(endsAt)}${then}.`;
      return { title: `Your trial ends ${ahead(endsAt)}`, body };
    },
    expiry: ({ planName, endsAt }, { ahead, date }) => ({
      title: `Your subscription ends ${ahead(endsAt)}`,
      body: `${planName} ends on ${date(endsAt)} and does not renew.`,
    }),
    grace: ({ planName, endsAt, missing }, { date, money }) => {
      const state = missing
        ? `${money(missing.amount, missing.currency)} is missing to renew ${planName}`
        : `${planName} is not renewed yet`;
      return { title: 'Top up to keep your subscription', body: `${state}. Top up by ${date(endsAt)} to keep it.` };
    },
  },
};
