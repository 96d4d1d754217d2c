import type { Envelope } from '@evergreen/contracts/envelope.ts';
import type { ClientBase, Pool } from 'pg';
import type { Logger } from 'pino';
import { Counter, Gauge, type Registry } from 'prom-client';
import { endOf, fullJitterMs, rest } from './backoff.ts';
import type { Broker, EventRow } from './broker.ts';
import { startSending } from './tracing.ts';

/*
 * The transactional outbox: an event is a row that commits with the change it tells of, and the relay brings it to
 * the broker.
 *
 *   a row:      free -> leased -> deleted               once the broker confirmed it
 *                              -> resting -> free       when the broker refused it
 *                              -> free                  when the relay died and the lease ran out
 *   the relay:  relaying -> napping -> relaying ...     and from each of them: stopped
 *
 * A free row is any row whose lease is over, wherever it stands. Sequence order is not commit order, so a cursor over `seq`
 * would skip what commits late. Any number of relays may share a table. A relay that dies between confirm and delete
 * makes a duplicate, which the consumers' inbox drops.
 */

const DB_BACKOFF_MS = 100;
const MAX_DB_BACKOFF_MS = 5_000;
const REFUSED_BACKOFF_MS = 250;
const MAX_REFUSED_BACKOFF_MS = 30_000;
const STOP_TIMEOUT_MS = 5_000;

const APPEND = {
  name: 'outbox-append',
  text: 'INSERT INTO outbox (message_id, type, body) SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[])',
};

// The array is computed once; a plain IN (SELECT ... LIMIT) may be run again for each row and then takes more than the limit.
const CLAIM = {
  name: 'outbox-claim',
  text: `UPDATE outbox
         SET leased_until = clock_timestamp() + $2 * interval '1 millisecond', attempts = attempts + 1
         WHERE seq = ANY (ARRAY(
           SELECT seq FROM outbox WHERE leased_until < clock_timestamp() ORDER BY seq LIMIT $1 FOR UPDATE SKIP LOCKED))
         RETURNING seq::text, message_id, type, body, attempts`,
};

const DELETE = { name: 'outbox-delete', text: 'DELETE FROM outbox WHERE seq = ANY ($1::bigint[])' };

const SET_RESTING = {
  name: 'outbox-set-resting',
  text: `UPDATE outbox SET leased_until = clock_timestamp() + refused.rest_ms * interval '1 millisecond'
         FROM unnest($1::bigint[], $2::int[]) AS refused (seq, rest_ms) WHERE outbox.seq = refused.seq`,
};

const COUNT = {
  name: 'outbox-count',
  text: `SELECT count(*)::int AS pending,
                coalesce(extract(epoch FROM clock_timestamp() - min(created_at)), 0)::float8 AS oldest_seconds
         FROM outbox`,
};

interface ClaimedRow {
  seq: string;
  message_id: string;
  type: string;
  body: string;
  attempts: number;
}

/** Events as rows, for `tx.outbox.createMany({ data })`. */
export const outboxRows = (events: readonly Envelope[]): EventRow[] =>
  events.map((event) => ({ messageId: event.id, type: event.type, body: JSON.stringify(event) }));

/** Writes events into the outbox, within the caller's transaction: they are said if, and only if, it commits. */
export async function appendToOutbox(client: Pick<ClientBase, 'query'>, events: readonly Envelope[]): Promise<void> {
  if (events.length === 0) return;
  const rows = outboxRows(events);
  const columns = [rows.map(({ messageId }) => messageId), rows.map(({ type }) => type), rows.map(({ body }) => body)];
  await client.query(APPEND, columns);
}

export interface OutboxRelay {
  /** Call after a commit, so that the events leave at once and not with the next poll. */
  wake(): void;
  /** Events committed and not yet confirmed by the broker. */
  pending(): Promise<number>;
  /** Finishes the window in hand, within 5 s. */
  stop(): Promise<void>;
}

export interface OutboxRelayOptions {
  pool: Pick<Pool, 'query'>;
  broker: Pick<Broker, 'publish' | 'canPublish'>;
  logger: Logger;
  metrics: Registry;
  /** How often to look for events of other replicas, which wake nobody here. */
  pollMs?: number;
  /** Events per window, 1 to 500. */
  batchSize?: number;
  /** How long a row is left to the relay that took it. It has to outlast a publish, which takes 10 s at most. */
  leaseMs?: number;
}

