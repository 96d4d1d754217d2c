import { describe, expect, test } from '@jest/globals';
import { accessAt } from '../src/decisions/access.ts';
import { chargeId } from '../src/decisions/charge-id.ts';
import { decide, possibleCommands } from '../src/decisions/decide.ts';
import { nextAction } from '../src/decisions/next-action.ts';
import type { Subscription } from '../src/decisions/subscription.ts';
import { upcomingPeriods } from '../src/decisions/upcoming.ts';
import { after, at, on, paid, short, subscribed, voided, when } from './given.ts';

const START = '2027-01-31T08:00:00Z';
const FIRST_END = '2027-02-28T08:00:00Z';
const SECOND_END = '2027-03-31T07:00:00Z';

const active = after(subscribed(), paid(START));
const renewing = after(active, on('due', FIRST_END));
const pending = after(renewing, short(FIRST_END));
const trialing = subscribed({ trialDays: 14 });
const withAccess = { accessDuringGrace: true };
const pendingOpen = after(subscribed(withAccess), paid(START), on('due', FIRST_END), short(FIRST_END));

const period = (subscription: Subscription) =>
  subscription.currentPeriod && [String(subscription.currentPeriod.start), String(subscription.currentPeriod.end)];

describe('the first payment', () => {
  test('is asked for at once, for a period from now', () => {
    const subscription = subscribed();
    expect(subscription).toMatchObject({ status: 'incomplete', version: 1, currentPeriod: null });
    expect(subscription.charge).toMatchObject({ state: 'requested', amountMinor: 1_299, version: 0 });
    expect(subscription.charge?.id).toBe(chargeId(subscription.id, at(START)));
  });

  test('starts the period when it is made, and the anchor moves there', () => {
    const move = when(after(subscribed(), short(START)), paid('2027-01-31T20:30:00Z', 2));
    expect(period(move.after)).toEqual(['2027-01-31T20:30:00Z', '2027-02-28T20:30:00Z']);
    expect(String(move.after.anchor)).toBe('2027-01-31T20:30:00Z');
    expect(move.paid).toMatchObject({ chargeId: subscribed().charge?.id, amountMinor: 1_299, bought: 'period' });
    expect(move.says).toEqual(['SubscriptionActivated']);
  });

  test('is waited for a day from when the balance turned out to be short, however late the wallet was', () => {
    const late = after(subscribed(), short('2027-02-02T08:00:00Z'));
    expect(nextAction(late)).toEqual({ at: at('2027-02-03T08:00:00Z'), trigger: 'incomplete_timeout' });
    const shorter = after(late, short('2027-02-02T20:00:00Z', 2));
    expect(String(nextAction(shorter)?.at)).toBe('2027-02-03T08:00:00Z');
  });

  test('that came before our void activates, after all', () => {
    const givenUp = after(subscribed(), short(START), on('incomplete_timeout', '2027-02-01T08:00:00Z'));
    expect(after(givenUp, paid('2027-02-01T07:59:00Z', 2)).status).toBe('active');
  });
});

describe('a renewal', () => {
  test('asks for the next period from the anchor, and gets exactly that', () => {
    expect(renewing.charge?.id).toBe(chargeId(active.id, at(FIRST_END)));
    const renewed = after(renewing, paid('2027-02-28T08:00:07Z'));
    expect(period(renewed)).toEqual([FIRST_END, SECOND_END]);
    expect(renewed.periodNumber).toBe(1);
    expect(String(renewed.anchor)).toBe(START);
  });

  test('keeps access open until the wallet has answered', () => {
    expect(accessAt(renewing, at('2027-02-28T08:00:05Z')).isOpen).toBe(true);
  });

  test('that comes late by months is asked for once, for the period that contains now', () => {
    const move = when(active, on('due', '2027-05-10T12:00:00Z'));
    expect(String(move.after.charge?.period.start)).toBe('2027-04-30T07:00:00Z');
    expect(move.skippedPeriods).toBe(2);
    const renewed = after(move.after, paid('2027-05-10T12:00:01Z'));
    expect(period(renewed)).toEqual(['2027-04-30T07:00:00Z', '2027-05-31T07:00:00Z']);
    expect(when(renewed, on('due', '2027-05-31T07:00:00Z')).skippedPeriods).toBe(0);
  });

  test('a year of them is exact to the day', () => {
    let subscription = active;
    const ends: string[] = [];
    for (let month = 0; month < 12; month++) {
      const end = String(subscription.currentPeriod?.end);
      ends.push(end.slice(5, 16));
      subscription = after(subscription, on('due', end), paid(end));
    }
    expect(ends).toEqual([
      '02-28T08:00',
      '03-31T07:00',
      '04-30T07:00',
      '05-31T07:00',
      '06-30T07:00',
      '07-31T07:00',
      '08-31T07:00',
      '09-30T07:00',
      '10-31T08:00',
      '11-30T08:00',
      '12-31T08:00',
      '01-31T08:00',
    ]);
  });
});

