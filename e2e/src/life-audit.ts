import type { Plan } from '@evergreen/contracts/http/subscriptions.ts';
import { expect } from '@jest/globals';
import type { Books } from './books.ts';
import type { Life } from './life-model.ts';

/** For the moments in which a request or a message was on its way, in milliseconds. */
const SLACK_MS = 120_000;
const OPEN = ['trialing', 'active', 'canceled'];

interface Entry {
  at: number;
  to: string;
}

/**
 * The whole life of each subscription in milliseconds: it had access for no longer than it had paid for or was given, and for all of
 * that, unless it ended by a wish or it has some left.
 */
export async function expectTimeToAddUp({ subscriptions }: Books, lives: readonly Life[], plans: readonly Plan[]) {
  for (const life of lives) {
    const timeline = await subscriptions.query<{ at: Date; to_status: string }>(
      'SELECT at, to_status FROM timeline_entry WHERE subscription_id = $1 ORDER BY version',
      [life.id],
    );
    const paid = await subscriptions.query<{ bought: string; start: Date; end: Date }>(
      `SELECT bought, period_start AS start, period_end AS "end" FROM paid_charge
       WHERE subscription_id = $1 AND bought <> 'nothing' ORDER BY paid_at`,
      [life.id],
    );
    const entries = timeline.rows.map(({ at, to_status }) => ({ at: at.getTime(), to: to_status }));
    const nowMs = entries.reduce((latest, { at }) => Math.max(latest, at), 0);
    const openMs = timeIn(entries, nowMs, OPEN);
    const boughtMs = paid.rows.reduce((sum, { start, end }) => sum + end.getTime() - start.getTime(), 0);
    const ownedMs = boughtMs + life.trialMs + life.extendedMs;
    const facts = { id: life.id, status: life.seen.status, openMs, ownedMs };
    expect({ ...facts, tooMuch: Math.max(0, openMs - ownedMs - SLACK_MS) }).toEqual({ ...facts, tooMuch: 0 });

    // With access during grace, what is paid late pays for the wait as well.
    const isOpenInGrace = plans.some(({ id, accessDuringGrace }) => life.plans.has(id) && accessDuringGrace);
    const waitMs = isOpenInGrace ? timeIn(entries, nowMs, ['pending_renewal']) : 0;
    const isWhole = !life.isCutShort && paid.rows.every(({ bought }) => bought === 'period');
    const lostMs = isWhole ? ownedMs - openMs - waitMs - leftMs(life, nowMs) - life.extendedMs - SLACK_MS : 0;
    expect({ ...facts, lost: Math.max(0, lostMs) }).toEqual({ ...facts, lost: 0 });
  }
}

function timeIn(entries: readonly Entry[], nowMs: number, statuses: readonly string[]): number {
  return entries.reduce((sum, { at, to }, index) => {
    const until = entries[index + 1]?.at ?? nowMs;
    return statuses.includes(to) ? sum + until - at : sum;
  }, 0);
}

/** What is still to come of what it has, from the last entry of its timeline on. */
function leftMs({ seen: { status, currentPeriod, pausedAt } }: Life, nowMs: number): number {
  if (!currentPeriod || status === 'expired') return 0;
  const from = pausedAt ? Temporal.Instant.from(pausedAt).epochMilliseconds : nowMs;
  return Math.max(0, Temporal.Instant.from(currentPeriod.end).epochMilliseconds - from);
}
