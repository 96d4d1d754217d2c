/**
 * Which status may follow which by what, written by hand from what each status means and not from the service's own table: access
 * comes by a payment or a trial, ends by time, a refusal or a wish, and nothing leaves `expired`.
 */
const ANY = ['incomplete', 'trialing', 'active', 'pending_renewal', 'paused', 'canceled'] as const;

const stay = (...statuses: string[]): string[] => statuses.map((status) => `${status} > ${status}`);
const to = (after: string, ...before: string[]): string[] => before.map((status) => `${status} > ${after}`);

export const LEGAL_MOVES: Record<string, string[]> = {
  subscribe: [' > incomplete', ' > trialing'],
  // Time.
  due: stay('trialing', 'active'),
  terms_due: stay('trialing', 'active'),
  notice: stay('trialing', 'active', 'canceled', 'pending_renewal'),
  unanswered: stay(...ANY),
  incomplete_timeout: stay('incomplete'),
  grace_ended: stay('pending_renewal'),
  period_ended: to('expired', 'canceled'),
  // The wallet.
  paid: [
    ...to('active', 'incomplete', 'trialing', 'active', 'pending_renewal'),
    ...stay('paused', 'canceled'),
    ...to('expired', 'canceled'),
  ],
  short: [
    ...to('pending_renewal', 'trialing', 'active'),
    ...stay('incomplete', 'pending_renewal', 'paused', 'canceled'),
  ],
  voided: [
    ...to('expired', 'incomplete', 'trialing', 'active', 'pending_renewal', 'canceled'),
    ...stay('active', 'paused', 'canceled'),
  ],
  // People.
  cancel: to('canceled', 'incomplete', 'trialing', 'active', 'pending_renewal', 'paused'),
  cancel_now: [...to('canceled', ...ANY), ...to('expired', 'trialing', 'active', 'paused', 'canceled')],
  resume: [
    ...to('trialing', 'canceled', 'paused'),
    ...to('active', 'canceled', 'paused'),
    ...to('incomplete', 'paused'),
  ],
  pause: to('paused', 'trialing', 'active', 'pending_renewal'),
  upgrade: stay('active'),
  schedule_change: stay('active'),
  drop_change: stay('active'),
  switch_plan: stay('trialing'),
  extend: stay('trialing', 'active', 'canceled', 'pending_renewal'),
};