describe('a pending renewal', () => {
  test('waits for its days of grace, without access', () => {
    expect(String(pending.graceEndsAt)).toBe('2027-03-07T08:00:00Z');
    expect(accessAt(pending, at('2027-02-28T08:00:01Z')).isOpen).toBe(false);
  });

  test('has access during grace when the plan says so, and not a moment longer', () => {
    expect(accessAt(pendingOpen, at('2027-03-07T07:59:59Z'))).toMatchObject({ isOpen: true });
    expect(accessAt(pendingOpen, at('2027-03-07T08:00:00Z'))).toMatchObject({ isOpen: false });
  });

  test('paid without access starts its period at the payment, and so does the calendar', () => {
    const move = when(pending, paid('2027-03-03T15:00:00Z', 2));
    expect(period(move.after)).toEqual(['2027-03-03T15:00:00Z', '2027-04-03T14:00:00Z']);
    expect(move.after).toMatchObject({ status: 'active', periodNumber: 0, graceEndsAt: null });
    expect(move.paid?.chargeId).toBe(chargeId(active.id, at(FIRST_END)));
  });

  test('paid with access is in the period that was due', () => {
    const recovered = after(pendingOpen, paid('2027-03-03T15:00:00Z', 2));
    expect(period(recovered)).toEqual([FIRST_END, SECOND_END]);
    expect(String(recovered.anchor)).toBe(START);
  });

  test('paid when the grace with access has passed starts its period at the payment, not in days that were closed', () => {
    const voiding = after(pendingOpen, on('grace_ended', '2027-03-07T08:00:00Z'));
    for (const late of [pendingOpen, voiding]) {
      const recovered = after(late, paid('2027-03-09T08:00:00Z', 2));
      expect(period(recovered)).toEqual(['2027-03-09T08:00:00Z', '2027-04-09T07:00:00Z']);
    }
  });

  test('asks for a void when grace ends, and ends only when the wallet has done it', () => {
    const move = when(pending, on('grace_ended', '2027-03-07T08:00:00Z'));
    expect(move.says).toEqual(['ChargeVoidRequested']);
    expect(move.after.status).toBe('pending_renewal');
    expect(when(move.after, voided('2027-03-07T08:00:01Z')).says).toEqual(['SubscriptionExpired']);
  });

  test('renews when the money came first', () => {
    const voiding = after(pending, on('grace_ended', '2027-03-07T08:00:00Z'));
    const renewed = after(voiding, paid('2027-03-07T07:59:59.990Z', 2));
    expect(renewed).toMatchObject({ status: 'active', charge: null });
    expect(period(renewed)).toEqual(['2027-03-07T07:59:59.99Z', '2027-04-07T06:59:59.99Z']);
  });

  test('gets the whole days we asked late on top of its grace', () => {
    const late = after(active, on('due', '2027-03-12T20:00:00Z'), short('2027-03-12T20:00:01Z'));
    expect(String(late.graceEndsAt)).toBe('2027-03-19T08:00:00Z');
  });

  test('gets the whole days the wallet answered late on top of its grace', () => {
    const late = after(renewing, short('2027-03-12T20:00:00Z'));
    expect(String(late.graceEndsAt)).toBe('2027-03-19T08:00:00Z');
  });
});

describe('a trial', () => {
  test('is free, has access, and ends with the first charge', () => {
    expect(period(trialing)).toEqual([START, '2027-02-14T08:00:00Z']);
    expect(trialing.charge).toBeNull();
    expect(accessAt(trialing, at(START)).isOpen).toBe(true);
    const due = after(trialing, on('due', '2027-02-14T08:00:00Z'));
    expect(due.charge?.periodNumber).toBe(0);
    const converted = after(due, paid('2027-02-14T08:00:01Z'));
    expect(converted.status).toBe('active');
    expect(period(converted)).toEqual(['2027-02-14T08:00:00Z', '2027-03-14T08:00:00Z']);
  });

  test('that is canceled runs to its end, and can be resumed as a trial', () => {
    const canceled = after(trialing, on('cancel', '2027-02-01T00:00:00Z'));
    expect(String(canceled.cancelAt)).toBe('2027-02-14T08:00:00Z');
    expect(accessAt(canceled, at('2027-02-14T07:59:59Z')).isOpen).toBe(true);
    expect(after(canceled, on('resume', '2027-02-02T00:00:00Z'))).toEqual({ ...trialing, version: 3 });
  });
});