/** Publishes what is in the outbox until stopped. Database or broker may go away meanwhile; it waits, and goes on. */
export function startOutboxRelay(options: OutboxRelayOptions): OutboxRelay {
  const { pool, broker, logger, metrics, pollMs = 250, batchSize = 500, leaseMs = 12_000 } = options;
  const counters = relayMetrics(metrics, () => count(pool), logger);
  const stopping = new AbortController();
  let nap = new AbortController();

  /** Takes one window from claim to delete. */
  async function relayWindow(): Promise<{ claimed: number; confirmed: number }> {
    const { rows } = await pool.query<ClaimedRow>(CLAIM, [batchSize, leaseMs]);
    if (rows.length === 0) return { claimed: 0, confirmed: 0 };
    rows.sort((a, b) => Number(a.seq) - Number(b.seq));
    const events = rows.map(({ message_id, type, body }) => ({ messageId: message_id, type, body }));
    const sent = startSending(events);
    const { refused } = await broker.publish(events);
    sent(refused);
    const confirmed = rows.filter((row) => !refused.has(row.message_id));
    if (confirmed.length > 0) await pool.query(DELETE, [confirmed.map(({ seq }) => seq)]);
    counters.published.inc(confirmed.length);
    if (refused.size > 0)
      await setResting(
        rows.filter((row) => refused.has(row.message_id)),
        refused,
      );
    return { claimed: rows.length, confirmed: confirmed.length };
  }

  async function setResting(rows: ClaimedRow[], refused: Map<string, string>): Promise<void> {
    counters.failed.inc(rows.length);
    const [first] = rows;
    logger.warn(
      { events: rows.length, first: first && { ...label(first), refusal: refused.get(first.message_id) } },
      'the broker refused events, trying again later',
    );
    const restsMs = rows.map(({ attempts }) => fullJitterMs(attempts, REFUSED_BACKOFF_MS, MAX_REFUSED_BACKOFF_MS));
    await pool.query(SET_RESTING, [rows.map(({ seq }) => seq), restsMs]);
  }

  async function run(): Promise<void> {
    for (let failures = 0; !stopping.signal.aborted; ) {
      nap = new AbortController();
      try {
        // While the broker is away rows are left alone, so none is resting when it comes back.
        const window = broker.canPublish() ? await relayWindow() : { claimed: 0, confirmed: 0 };
        failures = 0;
        if (window.claimed === batchSize && window.confirmed > 0) continue;
        // A wake since the claim has ended this nap before it began.
        await rest(pollMs, AbortSignal.any([nap.signal, stopping.signal]));
      } catch (err) {
        const delayMs = fullJitterMs(++failures, DB_BACKOFF_MS, MAX_DB_BACKOFF_MS);
        logger.warn({ err, failures, delayMs }, 'the outbox cannot be read, trying again');
        await rest(delayMs, stopping.signal);
      }
    }
  }

  const running = run();
  return {
    wake: () => nap.abort(),
    pending: async () => (await count(pool)).pending,
    async stop() {
      stopping.abort();
      await endOf(running, STOP_TIMEOUT_MS);
    },
  };
}

const label = ({ message_id, type, attempts }: ClaimedRow) => ({ messageId: message_id, type, attempts });

async function count(pool: Pick<Pool, 'query'>): Promise<{ pending: number; oldest_seconds: number }> {
  const { rows } = await pool.query<{ pending: number; oldest_seconds: number }>(COUNT);
  return rows[0] ?? { pending: 0, oldest_seconds: 0 };
}

function relayMetrics(registry: Registry, read: () => ReturnType<typeof count>, logger: Logger) {
  const registers = [registry];
  // One query serves both gauges: a scrape asks them at the same time.
  let reading: ReturnType<typeof count> | undefined;
  const gauge = (name: string, help: string, reads: (counted: Awaited<ReturnType<typeof count>>) => number) =>
    new Gauge({
      name,
      help,
      registers,
      async collect() {
        try {
          reading ??= read().finally(() => {
            reading = undefined;
          });
          this.set(reads(await reading));
        } catch (err) {
          // The other metrics are wanted most when the database is away.
          logger.warn({ err }, 'the outbox cannot be counted');
        }
      },
    });
  gauge('evergreen_outbox_pending_events', 'Events committed and not yet published', ({ pending }) => pending);
  gauge(
    'evergreen_outbox_oldest_seconds',
    'Age of the oldest event not yet published',
    ({ oldest_seconds }) => oldest_seconds,
  );
  return {
    published: new Counter({
      name: 'evergreen_outbox_published_events_total',
      help: 'Events confirmed by the broker',
      registers,
    }),
    failed: new Counter({
      name: 'evergreen_outbox_refused_events_total',
      help: 'Events the broker refused, to be tried again',
      registers,
    }),
  };
}
