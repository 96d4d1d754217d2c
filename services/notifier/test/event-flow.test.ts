import { ClockAdvanced, SubscriptionPendingRenewal } from '@evergreen/contracts/events/subscriptions.ts';
import { BalanceToppedUp } from '@evergreen/contracts/events/wallet.ts';
import type { EventFlow, FlowAnswer, FlowEvent } from '@evergreen/contracts/socket.ts';
import { MAX_FLOW_EVENTS } from '@evergreen/contracts/socket.ts';
import { WALLET_CLOCK } from '@evergreen/contracts/topology.ts';
import { on } from '@evergreen/service-kit/batch.ts';
import type { Tapped } from '@evergreen/service-kit/flow-tap.ts';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { createBatch, FLOW_INTERVAL_MS } from '../src/event-flow.ts';
import type { Client } from './client.ts';
import { type Line, openLine } from './line.ts';
import { openRig, type Person, type Replica, type Rig, until } from './rig.ts';
import { subscription, toppedUp } from './sample.ts';

let rig: Rig;
/** Reaches the broker through a line that can be cut. */
let notifier: Replica;
let line: Line;
const open: Client[] = [];

beforeAll(async () => {
  rig = await openRig();
  line = await openLine(rig.amqpUrl);
  notifier = await rig.startReplica(line.url);
});
afterEach(() => {
  for (const client of open.splice(0)) client.close();
});
afterAll(async () => {
  await rig.close();
  await line.close();
});

interface Watcher {
  client: Client;
  batches: { at: number; flow: EventFlow }[];
  events: () => FlowEvent[];
  ask: (what: 'flow:watch' | 'flow:unwatch') => Promise<FlowAnswer>;
}

async function watcher(person: Person): Promise<Watcher> {
  const client = notifier.connect(person);
  open.push(client);
  const batches: Watcher['batches'] = [];
  client.socket.on('event-flow', (flow: EventFlow) => batches.push({ at: performance.now(), flow }));
  await client.ready();
  return {
    client,
    batches,
    events: () => batches.flatMap(({ flow }) => flow.events),
    ask: (what) => client.socket.timeout(5_000).emitWithAck(what),
  };
}

const tapQueues = () => rig.queueNames().then((names) => names.filter((name) => name.startsWith('notifier.flow.')));
const tapIsThere = () => until('the tap to be there', async () => (await tapQueues()).length === 1);

async function watching(): Promise<Watcher> {
  const one = await watcher(rig.person({ role: 'operator' }));
  expect(await one.ask('flow:watch')).toEqual({ watching: true });
  await tapIsThere();
  // The queue is there before its bindings are.
  let last = '';
  await until('the first event', async () => {
    last = await rig.say(SubscriptionPendingRenewal, subscription(rig.person().id));
    return one.events().length > 0;
  });
  await seen(one, ({ id }) => id === last);
  return one;
}

const seen = (one: Watcher, matches: (event: FlowEvent) => boolean) =>
  until('the event to be seen', () => one.events().some(matches));