describe('a cancellation', () => {
  test('keeps access until the end of what is paid, and then it is over', () => {
    const canceled = after(active, on('cancel', '2027-02-10T00:00:00Z'));
    expect(String(canceled.cancelAt)).toBe(FIRST_END);
    expect(accessAt(canceled, at('2027-02-28T07:59:59Z')).isOpen).toBe(true);
    expect(accessAt(canceled, at(FIRST_END)).isOpen).toBe(false);
    expect(when(canceled, on('period_ended', FIRST_END)).says).toEqual(['SubscriptionExpired']);
  });

  test('while the charge is in flight asks for a void; the money that came first buys a last period, from now', () => {
    const move = when(renewing, on('cancel', '2027-02-28T08:00:02Z'));
    expect(move.says).toEqual(['SubscriptionCanceled', 'ChargeVoidRequested']);
    const last = after(move.after, paid('2027-03-02T09:00:00Z'));
    expect(last.status).toBe('canceled');
    expect(period(last)).toEqual(['2027-03-02T09:00:00Z', '2027-04-02T08:00:00Z']);
    expect(String(last.cancelAt)).toBe('2027-04-02T08:00:00Z');
    expect(nextAction(last)?.trigger).toBe('period_ended');
  });

  test('gives up waiting for a renewal', () => {
    const canceled = after(pending, on('cancel', '2027-03-01T00:00:00Z'));
    expect(accessAt(canceled, at('2027-03-01T00:00:00Z')).isOpen).toBe(false);
    expect(after(canceled, voided('2027-03-01T00:00:01Z')).status).toBe('expired');
  });

  test('cannot be undone once the period is over, though the scheduler has not come to it yet', () => {
    const canceled = after(active, on('cancel', '2027-02-10T00:00:00Z'));
    expect(decide(canceled, on('resume', FIRST_END))).toBeNull();
    expect(possibleCommands(canceled, at(FIRST_END))).not.toContain('resume');
  });

  test('can be undone, and changes nothing then', () => {
    const resumed = after(active, on('cancel', '2027-02-10T00:00:00Z'), on('resume', '2027-02-11T00:00:00Z'));
    expect(resumed).toEqual({ ...active, version: active.version + 2 });
  });
});

describe('a charge the wallet has not answered for', () => {
  /** When the wallet is asked again, each time on time, and what it is asked then. */
  function askedAgain(subscription: Subscription, count: number): [minutesLater: number, says: readonly string[]][] {
    const asked: [number, readonly string[]][] = [];
    for (let current = subscription, index = 0; index < count; index++) {
      const action = nextAction(current);
      if (action?.trigger !== 'unanswered') throw new Error(`${current.status} is not asked again`);
      const minutes = current.charge?.askedAt.until(action.at).total('minutes') ?? 0;
      const move = when(current, { name: 'unanswered', at: action.at });
      asked.push([minutes, move.says]);
      expect(move.after.charge).toMatchObject({ ...current.charge, askAgainAt: expect.anything() });
      current = move.after;
    }
    return asked;
  }

  test('is asked for again after 10 minutes, and then after twice as long, up to every 6 hours', () => {
    const minutes = askedAgain(renewing, 9).map(([minutesLater]) => minutesLater);
    expect(minutes).toEqual([10, 20, 40, 80, 160, 320, 640, 1_000, 1_360]);
  });

  test.each([
    ['incomplete', subscribed(), 'SubscriptionRequested'],
    ['trialing', after(trialing, on('due', '2027-02-14T08:00:00Z')), 'RenewalDue'],
    ['active', renewing, 'RenewalDue'],
    [
      'incomplete, given up',
      after(subscribed(), short(START), on('incomplete_timeout', FIRST_END)),
      'ChargeVoidRequested',
    ],
    ['pending_renewal, given up', after(pending, on('grace_ended', SECOND_END)), 'ChargeVoidRequested'],
    ['canceled', after(renewing, on('cancel', FIRST_END)), 'ChargeVoidRequested'],
  ])('is asked for again in the same words: %s', (_name, subscription, saying) => {
    expect(askedAgain(subscription, 2)).toEqual([
      [10, [saying]],
      [20, [saying]],
    ]);
  });

  test('is not asked about again while it waits for funds', () => {
    expect(pending.charge?.askAgainAt).toBeNull();
    const voiding = after(pending, on('grace_ended', SECOND_END));
    expect(after(voiding, short(SECOND_END, 2)).charge?.askAgainAt).toEqual(voiding.charge?.askAgainAt);
  });
});

describe('upcoming renewals', () => {
  const starts = (subscription: Subscription, now: string) =>
    upcomingPeriods(subscription, { count: 3, now: at(now), newTerms: null }).map(({ period: { start } }) =>
      String(start).slice(0, 10),
    );

  test.each([
    ['active', active, ['2027-02-28', '2027-03-31', '2027-04-30']],
    ['renewing', renewing, ['2027-03-31', '2027-04-30', '2027-05-31']],
    ['in trial', trialing, ['2027-02-14', '2027-03-14', '2027-04-14']],
    ['pending, with dates that hang on the payment', pending, []],
    ['canceled', after(active, on('cancel', START)), []],
    ['incomplete', subscribed(), []],
  ])('of one that is %s', (_name, subscription, expected) => {
    expect(starts(subscription, '2027-02-01T00:00:00Z')).toEqual(expected);
  });

  test('of a pending one are known while it has access, and hang on the payment after that', () => {
    expect(starts(pendingOpen, '2027-03-07T07:59:59Z')).toEqual(['2027-03-31', '2027-04-30', '2027-05-31']);
    expect(starts(pendingOpen, '2027-03-07T08:00:00Z')).toEqual([]);
  });
});
