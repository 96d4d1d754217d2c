import { describe, expect, test } from '@jest/globals';
import { accessAt } from '../src/decisions/access.ts';
import { decide, possibleCommands } from '../src/decisions/decide.ts';
import { quotePlanChange } from '../src/decisions/plan-change.ts';
import type { Subscription } from '../src/decisions/subscription.ts';
import { triggerOf } from '../src/decisions/wallet-answer.ts';
import { after, at, cancelNow, MONTHLY, on, paid, short, subscribed, voided, when } from './given.ts';

/** What nearly was a way to be charged for nothing, or not to be charged. */

const START = '2027-01-01T00:00:00Z';
const END = '2027-02-01T00:00:00Z';
const UTC = { timeZone: 'UTC' };
const active = after(subscribed(UTC, START), paid(START));
const PRO = {
  ...MONTHLY,
  planId: '01936f4e-0000-7000-8000-000000000002',
  price: { amount: 4_399, currency: 'EUR' as const },
};

function upgrading(subscription: Subscription, time: string): Subscription {
  const { paysFor: period, dueMinor: amountMinor } = quotePlanChange(subscription, PRO, at(time));
  if (!period) throw new Error('nothing is due');
  return after(subscription, { name: 'upgrade', at: at(time), terms: PRO, amountMinor, period });
}

describe('grace with access', () => {
  const open = { ...UTC, accessDuringGrace: true };
  const pending = after(subscribed(open, START), paid(START), on('due', END), short(END));

  test('cannot be paused, as each pause at its end would make those days free', () => {
    expect(decide(pending, on('pause', '2027-02-07T23:00:00Z'))).toBeNull();
    expect(possibleCommands(pending, at('2027-02-07T23:00:00Z'))).toEqual(['cancel', 'cancel_now']);
    expect(possibleCommands(pending, at('2027-02-08T00:00:00Z'))).toContain('pause');
  });

  test('lasts no longer than the period that is waited for, however many days of grace there are', () => {
    const daily = { ...open, graceDays: 7, interval: { unit: 'day' as const, count: 1 } };
    const due = '2027-01-02T00:00:00Z';
    const waiting = after(subscribed(daily, START), paid(START), on('due', due), short(due));
    expect(accessAt(waiting, at('2027-01-02T23:59:59Z')).isOpen).toBe(true);
    expect(accessAt(waiting, at('2027-01-03T00:00:00Z')).isOpen).toBe(false);
    const late = after(waiting, paid('2027-01-08T23:00:00Z', 2));
    expect(String(late.currentPeriod?.start)).toBe('2027-01-08T23:00:00Z');
  });
});

describe('an upgrade that is heard of late', () => {
  test('is paid for from then on, and the time before goes back', () => {
    const asked = upgrading(active, '2027-01-11T00:00:00Z');
    const move = when(asked, paid('2027-01-21T12:00:00Z'));
    const amount = asked.charge?.amountMinor ?? 0;
    const left = Math.round((amount * 10.5) / 21);
    expect(move.refunds.map(({ amountMinor }) => amountMinor)).toEqual([amount - left]);
    expect(move.after.paidParts.at(-1)).toMatchObject({ amountMinor: left });
    expect(move.paid?.bought).toBe('upgrade');
  });

  test('when the period is over already has bought nothing, and all of it goes back', () => {
    const asked = after(upgrading(active, '2027-01-20T00:00:00Z'), on('cancel', '2027-01-21T00:00:00Z'));
    const move = when(asked, paid('2027-02-02T00:00:00Z'));
    expect(move.paid?.bought).toBe('nothing');
    expect(move.refunds.map(({ amountMinor }) => amountMinor)).toEqual([asked.charge?.amountMinor]);
    expect(move.says).toContain('RefundDue');
  });
});

test('an upgrade asked for in the millisecond of one that was not paid ends with the answer to that one', () => {
  const time = '2027-01-11T00:00:00Z';
  const first = upgrading(active, time);
  const again = upgrading(after(first, voided(time)), time);
  const { charge } = again;
  if (!charge) throw new Error('nothing was asked');
  const said = {
    chargeId: charge.id,
    subscriptionId: again.id,
    periodStart: charge.period.start,
    version: 1,
    at: at(time),
  };
  const answer = { ...said, outcome: 'voided', amountMinor: 1, currency: 'EUR' } as const;
  const trigger = triggerOf(answer, again, new Set(), at(time));
  expect(trigger && decide(again, trigger)?.after).toMatchObject({ status: 'active', charge: null, change: null });
});

test('a period after a pause never is that of the charge that was given up for it', () => {
  const due = after(active, on('due', END), short(END));
  const paused = after(due, on('pause', END), voided(END));
  expect(after(paused, on('resume', END)).charge?.id).not.toBe(due.charge?.id);
});

test.each([
  ['paid', active, START],
  ['renewing', after(active, on('due', END)), END],
  ['renewing, by a clock that is behind', after(active, on('due', END)), '2027-01-31T12:00:00Z'],
  ['upgrading', upgrading(active, '2027-01-11T00:00:00Z'), '2027-01-11T00:00:00Z'],
])('whatever goes back with a cancellation at once is told to the wallet: %s', (_what, subscription, time) => {
  const { refunds, says } = when(subscription, cancelNow(time));
  if (refunds.length > 0) expect(says).toContain('RefundDue');
});
