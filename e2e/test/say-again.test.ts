import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Envelope } from '@evergreen/contracts/envelope.ts';
import { RefundDue } from '@evergreen/contracts/events/subscriptions.ts';
import { ChargeSucceeded } from '@evergreen/contracts/events/wallet.ts';
import { EVENT_EXCHANGE } from '@evergreen/contracts/topology.ts';
import { connectToAny } from '@evergreen/service-kit/broker-nodes.ts';
import { awaitCondition } from '@evergreen/stack/await-condition.ts';
import { startTestStack, type TestStack } from '@evergreen/stack/testing.ts';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { expectBooksToAgree, expectNoDeadLetters, openBooks } from '../src/books.ts';
import { adjust, advance, openCrowd } from '../src/crowd.ts';
import { awaitStatus, balanceOf, cancelNow, newPlan, subscribe } from '../src/people.ts';
import { openPool } from '../src/pools.ts';
import { sayAgain } from '../src/say-again.ts';

// What a lost broker would have kept is said again: `e2e/trials/restore.test.ts` loses one in earnest.

let stack: TestStack;
beforeAll(async () => {
  stack = await startTestStack();
}, 60_000);
afterAll(() => stack?.stop(), 30_000);

/** Everything that is said of these kinds from now on. */
async function listen(types: readonly string[]) {
  const connection = await connectToAny(stack.amqpUrl);
  const channel = await connection.createChannel();
  const { queue } = await channel.assertQueue('test.heard', { exclusive: true });
  for (const type of types) await channel.bindQueue(queue, EVENT_EXCHANGE, type);
  const heard: Envelope[] = [];
  const keep = (message: { content: Buffer } | null) =>
    void (message && heard.push(JSON.parse(message.content.toString('utf8'))));
  await channel.consume(queue, keep, { noAck: true });
  return { heard, close: () => connection.close() };
}

/** All of an event but its id and its trace, which are of the saying and not of what is said. */
const said = ({ id: _id, traceparent: _trace, ...what }: Envelope) => what;
const inOrder = (events: readonly Envelope[]) =>
  events.map(said).sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));

test('what is said again is what was said, whoever knows it does nothing, and the books of the operations guide agree', async () => {
  const newPerson = await openCrowd(stack);
  const [operator, customer] = [newPerson({ role: 'operator', timeZone: 'UTC' }), newPerson({ timeZone: 'UTC' })];
  const { heard, close } = await listen([RefundDue.type, ChargeSucceeded.type]);
  const plans = [await newPlan(operator), await newPlan(operator, { name: 'Other' })];
  await adjust(operator, customer, 2_000);
  const ids: string[] = [];
  for (const { id } of plans) ids.push((await subscribe(customer, id)).body.id);
  // The second waits for this.
  await adjust(operator, customer, 3_000);
  for (const id of ids) await awaitStatus(customer, id, 'active');
  await advance(operator, { by: 'P10D' });
  expect(await cancelNow(customer, ids[0] ?? '')).toMatchObject({ status: 200 });
  await advance(operator, { by: 'PT1M' });
  const first = heard.splice(0);
  expect(first.map(({ type }) => type).sort()).toEqual([RefundDue.type, ChargeSucceeded.type, ChargeSucceeded.type]);

  const notifier = openPool(stack.databases.notifier.url);
  const told = async () => (await notifier.query('SELECT id FROM notification ORDER BY id')).rows;
  const before = { balance: await balanceOf(customer), told: await told() };
  expect(before.told.length).toBeGreaterThan(0);
  expect(await sayAgain(stack.databases, `${process.env.TEST_DIRECTORY}/say-again`)).toBe(
    'refunds that are due, of the last 1 days: 1 are said again; charges that are paid, of the last 1 days: 2 are said again',
  );
  await awaitCondition(async () => heard.length >= 3 || undefined, {
    what: 'them to be heard again',
    timeoutMs: 10_000,
    intervalMs: 20,
  });
  expect(inOrder(heard)).toEqual(inOrder(first));
  expect(heard.filter(({ id }) => first.some((one) => one.id === id))).toEqual([]);

  await advance(operator, { by: 'PT1M' });
  await expectNoDeadLetters(stack);
  expect({ balance: await balanceOf(customer), told: await told() }).toEqual(before);
  const books = openBooks(stack);
  await expectBooksToAgree(books, [customer.id]);
  const page = readFileSync(join(import.meta.dirname, '../../docs/OPERATIONS.md'), 'utf8');
  const rules = (/```sql\n(.*?)```/s.exec(page)?.[1] ?? '').split(';').filter((rule) => rule.trim() !== '');
  expect(rules).toHaveLength(3);
  for (const rule of rules) expect((await books.wallet.query(rule)).rows).toEqual([]);
  // And a balance that no transfer explains is found.
  const owner = openPool(stack.databases.wallet.ownerUrl);
  await owner.query('UPDATE account SET balance = balance + 1 WHERE user_id = $1', [customer.id]);
  expect((await books.wallet.query(rules[0] ?? '')).rows).toHaveLength(1);
  await owner.end();
  await Promise.all([books.close(), notifier.end(), close()]);
}, 60_000);
