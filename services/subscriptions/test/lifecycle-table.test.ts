import { describe, expect, test } from '@jest/globals';
import { decide, LIFECYCLE, possibleCommands } from '../src/decisions/lifecycle.ts';
import { nextAction } from '../src/decisions/next-action.ts';
import type { Subscription } from '../src/decisions/subscription.ts';
import type { Trigger } from '../src/decisions/triggers.ts';
import { after, at, on, paid, short, subscribed, voided } from './given.ts';

const START = '2027-01-31T08:00:00Z';
const FIRST_END = '2027-02-28T08:00:00Z';

const active = after(subscribed(), paid(START));
const renewing = after(active, on('due', FIRST_END));
const pending = after(renewing, short(FIRST_END));
const trialing = subscribed({ trialDays: 14 });

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
    canceled: after(active, on('cancel', START)),
    'canceled in trial': after(trialing, on('cancel', START)),
    'canceled, voiding': after(renewing, on('cancel', FIRST_END)),
    expired: after(pending, voided(FIRST_END)),
  };
  const triggers: Trigger[] = [
    on('due', FIRST_END),
    paid(FIRST_END, 9),
    short(FIRST_END, 9),
    voided(FIRST_END, 9),
    on('unanswered', FIRST_END),
    on('incomplete_timeout', FIRST_END),
    on('grace_ended', FIRST_END),
    on('period_ended', FIRST_END),
    on('cancel', FIRST_END),
    on('resume', START),
  ];

  test('allows exactly these moves', () => {
    const possible = Object.entries(situations).map(([situation, subscription]) => {
      const moves = triggers.flatMap((trigger) => {
        const move = decide(subscription, trigger);
        return move
          ? [`${trigger.name} -> ${move.after.status}${move.after.charge ? `, ${move.after.charge.state}` : ''}`]
          : [];
      });
      return [situation, moves];
    });
    expect(Object.fromEntries(possible)).toEqual({
      'incomplete, requested': [
        'paid -> active',
        'short -> incomplete, waiting',
        'voided -> expired',
        'unanswered -> incomplete, requested',
        'cancel -> canceled, voiding',
      ],
      'incomplete, waiting': [
        'paid -> active',
        'short -> incomplete, waiting',
        'voided -> expired',
        'incomplete_timeout -> incomplete, voiding',
        'cancel -> canceled, voiding',
      ],
      'incomplete, voiding': [
        'paid -> active',
        'short -> incomplete, voiding',
        'voided -> expired',
        'unanswered -> incomplete, voiding',
        'cancel -> canceled, voiding',
      ],
      trialing: ['due -> trialing, requested', 'cancel -> canceled'],
      'trialing, requested': [
        'paid -> active',
        'short -> pending_renewal, waiting',
        'voided -> expired',
        'unanswered -> trialing, requested',
        'cancel -> canceled, voiding',
      ],
      active: ['due -> active, requested', 'cancel -> canceled'],
      'active, requested': [
        'paid -> active',
        'short -> pending_renewal, waiting',
        'voided -> expired',
        'unanswered -> active, requested',
        'cancel -> canceled, voiding',
      ],
      'pending_renewal, waiting': [
        'paid -> active',
        'short -> pending_renewal, waiting',
        'voided -> expired',
        'grace_ended -> pending_renewal, voiding',
        'cancel -> canceled, voiding',
      ],
      'pending_renewal, voiding': [
        'paid -> active',
        'short -> pending_renewal, voiding',
        'voided -> expired',
        'unanswered -> pending_renewal, voiding',
        'cancel -> canceled, voiding',
      ],
      canceled: ['period_ended -> expired', 'resume -> active'],
      'canceled in trial': ['period_ended -> expired', 'resume -> trialing'],
      'canceled, voiding': [
        'paid -> canceled',
        'short -> canceled, voiding',
        'voided -> expired',
        'unanswered -> canceled, voiding',
      ],
      expired: [],
    });
  });

  test('has no row that another one hides', () => {
    const keys = Object.entries(LIFECYCLE).flatMap(([trigger, rows]) =>
      rows.flatMap(({ from, charge, only = '' }) => charge.map((state) => `${from} ${state} ${only} ${trigger}`)),
    );
    expect(new Set(keys).size).toBe(keys.length);
  });

  test('says which commands are possible instead', () => {
    const commands = Object.entries(situations).map(([situation, subscription]) => [
      situation,
      possibleCommands(subscription, at(START)),
    ]);
    expect(Object.fromEntries(commands)).toMatchObject({ active: ['cancel'], canceled: ['resume'], expired: [] });
  });

  test('leaves nobody without a next action unless it is over', () => {
    const idle = Object.entries(situations).filter(([, subscription]) => nextAction(subscription) === null);
    expect(idle.map(([situation]) => situation)).toEqual(['expired']);
  });

  test.each([
    ['incomplete, requested', '2027-01-31T08:10:00Z', 'unanswered'],
    ['active, requested', '2027-02-28T08:10:00Z', 'unanswered'],
    ['canceled, voiding', '2027-02-28T08:10:00Z', 'unanswered'],
    ['incomplete, waiting', '2027-02-01T08:00:00Z', 'incomplete_timeout'],
    ['trialing', '2027-02-14T08:00:00Z', 'due'],
    ['active', FIRST_END, 'due'],
    ['pending_renewal, waiting', '2027-03-07T08:00:00Z', 'grace_ended'],
    ['canceled', FIRST_END, 'period_ended'],
  ])('wakes the scheduler for one that is %s at %s: %s', (situation, time, trigger) => {
    const action = nextAction(situations[situation] as Subscription);
    expect([String(action?.at), action?.trigger]).toEqual([time, trigger]);
  });
});
