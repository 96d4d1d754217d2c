import { randomUUID } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startTestStack } from '@evergreen/stack/testing.ts';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import pg from 'pg';
import { until, VISA } from './rig.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'gateway-crash-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

test.each([
  ['gateway-before-capture', 'the repeat captures', null],
  ['gateway-after-capture', 'the repeat gets the answer of the first', 'true'],
])(
  'killed at %s: %s, and there is one payment',
  async (failpoint, _what, replayed) => {
    const marker = join(directory, failpoint);
    const env = { gateway: { FAILPOINT: `${failpoint}:${marker}` } };
    const stack = await startTestStack({ services: ['gateway'], env });
    const database = new pg.Client({ connectionString: stack.databases.gateway.url });
    try {
      await database.connect();
      await database.query(`UPDATE fault_setting SET rates = rates || '{"error500": 0, "unavailable503": 0}'`);
      const key = randomUUID();
      const pay = () =>
        fetch(`${stack.urls.gateway}/payments`, {
          method: 'POST',
          headers: {
            authorization: `Bearer ${stack.gatewayApiKey}`,
            'content-type': 'application/json',
            'idempotency-key': key,
          },
          body: JSON.stringify(VISA),
          signal: AbortSignal.timeout(10_000),
        });
      await expect(pay()).rejects.toThrow('fetch failed');
      expect(existsSync(marker)).toBe(true);
      const { rowCount } = await database.query('SELECT FROM payment WHERE idempotency_key = $1', [key]);
      expect(rowCount).toBe(replayed ? 1 : 0);
      await until('the restart', () => stack.supervisor.starts('gateway') === 2);
      await stack.supervisor.awaitReady('gateway');
      const answer = await pay();
      expect(answer.status).toBe(201);
      expect(answer.headers.get('idempotency-replayed')).toBe(replayed);
      const { rows } = await database.query('SELECT idempotency_key AS key FROM payment');
      expect(rows).toEqual([{ key }]);
      const outboxIsEmpty = async () => (await database.query('SELECT FROM outbox')).rowCount === 0;
      await until('the event to be published', outboxIsEmpty);
    } finally {
      await database.end();
      await stack.stop();
    }
  },
  120_000,
);
