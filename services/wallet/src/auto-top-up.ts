import type { Currency } from '@evergreen/contracts/money.ts';
import { type Clock, iso, readOffsetMs } from '@evergreen/service-kit/clock.ts';
import type pg from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { takeTurns } from './balance-limit.ts';
import { type Cause, type Postings, type Transfer, userAccountId } from './decisions/accounts.ts';
import { type AutoTopUpState, decideAutoTopUp, restAfterDecline } from './decisions/auto-top-up.ts';
import {
  FIND_ENABLED,
  INSERT_AUTO_TOP_UP,
  NOTE_DECLINE,
  NOTE_SUCCESS,
  READ_AUTO_TOP_UPS,
  SET_REST,
} from './sql/auto-top-up.ts';

/** A row that was just written is seen once its transaction has committed, which comes next. The completer's poll is the backstop. */
const WAKE_AFTER_MS = 20;

/** What posting to the ledger needs, so that an account that has run short is topped up by itself. */
export interface Refill {
  clock: Clock;
  /** Lets the completer look for new top-ups. */
  wakeTopUps: () => void;
  /** Counts what was posted, once it is committed. */
  countTransfers: (posted: readonly Transfer[]) => void;
}

/** An account to look at, which the caller has locked. */
export interface Candidate {
  accountId: string;
  /** Whether money has just left it. */
  wasDebited: boolean;
  /** What began it; that of the oldest waiting charge when not given. */
  correlationId?: string;
}

/**
 * Writes down an automatic top-up for each account that this posting left short, or below its threshold, if its owner wants
 * that. It commits with the posting, so none is forgotten, and the completer then asks the payment gateway.
 */
export async function requestAutoTopUps(client: pg.PoolClient, postings: Postings, refill: Refill): Promise<void> {
  const candidates = candidatesOf(postings);
  if (candidates.size === 0) return;
  const { rows } = await client.query<{ id: string }>({ ...FIND_ENABLED, values: [[...candidates.keys()]] });
  const enabled = rows.flatMap(({ id }) => candidates.get(id) ?? []);
  if (enabled.length > 0) await refillAccounts(client, enabled, refill);
}

/**
 * Each account that money went out of or into, and each on which a charge was found short and waits. One that does not wait
 * begins no automatic top-up: the money would come too late for it, and perhaps its owner wants it for nothing else.
 */
function candidatesOf({ transfers, facts }: Postings): Map<string, Candidate> {
  const candidates = new Map<string, Candidate>();
  const add = (accountId: string, wasDebited: boolean, { correlationId }: Cause) =>
    candidates.set(accountId, {
      accountId,
      wasDebited: wasDebited || (candidates.get(accountId)?.wasDebited ?? false),
      correlationId,
    });
  for (const { accountId, debitAccountId, kind, cause } of transfers) {
    // A payout only passes on what its refund brought, and must not make the card pay for its own refund.
    add(accountId, debitAccountId === accountId && kind !== 'payout', cause);
  }
  for (const fact of facts) {
    if (fact.type !== 'short' || fact.charge.status !== 'awaiting_funds') continue;
    add(userAccountId(fact.charge.userId, fact.charge.currency), false, fact.cause);
  }
  return candidates;
}

/** Decides for each account, and writes down what was decided. The caller has locked them. */
export async function refillAccounts(
  client: pg.PoolClient,
  candidates: readonly Candidate[],
  { clock, wakeTopUps }: Refill,
): Promise<void> {
  const accountIds = candidates.map(({ accountId }) => accountId);
  await takeTurns(client, accountIds);
  const now = await nowWithin(client, clock);
  const { rows } = await client.query<AutoTopUpRow>({ ...READ_AUTO_TOP_UPS, values: [accountIds, iso(now)] });
  let begun = 0;
  for (const row of rows) {
    const candidate = candidates.find(({ accountId }) => accountId === row.accountId);
    const decision = decideAutoTopUp(stateOf(row, candidate?.wasDebited ?? false), now);
    const owner = [row.userId, row.currency];
    if (decision.type === 'none') continue;
    if (decision.type === 'rest') {
      await client.query({ ...SET_REST, values: [...owner, iso(decision.until), decision.failure] });
      continue;
    }
    const correlationId = candidate?.correlationId ?? row.waitingCorrelationId;
    const { rowCount } = await client.query({
      ...INSERT_AUTO_TOP_UP,
      values: [uuidv7(), row.userId, decision.amount, row.currency, row.token, iso(now), correlationId],
    });
    if (rowCount === 0) continue;
    await client.query({ ...SET_REST, values: [...owner, null, null] });
    begun++;
  }
  if (begun > 0) setTimeout(wakeTopUps, WAKE_AFTER_MS);
}

/** The clock through the transaction's own connection: waiting for a second one while holding one could last forever. */
async function nowWithin(client: pg.PoolClient, { simulated }: Clock): Promise<Temporal.Instant> {
  const now = Temporal.Now.instant();
  return simulated ? now.add({ milliseconds: await readOffsetMs(client) }) : now;
}

/** What became of an automatic top-up: a decline makes the account rest, longer with each in a row, and a capture ends that. */
export async function noteOutcome(
  client: pg.PoolClient,
  { userId, currency }: { userId: string; currency: Currency },
  outcome: { status: 'succeeded' } | { status: 'declined'; code: string },
  businessTime: string,
): Promise<void> {
  const owner = [userId, currency];
  if (outcome.status === 'succeeded') {
    await client.query({ ...NOTE_SUCCESS, values: owner });
    return;
  }
  const noted = await client.query<{ declines: number }>({ ...NOTE_DECLINE, values: [...owner, outcome.code] });
  const until = restAfterDecline(noted.rows[0]?.declines ?? 1, Temporal.Instant.from(businessTime));
  await client.query({ ...SET_REST, values: [...owner, iso(until), outcome.code] });
}

interface AutoTopUpRow {
  accountId: string;
  userId: string;
  currency: Currency;
  threshold: number;
  amount: number;
  maxPerDay: number;
  restsUntil: Date | null;
  lastFailure: string | null;
  token: string;
  balance: number;
  waiting: number;
  waitingCorrelationId: string | null;
  onItsWay: number;
  isUnderWay: boolean;
  taken: number;
  takenSince: Date | null;
}

const stateOf = ({ restsUntil, takenSince, ...row }: AutoTopUpRow, wasDebited: boolean): AutoTopUpState => ({
  ...row,
  wasDebited,
  restsUntil: restsUntil?.toTemporalInstant() ?? null,
  takenSince: takenSince?.toTemporalInstant() ?? null,
});
