import { once } from 'node:events';
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { newCustomer } from './customer.ts';
import { type Asked, type Body, openRig, type Person, type Replica, type Rig, until } from './rig.ts';
import { endAll } from './rows.ts';
import { succeeded } from './wallet.ts';

let rig: Rig;
let service: Replica;
let operator: Person;
beforeAll(async () => {
  rig = await openRig();
  await rig.readOtherQueues();
  service = await rig.startReplica({ SETTLE_TIMEOUT_MS: '4000' });
  operator = rig.person({ role: 'operator', zoneinfo: 'UTC' });
});
afterAll(() => rig?.close());
afterEach(async () => {
  rig.answerWith(undefined);
  await endAll(rig);
});

const daily = { interval: { unit: 'day', count: 1 }, noticeDays: 0, price: { amount: 100, currency: 'EUR' } };
const alwaysPay = (asked: Asked) => rig.say(succeeded(asked));
const readClock = async () => (await service.call('GET', '/v1/clock', operator)).body;

/** The wallet pays by itself. */
async function activeOne(): Promise<Body> {
  rig.answerWith(alwaysPay);
  const customer = newCustomer(rig, service);
  const { id } = await service.subscribe(customer.user, (await customer.createPlan(daily)).id);
  return customer.become(id, 'active');
}

interface Told {
  event: string;
  data: Body;
}

/** Asks for a walk to be told of while it goes on; the answer is not read yet. */
async function openWalk(body: Body): Promise<{ outgoing: ClientRequest; response: IncomingMessage }> {
  const outgoing = request(`${service.url}/v1/clock/advance`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${operator.token}`,
      'content-type': 'application/json',
      accept: 'text/event-stream',
    },
  });
  outgoing.on('error', () => undefined);
  outgoing.end(JSON.stringify(body));
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  return { outgoing, response };
}

async function readAll(response: IncomingMessage): Promise<{ told: Told[]; comments: number }> {
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) text += chunk;
  expect(text.endsWith('\n\n')).toBe(true);
  const blocks = text.slice(0, -2).split('\n\n');
  const told = blocks
    .filter((block) => !block.startsWith(':'))
    .map((block) => {
      const [, event = '', data = ''] = /^event: (\w+)\ndata: (.*)$/.exec(block) ?? [];
      return { event, data: JSON.parse(data) };
    });
  return { told, comments: blocks.length - told.length };
}

describe('a walk that is streamed', () => {
  test('tells of its progress in order, and of its end', async () => {
    const { id, currentPeriod } = await activeOne();
    const from = (await readClock()).now;
    const { response } = await openWalk({ by: 'P30D' });
    expect(response.statusCode).toBe(200);
    expect(response.headers).toMatchObject({ 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    const { told } = await readAll(response);

    const progress = told.slice(0, -1);
    expect(new Set(progress.map(({ event }) => event))).toEqual(new Set(['progress']));
    expect(progress.length).toBeGreaterThan(2);
    expect(progress[0]?.data).toMatchObject({ steps: 0, summary: { renewed: 0, charged: [] } });
    for (const [index, { data }] of progress.entries()) {
      const before = progress[index - 1]?.data ?? { steps: -1, now: from };
      expect(data.steps).toBeGreaterThan(before.steps);
      expect(data.now > before.now || index === 0).toBe(true);
      expect(data.target).toBe(progress[0]?.data.target);
      const charged = data.steps === 0 ? [] : [{ amount: 100 * data.steps, currency: 'EUR' }];
      expect(data.summary).toEqual({ activated: 0, renewed: data.steps, pending: 0, expired: 0, charged });
    }
    const steps = currentPeriod.start < from ? 30 : 29;
    expect(told.at(-1)).toMatchObject({ event: 'done', data: { steps, summary: { renewed: steps } } });
    expect(told.at(-1)?.data.now >= progress[0]?.data.target).toBe(true);
    expect(rig.askedAbout(id)).toHaveLength(steps + 1);
  });

  test('stands in the API’s description beside the plain answer', async () => {
    const { paths } = (await service.call('GET', '/openapi.json')).body;
    const { content } = paths['/v1/clock/advance'].post.responses['200'];
    expect(Object.keys(content).sort()).toEqual(['application/json', 'text/event-stream']);
    expect(content['application/json'].schema.required).toContain('summary');
  });

  test('that fails on the way ends with a problem', async () => {
    const { id } = await activeOne();
    rig.answerWith((asked) => (rig.askedAbout(id).length > 3 ? Promise.resolve() : alwaysPay(asked)));
    const { response } = await openWalk({ by: 'P10D' });
    expect(response.statusCode).toBe(200);
    const { told } = await readAll(response);
    expect(told.at(-1)).toMatchObject({
      event: 'problem',
      data: { status: 504, code: 'settle_timeout', instance: '/v1/clock/advance', requestId: expect.any(String) },
    });
    expect(told.filter(({ event }) => event !== 'progress')).toHaveLength(1);
  });

  test.each([
    ['a wrong body', { by: 'P1D', speed: 2 }, 400, 'validation_failed'],
    ['a moment that has passed', { to: '2020-01-01T00:00:00Z' }, 400, 'validation_failed'],
  ])('is refused as any other before it begins: %s', async (_what, body, status, code) => {
    const { response } = await openWalk(body);
    expect(response.statusCode).toBe(status);
    expect(response.headers['content-type']).toMatch(/application\/problem\+json/);
    let text = '';
    for await (const chunk of response) text += chunk;
    expect(JSON.parse(text)).toMatchObject({ status, code });
  });

  test('ends after the step in hand when the client hangs up, and another walk may begin', async () => {
    const { id } = await activeOne();
    const from = Temporal.Instant.from((await readClock()).now);
    const answering = Promise.withResolvers<void>();
    const held = Promise.withResolvers<void>();
    rig.answerWith(async (asked) => {
      answering.resolve();
      await held.promise;
      await alwaysPay(asked);
    });
    const { outgoing, response } = await openWalk({ by: 'P100D' });
    await answering.promise;
    outgoing.destroy();
    response.on('error', () => undefined);
    held.resolve();
    await until('the walk to end', () => service.log.some(({ msg }) => msg.startsWith('nobody listens any more')));
    const walked = from.until((await readClock()).now).total('days');
    expect(walked).toBeGreaterThan(0.9);
    expect(walked).toBeLessThan(2.1);
    // The step in hand was not left halfway: it is paid.
    const { rows } = await rig.pool.query('SELECT status, charge_id FROM subscription WHERE id = $1', [id]);
    expect(rows).toEqual([{ status: 'active', charge_id: null }]);
    const { body } = await service.call('POST', '/v1/clock/advance', { ...operator, body: { by: 'PT1M' } });
    expect(body).toMatchObject({ steps: expect.any(Number) });
  });

  test('that the service stops under ends with a problem, too', async () => {
    const replica = await rig.startReplica();
    rig.answerWith(undefined);
    const customer = newCustomer(rig, replica);
    const { id: planId } = await customer.createPlan(daily);
    await replica.subscribe(customer.user, planId);
    const before = service;
    service = replica;
    const { response } = await openWalk({ by: 'P1D' });
    service = before;
    const reading = readAll(response);
    await replica.stop();
    expect((await reading).told.at(-1)).toMatchObject({ event: 'problem', data: { code: 'service_unavailable' } });
  });
});