describe('the flow of events', () => {
  test('an operator who asked sees envelopes with their consumers, and nothing of what they say', async () => {
    const one = await watching();
    const facts = toppedUp(rig.person().id);
    const id = await rig.say(BalanceToppedUp, facts);
    await seen(one, (event) => event.id === id);
    expect(one.events().find((event) => event.id === id)).toEqual({
      id,
      type: 'evergreen.wallet.BalanceToppedUp.v1',
      source: '/evergreen/wallet',
      subject: 'test',
      time: '2026-11-23T08:00:00.000Z',
      kind: 'published',
      consumers: ['notifier.inbox', 'notifier.sockets'],
    });
    await seen(one, ({ type, source }) => type.includes('NotificationCreated') && source === '/evergreen/notifier');
    expect(JSON.stringify(one.batches)).not.toMatch(new RegExp(`${facts.topUpId}|balanceAfter`));
  });

  test('retries and dead letters show, with the queue and the attempt', async () => {
    const one = await watching();
    await rig.sayRaw('evergreen.wallet.BalanceToppedUp.v9', '{"type":"evergreen.wallet.BalanceToppedUp.v9"}');
    await seen(one, ({ kind }) => kind === 'dead');
    expect(one.events().find(({ kind }) => kind === 'dead')).toMatchObject({
      id: expect.any(String),
      type: 'evergreen.wallet.BalanceToppedUp.v9',
      source: '/evergreen/wallet',
      queue: 'notifier.inbox',
      consumers: ['notifier.inbox'],
      attempt: 1,
    });
    await rig.sayRaw('evergreen.wallet.TopUpFailed.v1', '{"half');
    await seen(one, ({ kind, type }) => kind === 'dead' && type === 'evergreen.wallet.TopUpFailed.v1');
    // A consumer that fails once: the second attempt works.
    let attempts = 0;
    await rig.mouth.consume(WALLET_CLOCK, [
      on(ClockAdvanced, async () => {
        if (++attempts === 1) throw new Error('not now');
      }),
    ]);
    const id = await rig.say(ClockAdvanced, { offsetMs: 1, now: '2026-11-23T08:00:00.000Z' });
    await seen(one, ({ kind }) => kind === 'retried');
    await until('the second attempt', () => attempts === 2);
    const of = one.events().filter((event) => event.id === id);
    expect(of.map(({ kind, queue, attempt }) => [kind, queue, attempt])).toEqual([
      ['published', undefined, undefined],
      ['retried', 'wallet.clock', 1],
    ]);
  });

  test('of a flood it shows a part, says how much it leaves out, and takes its time', async () => {
    const one = await watching();
    const before = one.batches.length;
    const user = rig.person().id;
    const total = 600;
    await Promise.all(
      Array.from({ length: total }, () => rig.say(SubscriptionPendingRenewal, subscription(user, { version: 9 }))),
    );
    const counted = () =>
      one.batches.slice(before).reduce((sum, { flow }) => sum + flow.events.length + flow.leftOut, 0);
    await until('all to be counted', () => counted() >= total);
    expect(counted()).toBe(total);
    for (const { flow } of one.batches) expect(flow.events.length).toBeLessThanOrEqual(MAX_FLOW_EVENTS);
    const gaps = one.batches.slice(1).map(({ at }, index) => at - (one.batches[index]?.at ?? 0));
    // Timers and the way to here are not exact.
    for (const gap of gaps) expect(gap).toBeGreaterThan(FLOW_INTERVAL_MS / 2);
  });

  test('nobody else hears it, and a customer who asks is refused', async () => {
    const [customer, silent] = [await watcher(rig.person()), await watcher(rig.person({ role: 'operator' }))];
    expect(await customer.ask('flow:watch')).toMatchObject({ code: 'forbidden', status: 403 });
    customer.client.socket.emit('flow:watch');
    customer.client.socket.emit('flow:watch', 'no function');
    const one = await watching();
    one.client.socket.emit('flow:watch', { no: 'function' });
    const id = await rig.say(BalanceToppedUp, toppedUp(rig.person().id));
    await seen(one, (event) => event.id === id);
    expect([customer.batches, silent.batches]).toEqual([[], []]);
  });

  test('the queue is there only while somebody watches, and a lost connection is mended', async () => {
    await until('the tap to be gone', async () => (await tapQueues()).length === 0);
    const [one, other] = [await watching(), await watching()];
    expect(await tapQueues()).toHaveLength(1);
    const [queue] = await tapQueues();
    line.cut();
    line.mend();
    await until('another queue', async () => {
      const names = await tapQueues();
      return names.length === 1 && names[0] !== queue;
    });
    const said = new Set<string>();
    await until('it to flow again', async () => {
      said.add(await rig.say(SubscriptionPendingRenewal, subscription(rig.person().id)));
      return other.events().some(({ id }) => said.has(id));
    });
    one.client.socket.emit('flow:unwatch');
    other.client.close();
    await until('the tap to be gone', async () => (await tapQueues()).length === 0);
    const before = one.batches.length;
    const person = rig.person();
    const client = notifier.connect(person);
    await client.ready();
    const facts = toppedUp(person.id);
    await rig.say(BalanceToppedUp, facts);
    await client.told(facts.topUpId);
    expect(one.batches).toHaveLength(before);
  });
});

test('in a batch that is full, retries and dead letters have their place, and the order stays', () => {
  const batch = createBatch();
  let read = 0;
  const happened = (kind: Tapped['kind']): Tapped => ({
    kind,
    read: () => ({ id: String(read++), type: 't', source: 's', subject: 's', time: 't', kind, consumers: [] }),
  });
  expect(batch.take()).toBeUndefined();
  for (let i = 0; i < 300; i++) batch.add(happened('published'));
  batch.add(happened('retried'));
  batch.add(happened('published'));
  batch.add(happened('dead'));
  const { events = [], leftOut } = batch.take() ?? {};
  expect(leftOut).toBe(303 - MAX_FLOW_EVENTS);
  expect(events.map(({ kind }) => kind)).toEqual([...Array(MAX_FLOW_EVENTS - 2).fill('published'), 'retried', 'dead']);
  expect(read).toBe(MAX_FLOW_EVENTS + 2);
  expect(batch.take()).toBeUndefined();
});
