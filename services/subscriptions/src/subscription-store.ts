import { iso } from '@evergreen/service-kit/clock.ts';
import { inTransaction } from '@evergreen/service-kit/database.ts';
import { claimInbox } from '@evergreen/service-kit/inbox.ts';
import { appendToOutbox } from '@evergreen/service-kit/outbox.ts';
import type pg from 'pg';
import { Counter, type Registry } from 'prom-client';
import type { CausedMove } from './decisions/move.ts';
import type { Subscription, Terms } from './decisions/subscription.ts';
import { insertPaidCharges, insertRefunds, insertTimeline, selectPaid } from './sql/history.ts';
import { deleteHoldings, insertHoldings, insertTaken, plansHeldBy } from './sql/holdings.ts';
import { selectNewTerms } from './sql/plan-versions.ts';
import { insertSubscription, lockById, lockDue, type Statement, updateSubscriptions } from './sql/subscriptions.ts';
import { eventsOf } from './subscription-events.ts';
import { fromRow, type SubscriptionRow, toRow } from './subscription-row.ts';

/** Locked until the transaction ends, so a decision about them is still true when it is written. */
export type Locked = ReadonlyMap<string, Subscription>;

/** Decides, and does nothing else: it may be run again after a deadlock. Moves of one subscription come in order. */
export type Decide = (locked: Locked) => CausedMove[];

export interface Messages {
  /** The name of the consumer in the inbox. */
  consumer: string;
  messageIds: readonly string[];
  subscriptionIds: readonly string[];
  chargeIds: readonly string[];
}

/**
 * The only place that writes subscriptions. It owns the transaction: it locks rows, lets a closure decide, and writes
 * rows, timeline, paid charges and events in one statement each, whether for one subscription or for two hundred.
 */
export interface SubscriptionStore {
  /** Writes a first move. False when the subscription is there already, and nothing was written. */
  begin(move: CausedMove): Promise<boolean>;
  update(ids: readonly string[], decide: Decide): Promise<CausedMove[]>;
  /**
   * Takes up to `limit` subscriptions that are due at `now` and in nobody's hands; none while the scheduler is paused.
   * `newTerms` are those of newer versions of their plans that apply to who has them already, by subscription.
   */
  updateDue(
    due: { now: Temporal.Instant; limit: number; except: readonly string[] },
    decide: (locked: Locked, newTerms: ReadonlyMap<string, Terms>) => CausedMove[],
  ): Promise<CausedMove[]>;
  /**
   * Writes what messages lead to, once: `fresh` are those never handled before, `settled` the charges of which it is known
   * what the money bought.
   */
  updateOnce(
    messages: Messages,
    decide: (locked: Locked, fresh: ReadonlySet<string>, settled: ReadonlySet<string>) => CausedMove[],
  ): Promise<CausedMove[]>;
}

export function openSubscriptionStore(deps: {
  pool: pg.Pool;
  /** Called after each commit that wrote events. */
  wakeOutbox: () => void;
  metrics: Registry;
}): SubscriptionStore {
  const { pool, wakeOutbox, metrics } = deps;
  const counted = new Counter({
    name: 'evergreen_subscriptions_moves_total',
    help: 'Moves of subscriptions, by what made them move',
    labelNames: ['trigger', 'to'],
    registers: [metrics],
  });

  async function transact(work: (client: pg.PoolClient) => Promise<CausedMove[]>): Promise<CausedMove[]> {
    const moves = await inTransaction(pool, work);
    for (const { trigger, after } of moves) counted.inc({ trigger, to: after.status });
    if (moves.some(({ says }) => says.length > 0)) wakeOutbox();
    return moves;
  }

  return {
    async begin(move) {
      const moves = await transact(async (client) => {
        const { rowCount } = await client.query(insertSubscription(toRow(move.after)));
        if (rowCount === 0) return [];
        await client.query(insertHoldings([move.after]));
        await client.query(insertTaken([move.after]));
        await writeHistory(client, [move]);
        return [move];
      });
      return moves.length === 1;
    },

    update: (ids, decide) =>
      transact(async (client) => {
        const locked = await lock(client, lockById(ids));
        return write(client, locked, decide(locked));
      }),

    updateDue: ({ now, limit, except }, decide) =>
      transact(async (client) => {
        const locked = await lock(client, lockDue(iso(now), limit, except));
        if (locked.size === 0) return [];
        return write(client, locked, decide(locked, await selectNewTerms(client, [...locked.keys()])));
      }),

    updateOnce: ({ consumer, messageIds, subscriptionIds, chargeIds }, decide) =>
      transact(async (client) => {
        const fresh = await claimInbox(client, consumer, messageIds);
        if (fresh.size === 0) return [];
        const locked = await lock(client, lockById(subscriptionIds));
        // Read under the locks: nobody can settle a charge of these subscriptions any more until we are done.
        const { rows } = await client.query<{ charge_id: string }>(selectPaid(chargeIds));
        return write(client, locked, decide(locked, fresh, new Set(rows.map(({ charge_id }) => charge_id))));
      }),
  };
}

async function lock(client: pg.PoolClient, statement: Statement): Promise<Locked> {
  const { rows } = await client.query<SubscriptionRow>(statement);
  return new Map(rows.map((row) => [row.id, fromRow(row)]));
}

async function write(client: pg.PoolClient, before: Locked, moves: CausedMove[]): Promise<CausedMove[]> {
  if (moves.length === 0) return moves;
  // A second update of one row in one statement would be lost, so each row is written once, as its last move leaves it.
  const last = [...new Map(moves.map(({ after }) => [after.id, after])).values()];
  const { rowCount } = await client.query(updateSubscriptions(last.map(toRow)));
  if (rowCount !== last.length) throw new Error(`${last.length} subscriptions moved and ${rowCount} were written`);
  const rehold = last.filter((after) => !holdsTheSame(before.get(after.id), after));
  if (rehold.length > 0) {
    await client.query(deleteHoldings(rehold));
    await client.query(insertHoldings(rehold));
    await client.query(insertTaken(rehold));
  }
  await writeHistory(client, moves);
  return moves;
}

const holdsTheSame = (before: Subscription | undefined, after: Subscription): boolean =>
  before !== undefined && plansHeldBy(before).join() === plansHeldBy(after).join();

async function writeHistory(client: pg.PoolClient, moves: CausedMove[]): Promise<void> {
  for (const statement of [insertTimeline(moves), insertPaidCharges(moves), insertRefunds(moves)]) {
    if (statement) await client.query(statement);
  }
  await appendToOutbox(client, eventsOf(moves));
}
