import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WALLET_CHARGES } from '@evergreen/contracts/topology.ts';
import { retryQueue } from '@evergreen/service-kit/topology.ts';
import { awaitCondition } from '@evergreen/stack/await-condition.ts';
import { startTestStack, type TestStack } from '@evergreen/stack/testing.ts';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type Channel, type ChannelModel, connect } from 'amqplib';
import pg from 'pg';
import {
  awaitStatus,
  balanceOf,
  calmGateway,
  newCustomer,
  newOperator,
  newPlan,
  type Person,
  subscribe,
  topUp,
} from '../src/people.ts';

const QUEUE = WALLET_CHARGES.name;
const PRICE = 500;
const directory = mkdtempSync(join(tmpdir(), 'evergreen-dead-letters-'));

let stack: TestStack;
let operator: Person;
let wallet: pg.Pool;
let connection: ChannelModel;
let channel: Channel;

beforeAll(async () => {
  const FAILPOINT = `wallet-after-redrive:${join(directory, 'marker')}`;
  stack = await startTestStack({ env: { wallet: { FAILPOINT } } });
  wallet = new pg.Pool({ connectionString: stack.databases.wallet.ownerUrl });
  connection = await connect(stack.amqpUrl);
  channel = await connection.createChannel();
  operator = await newOperator(stack);
  await calmGateway(operator);
}, 60_000);

afterAll(async () => {
  await connection?.close();
  await wallet?.end();
  await stack?.stop();
  rmSync(directory, { recursive: true });
}, 30_000);

const list = async () => (await operator.call('/operator/dead-letters')).body;
const ofQueue = async () => (await list()).queues.find(({ queue }: { queue: string }) => queue === QUEUE);
const redrive = (body: unknown) => operator.call('/operator/dead-letters/redrive', { body });

/** Cuts the rests of a message short: it comes back from its first one for its last attempt. */
async function hurry(): Promise<void> {
  const message = await awaitCondition(
    async () => (await channel.get(retryQueue(QUEUE, 1), { noAck: true })) || undefined,
    {
      ...{ what: 'the first rest', timeoutMs: 10_000, intervalMs: 5 },
    },
  );
  const { headers, messageId, type, contentType } = message.properties;
  channel.sendToQueue(QUEUE, message.content, {
    ...{ persistent: true, messageId, type, contentType },
    headers: { ...headers, 'x-attempt': 3 },
  });
}

test('a charge that cannot be booked is listed, and redriven once the cause is mended: paid once, through a crash of the wallet', async () => {
  const plan = await newPlan(operator, { price: { amount: PRICE, currency: 'USD' } });
  const customer = await newCustomer(stack);
  await topUp(customer, 2 * PRICE);
  // What a bad migration might leave behind.
  await wallet.query(`ALTER TABLE charge ADD CONSTRAINT broken CHECK (amount <> ${PRICE})`);
  const { id } = (await subscribe(customer, plan.id)).body;
  await hurry();

  const dead = await awaitCondition(async () => ((await ofQueue()).count === 1 ? await ofQueue() : undefined), {
    ...{ what: 'the dead letter', timeoutMs: 10_000, intervalMs: 100 },
  });
  const [message] = dead.messages;
  expect(message).toMatchObject({
    type: 'evergreen.subscriptions.SubscriptionRequested.v1',
    reason: 'attempts_exhausted',
    detail: expect.stringContaining('broken'),
    attempts: 4,
    body: expect.stringContaining(id),
  });
  expect((await list()).unavailable).toEqual([]);

  await wallet.query('ALTER TABLE charge DROP CONSTRAINT broken');
  const pid = stack.supervisor.pid('wallet');
  // The wallet is killed between the confirm and the acknowledgement.
  const cut = await redrive({ queue: QUEUE, messageId: message.id });
  expect({ status: cut.status, code: cut.body.code }).toEqual({ status: 503, code: 'service_unavailable' });
  await awaitStatus(customer, id, 'active', 30_000);
  expect(stack.supervisor.pid('wallet')).not.toBe(pid);

  // It is there still, and again does no harm.
  expect((await ofQueue()).messages).toMatchObject([{ id: message.id }]);
  expect((await redrive({ queue: QUEUE, messageId: message.id })).body).toEqual({ queue: QUEUE, redriven: 1, left: 0 });
  await operator.call('/clock/advance', { body: { by: 'PT1S' }, timeoutMs: 60_000 });
  expect(await balanceOf(customer)).toBe(PRICE);
  const { rows } = await wallet.query(`SELECT count(*)::int FROM transfer WHERE kind = 'charge'`);
  expect(rows).toEqual([{ count: 1 }]);
  expect((await ofQueue()).count).toBe(0);
  const gone = await redrive({ queue: QUEUE, messageId: message.id });
  expect({ status: gone.status, code: gone.body.code }).toEqual({ status: 404, code: 'not_found' });
}, 90_000);

test('a service that is down is named, and the others are shown', async () => {
  await stack.supervisor.stopOne('notifier');
  const { queues, unavailable } = await list();
  expect(unavailable).toEqual(['notifier']);
  expect(queues.map(({ queue }: { queue: string }) => queue)).toEqual([
    ...['wallet.charges', 'wallet.payments', 'wallet.clock', 'subscriptions.payments'],
  ]);
  const refused = await redrive({ queue: 'notifier.inbox' });
  expect({ status: refused.status, code: refused.body.code }).toEqual({ status: 503, code: 'service_unavailable' });
  expect((await redrive({ queue: 'subscriptions.payments' })).body).toMatchObject({ redriven: 0, left: 0 });
  expect((await redrive({ queue: 'wallet.nothing' })).status).toBe(400);
}, 30_000);
