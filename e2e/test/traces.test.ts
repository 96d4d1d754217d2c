import { traceTree } from '@evergreen/stack/trace-tree.ts';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startTracedStack, type TracedStack, type Traces, traceLifeOfOne } from '../src/renewal-trace.ts';

let traced: TracedStack;
let traces: Traces;

beforeAll(async () => {
  // The gateway is named no endpoint.
  traced = await startTracedStack(['gateway']);
  traces = await traceLifeOfOne(traced);
}, 120_000);

afterAll(() => traced?.stop(), 30_000);

const line = (service: string, name: string) => `${service.padEnd(14)} ${name}`;
const linesOf = (spans: Traces['renewal']) =>
  spans.map(({ service, name }) => line(service.replace('evergreen-', ''), name));

test('a renewal is one trace, from the scheduler over the wallet to the socket', () => {
  const { renewal } = traces;
  const [root, ...others] = renewal.filter(({ parentSpanId }) => parentSpanId === undefined);
  expect(root).toMatchObject({ name: 'subscription due', service: 'evergreen-subscriptions' });
  expect(others).toEqual([]);
  expect(linesOf(renewal)).toEqual(
    expect.arrayContaining([
      line('subscriptions', 'sweep'),
      line('subscriptions', 'send RenewalDue'),
      line('wallet', 'process RenewalDue'),
      line('wallet', 'transaction'),
      line('wallet', 'send ChargeSucceeded'),
      line('subscriptions', 'process ChargeSucceeded'),
      line('notifier', 'process ChargeSucceeded'),
      line('notifier', 'send NotificationCreated'),
      line('notifier', 'push NotificationCreated'),
    ]),
  );
  expect(renewal.filter(({ isFailed }) => isFailed)).toEqual([]);
});

test('a purchase is one trace, from the edge to the socket', () => {
  const { purchase } = traces;
  const root = purchase.find(({ parentSpanId }) => parentSpanId === undefined);
  expect(root).toMatchObject({ service: 'evergreen-edge', kind: 2, attributes: { 'http.response.status_code': 201 } });
  expect(linesOf(purchase)).toEqual(
    expect.arrayContaining([
      line('subscriptions', 'POST /v1/subscriptions'),
      line('subscriptions', 'transaction'),
      line('wallet', 'process SubscriptionRequested'),
      line('subscriptions', 'process ChargeSucceeded'),
      line('notifier', 'push NotificationCreated'),
    ]),
  );
});

test('who is told of no endpoint exports nothing, and is seen from outside alone', () => {
  const { topUp } = traces;
  expect(linesOf(topUp)).toContain(line('wallet', 'POST /payments'));
  expect(traced.receiver.spans().filter(({ service }) => service === 'evergreen-gateway')).toEqual([]);
});

test('no body, query, token or address of a person is in any span', () => {
  const exported = JSON.stringify(traced.receiver.spans());
  for (const secret of ['@test.example', 'pm_card_visa', 'eyJ', 'Bearer', traced.stack.gatewayApiKey]) {
    expect(exported).not.toContain(secret);
  }
});

test('as text, each span stands below the one it came from', () => {
  const text = traceTree(traces.renewal);
  expect(text.split('\n')).toHaveLength(traces.renewal.length);
  expect(text).toMatch(/^subscription due {2,}subscriptions +\+0\.0 ms +[\d.]+ ms {2}ok$/m);
  expect(text).toMatch(/^ {4}transaction +wallet /m);
});
