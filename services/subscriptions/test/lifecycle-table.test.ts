import { describe, expect, test } from '@jest/globals';
import { decide, possibleCommands } from '../src/decisions/decide.ts';
import { LIFECYCLE } from '../src/decisions/lifecycle.ts';
import { nextAction } from '../src/decisions/next-action.ts';
import type { Subscription } from '../src/decisions/subscription.ts';
import type { Trigger } from '../src/decisions/triggers.ts';
import { after, at, cancelNow, MONTHLY, notice, on, paid, short, subscribed, voided } from './given.ts';

const START = '2027-01-31T08:00:00Z';
const FIRST_END = '2027-02-28T08:00:00Z';
const SECOND_END = '2027-03-31T07:00:00Z';

const active = after(subscribed(), paid(START));
const renewing = after(active, on('due', FIRST_END));
const pending = after(renewing, short(FIRST_END));
const trialing = subscribed({ trialDays: 14 });
const PRO = { ...MONTHLY, planId: '01936f4e-0000-7000-8000-000000000002', planName: 'Pro' };
const upgrading = after(active, {
  name: 'upgrade',
  at: at(START),
  terms: PRO,
  amountMinor: 500,
  period: { start: at(START), end: at(FIRST_END) },
});

describe('the table', () => {
  const situations: Record<string, Subscription> = {
    'incomplete, requested': subscribed(),
    'incomplete, waiting': after(subscribed(), short(START)),
    'incomplete, voiding': after(subscribed(), short(START), on('incomplete_timeout', START)),
    trialing,
    'trialing, requested': after(trialing, on('due', '2027-02-14T08:00:00Z')),
    active,
    'active, requested': renewing,
    'pending_renewal, waiting': pending,
    'pending_renewal, voiding': after(pending, on('grace_ended', FIRST_END)),
    'active, upgrading': upgrading,
    paused: after(active, on('pause', START)),
    'paused in trial': after(trialing, on('pause', START)),
    'paused, voiding': after(pending, on('pause', FIRST_END)),
    'paused with nothing left': after(pending, on('pause', FIRST_END), voided(FIRST_END)),
    canceled: after(active, on('cancel', START)),
    'canceled in trial': after(trialing, on('cancel', START)),
    'canceled, voiding': after(renewing, on('cancel', FIRST_END)),
    'canceled, returning': after(renewing, cancelNow(FIRST_END)),
    'canceled, giving an upgrade up': after(upgrading, on('cancel', START)),
    expired: after(pending, voided(FIRST_END)),
  };
  const triggers: Trigger[] = [
    on('due', FIRST_END),
    { name: 'terms_due', at: at(FIRST_END), terms: PRO },
    notice(START),
    paid(FIRST_END, 9),
    short(FIRST_END, 9),
    voided(FIRST_END, 9),
    on('unanswered', FIRST_END),
    on('incomplete_timeout', FIRST_END),
    on('grace_ended', FIRST_END),
    on('period_ended', FIRST_END),
    on('cancel', START),
    cancelNow(START),
    on('resume', START),
    on('pause', START),
    { name: 'upgrade', at: at(START), terms: PRO, amountMinor: 500, period: { start: at(START), end: at(FIRST_END) } },
    { name: 'schedule_change', at: at(START), terms: PRO },
    on('drop_change', START),
    { name: 'switch_plan', at: at(START), terms: PRO },
    { name: 'extend', at: at(START), until: at(SECOND_END) },
  ];
  const asText = (subscription: Subscription): string[] =>
    triggers.flatMap((trigger) => {
      const move = decide(subscription, trigger);
      return move
        ? [`${trigger.name} -> ${move.after.status}${move.after.charge ? `, ${move.after.charge.state}` : ''}`]
        : [];
    });

  test('allows exactly these moves', () => {
    const possible = Object.entries(situations).map(([situation, subscription]) => [situation, asText(subscription)]);
    expect(Object.fromEntries(possible)).toEqual({
      'incomplete, requested': [
        'paid -> active',
        'short -> incomplete, waiting',
        'voided -> expired',
        'unanswered -> incomplete, requested',
        'cancel -> canceled, voiding',
        'cancel_now -> canceled, returning',
      ],
      'incomplete, waiting': [
        'paid -> active',
        'short -> incomplete, waiting',
        'voided -> expired',
        'incomplete_timeout -> incomplete, voiding',
        'cancel -> canceled, voiding',
        'cancel_now -> canceled, returning',
      ],
      'incomplete, voiding': [
        'paid -> active',
        'short -> incomplete, voiding',
        'voided -> expired',
        'unanswered -> incomplete, voiding',
        'cancel -> canceled, voiding',
        'cancel_now -> canceled, returning',
      ],
      trialing: [
        'due -> trialing, requested',
        'terms_due -> trialing',
        'notice -> trialing',
        'cancel -> canceled',
        'cancel_now -> expired',
        'pause -> paused',
        'switch_plan -> trialing',
        'extend -> trialing',
      ],
      'trialing, requested': [
        'paid -> active',
        'short -> pending_renewal, waiting',
        'voided -> expired',
        'unanswered -> trialing, requested',
        'cancel -> canceled, voiding',
        'cancel_now -> canceled, returning',
        'pause -> paused, voiding',
      ],
      active: [
        'due -> active, requested',
        'terms_due -> active',
        'notice -> active',
        'cancel -> canceled',
        'cancel_now -> expired',
        'pause -> paused',
        'upgrade -> active, change_requested',
        'schedule_change -> active',
        'drop_change -> active',
        'extend -> active',
      ],
      'active, requested': [
        'paid -> active',
        'short -> pending_renewal, waiting',
        'voided -> expired',
        'unanswered -> active, requested',
        'cancel -> canceled, voiding',
        'cancel_now -> canceled, returning',
        'pause -> paused, voiding',
      ],
      'pending_renewal, waiting': [
        'notice -> pending_renewal, waiting',
        'paid -> active',
        'short -> pending_renewal, waiting',
        'voided -> expired',
        'grace_ended -> pending_renewal, voiding',
        'cancel -> canceled, voiding',
        'cancel_now -> canceled, returning',
        'pause -> paused, voiding',
        'extend -> pending_renewal, waiting',
      ],
      'pending_renewal, voiding': [
        'paid -> active',
        'short -> pending_renewal, voiding',
        'voided -> expired',
        'unanswered -> pending_renewal, voiding',
        'cancel -> canceled, voiding',
        'cancel_now -> canceled, returning',
        'pause -> paused, voiding',
      ],
      'active, upgrading': [
        'paid -> active',
        'voided -> active',
        'unanswered -> active, change_requested',
        'cancel -> canceled, change_voiding',
        'cancel_now -> canceled, returning',
      ],
      paused: ['cancel -> canceled', 'cancel_now -> expired', 'resume -> active'],
      'paused in trial': ['cancel -> canceled', 'cancel_now -> expired', 'resume -> trialing'],
      'paused, voiding': [
        'paid -> paused',
        'short -> paused, voiding',
        'voided -> paused',
        'unanswered -> paused, voiding',
        'cancel -> canceled, voiding',
        'cancel_now -> canceled, returning',
      ],
      'paused with nothing left': ['cancel -> canceled', 'cancel_now -> expired', 'resume -> incomplete, requested'],
      canceled: [
        'notice -> canceled',
        'period_ended -> expired',
        'cancel_now -> expired',
        'resume -> active',
        'extend -> canceled',
      ],
      'canceled in trial': [
        'notice -> canceled',
        'period_ended -> expired',
        'cancel_now -> expired',
        'resume -> trialing',
        'extend -> canceled',
      ],
      'canceled, voiding': [
        'paid -> canceled',
        'short -> canceled, voiding',
        'voided -> expired',
        'unanswered -> canceled, voiding',
        'cancel_now -> canceled, returning',
      ],
      'canceled, returning': [
        'paid -> expired',
        'short -> canceled, returning',
        'voided -> expired',
        'unanswered -> canceled, returning',
      ],
      'canceled, giving an upgrade up': [
        'paid -> canceled',
        'voided -> canceled',
        'unanswered -> canceled, change_voiding',
        'cancel_now -> canceled, returning',
      ],
      expired: [],
    });
  });

  test('has no row that another one hides', () => {
    const keys = Object.entries(LIFECYCLE).flatMap(([trigger, rows]) =>
      rows.flatMap(({ from, charge, only = [''] }) =>
        charge.flatMap((state) => only.map((phase) => `${from} ${state} ${phase} ${trigger}`)),
      ),
    );
    expect(new Set(keys).size).toBe(keys.length);
  });

  test('says which commands are possible instead', () => {
    const commands = Object.entries(situations).map(([situation, subscription]) => [
      situation,
      possibleCommands(subscription, at(START)),
    ]);
    expect(Object.fromEntries(commands)).toMatchObject({
      trialing: ['cancel', 'cancel_now', 'pause', 'change_plan'],
      active: ['cancel', 'cancel_now', 'pause', 'change_plan'],
      'active, upgrading': ['cancel', 'cancel_now'],
      'pending_renewal, waiting': ['cancel', 'cancel_now', 'pause'],
      paused: ['cancel', 'cancel_now', 'resume'],
      canceled: ['cancel_now', 'resume'],
      'canceled, returning': [],
      expired: [],
    });
  });

  test('leaves nobody without a next action unless it is over, or paused', () => {
    const idle = Object.entries(situations).filter(([, subscription]) => nextAction(subscription) === null);
    expect(idle.map(([situation]) => situation)).toEqual([
      'paused',
      'paused in trial',
      'paused with nothing left',
      'expired',
    ]);
  });

  test.each([
    ['incomplete, requested', '2027-01-31T08:10:00Z', 'unanswered'],
    ['active, requested', '2027-02-28T08:10:00Z', 'unanswered'],
    ['canceled, voiding', '2027-02-28T08:10:00Z', 'unanswered'],
    ['incomplete, waiting', '2027-02-01T08:00:00Z', 'incomplete_timeout'],
    ['trialing', '2027-02-14T08:00:00Z', 'due'],
    ['active', FIRST_END, 'due'],
    ['pending_renewal, waiting', '2027-03-01T08:00:00Z', 'notice'],
    ['paused, voiding', '2027-02-28T08:10:00Z', 'unanswered'],
    ['active, upgrading', '2027-01-31T08:10:00Z', 'unanswered'],
    ['canceled', FIRST_END, 'period_ended'],
  ])('wakes the scheduler for one that is %s at %s: %s', (situation, time, trigger) => {
    const action = nextAction(situations[situation] as Subscription);
    expect([String(action?.at), action?.trigger]).toEqual([time, trigger]);
  });
});
