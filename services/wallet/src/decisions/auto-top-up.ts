/** When an account is topped up by itself, by how much, and when it rests instead: pure decisions. */
import { MAX_AMOUNT_MINOR } from '@evergreen/contracts/money.ts';

/** The failure that is remembered when the cap leaves no room; every other one is a decline code of the payment gateway. */
export const DAILY_CAP = 'daily_cap';

const DAY_HOURS = 24;
/** After the first decline in a row, the second, and so on; the last counts for all that follow. */
const REST_HOURS = [1, 4, 12, 24];

/** One account whose automatic top-up is enabled, under its lock. Amounts are minor units. */
export interface AutoTopUpState {
  threshold: number;
  amount: number;
  maxPerDay: number;
  restsUntil: Temporal.Instant | null;
  lastFailure: string | null;
  balance: number;
  /** All waiting charges together; above the balance when there are any. */
  waiting: number;
  /** Whether money has just left the balance. */
  wasDebited: boolean;
  /** Whether an automatic top-up of this account has no outcome yet. */
  isUnderWay: boolean;
  /** All top-ups of this account that have no outcome yet. */
  onItsWay: number;
  /** What automatic top-ups took, or may yet take, of those begun within the last 24 hours. */
  taken: number;
  /** When the oldest of them was begun. */
  takenSince: Temporal.Instant | null;
}

export type AutoTopUpDecision =
  | { type: 'none' }
  | { type: 'top_up'; amount: number }
  | { type: 'rest'; until: Temporal.Instant; failure: typeof DAILY_CAP };

/**
 * Tops up when charges wait, or a debit has left less than the threshold. One payment covers all waiting charges together and
 * brings the balance back to the threshold, so that it does not call for a second one; it is at least `amount`, and the cap
 * cuts it down to no less than what is lacking. When not even that fits it rests until the oldest payment leaves the
 * 24 hours; a smaller need is looked at before that, since the cap alone holds it back and not the card.
 */
export function decideAutoTopUp(state: AutoTopUpState, now: Temporal.Instant): AutoTopUpDecision {
  const { threshold, balance, waiting } = state;
  if (state.isUnderWay || isResting(state, now)) return { type: 'none' };
  const shortfall = waiting - balance;
  const isShort = waiting > 0 && shortfall > 0;
  if (!isShort && !(state.wasDebited && balance < threshold)) return { type: 'none' };

  const lacking = isShort ? shortfall : threshold - balance;
  const wanted = Math.max(state.amount, waiting + threshold - balance);
  // A payment that the balance cannot hold must never be asked for: once captured, it could not be credited.
  const headroom = MAX_AMOUNT_MINOR - balance - state.onItsWay;
  if (lacking > headroom) return { type: 'none' };
  const left = state.maxPerDay - state.taken;
  if (lacking > left) {
    const until = (state.takenSince ?? now).add({ hours: DAY_HOURS });
    return { type: 'rest', until, failure: DAILY_CAP };
  }
  return { type: 'top_up', amount: Math.min(wanted, left, headroom) };
}

function isResting({ restsUntil, lastFailure }: AutoTopUpState, now: Temporal.Instant): boolean {
  if (restsUntil === null || lastFailure === DAILY_CAP) return false;
  return Temporal.Instant.compare(restsUntil, now) > 0;
}

/**
 * Until when a declined card is left alone: 1 h, 4 h, 12 h, then 24 h.
 * @param declinesInARow 1 or more
 */
export function restAfterDecline(declinesInARow: number, now: Temporal.Instant): Temporal.Instant {
  const hours = REST_HOURS[Math.min(declinesInARow, REST_HOURS.length) - 1] ?? DAY_HOURS;
  return now.add({ hours });
}
