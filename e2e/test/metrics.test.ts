import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { awaitCondition } from '@evergreen/stack/await-condition.ts';
import { repositoryRoot, serviceNames } from '@evergreen/stack/paths.ts';
import { claimPort, releasePort } from '@evergreen/stack/ports.ts';
import { processNames } from '@evergreen/stack/services.ts';
import { startTestStack, type TestStack } from '@evergreen/stack/testing.ts';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { calmGateway, newCustomer, newOperator, newPlan, openSocket, subscribe, topUp } from '../src/people.ts';
import { readCounter } from '../src/replica.ts';

let stack: TestStack;
let metricsPort: number;
let socket: Awaited<ReturnType<typeof openSocket>>;

beforeAll(async () => {
  metricsPort = await claimPort();
  stack = await startTestStack({ env: { edge: { METRICS_PORT: String(metricsPort) } } });
  const operator = await newOperator(stack);
  await calmGateway(operator);
  const customer = await newCustomer(stack);
  socket = await openSocket(stack, customer);
  await topUp(customer, 3_000);
  const { id } = await newPlan(operator);
  const { id: dear } = await newPlan(operator, { name: 'Dear', price: { amount: 99_900, currency: 'USD' } });
  await subscribe(customer, id);
  await subscribe(customer, dear);
}, 90_000);

afterAll(async () => {
  socket?.close();
  await stack?.stop();
  releasePort(metricsPort);
}, 30_000);

const originOf = (name: (typeof processNames)[number]): string =>
  name === 'edge' ? `http://127.0.0.1:${metricsPort}` : stack.urls[name];

/** Names with their types and labels; prom-client's own are left out. */
async function served(
  name: (typeof processNames)[number],
): Promise<Map<string, { type: string; labels: Set<string> }>> {
  const text = await (await fetch(`${originOf(name)}/metrics`)).text();
  const found = new Map<string, { type: string; labels: Set<string> }>();
  for (const line of text.split('\n')) {
    const [, declared, type] = /^# TYPE (\S+) (\S+)/.exec(line) ?? [];
    if (declared && type && !/^(process|nodejs)_/.test(declared)) found.set(declared, { type, labels: new Set() });
    const [, sample = '', labels = ''] = /^(\w+)\{(.*)\} /.exec(line) ?? [];
    const of = found.get(sample) ?? found.get(sample.replace(/_(bucket|sum|count)$/, ''));
    for (const [, label] of labels.matchAll(/(\w+)="/g)) if (label && label !== 'le') of?.labels.add(label);
  }
  return found;
}

interface Documented {
  type: string;
  labels: string[];
  of: string[];
}

function documented(): Map<string, Documented> {
  const text = readFileSync(join(repositoryRoot, 'docs/METRICS.md'), 'utf8');
  const rows = [...text.matchAll(/^\| `(\w+)` \| (\w+) \| ([^|]+) \| ([^|]+) \|/gm)];
  return new Map(
    rows.map(([, name = '', type = '', labels = '', of = '']) => [
      name,
      {
        type,
        labels: labels === '–' ? [] : labels.split(', '),
        of: of.split(', ').flatMap((one) => (one === 'all' ? serviceNames : [one])),
      },
    ]),
  );
}

test.each(processNames)('%s serves what is documented of it, and nothing else', async (name) => {
  const actual = await served(name);
  const wanted = [...documented()].filter(([, { of }]) => of.includes(name));
  expect([...actual].map(([metric, { type }]) => `${metric} ${type}`).sort()).toEqual(
    wanted.map(([metric, { type }]) => `${metric} ${type}`).sort(),
  );
  // What has not happened yet has no labels; what has, has those that are documented.
  for (const [metric, { labels }] of wanted) {
    const seen = [...(actual.get(metric)?.labels ?? [])].sort();
    if (seen.length > 0) expect([metric, seen]).toEqual([metric, [...labels].sort()]);
  }
});

test('every name says whose it is, and the list names no service twice or unknown', () => {
  for (const [name, { of }] of documented()) {
    expect(name).toMatch(/^evergreen_[a-z_]+$/);
    expect([...processNames]).toEqual(expect.arrayContaining(of));
    expect(new Set(of).size).toBe(of.length);
  }
});

test('the figures are those of what has happened', async () => {
  const { wallet, notifier } = stack.urls;
  const read = (metric: string, url: string, labels = {}) => readCounter(url, metric, labels);
  const happened = async () => {
    const settled = await read('evergreen_consumer_lag_seconds_count', wallet, { queue: 'wallet.charges' });
    const ofEdge = await (await fetch(`${originOf('edge')}/metrics`)).text();
    return settled === 2 && /^evergreen_edge_tunnels 1$/m.test(ofEdge) ? true : undefined;
  };
  await awaitCondition(happened, {
    what: 'both charges, and the WebSocket that a poll becomes',
    timeoutMs: 10_000,
    intervalMs: 50,
  });
  expect(await read('evergreen_wallet_transfers_total', wallet, { kind: 'charge' })).toBe(1);
  expect(await read('evergreen_wallet_transferred_minor_units_total', wallet, { kind: 'top_up' })).toBe(3_000);
  expect(await read('evergreen_wallet_transferred_minor_units_total', wallet, { kind: 'charge' })).toBe(1_299);
  expect(await read('evergreen_queue_messages', wallet, { part: 'dead' })).toBe(0);
  const text = await (await fetch(`${notifier}/metrics`)).text();
  expect(text).toMatch(/^evergreen_notifier_sockets 1$/m);
  // Through the edge nobody gets any of it.
  expect((await fetch(`${stack.baseUrl}/metrics`)).status).toBe(404);
}, 30_000);
