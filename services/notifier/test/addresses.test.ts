import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { MAX_CONNECTIONS_PER_LINE, MAX_UNADMITTED_PER_ADDRESS } from '../src/connection-counts.ts';
import { openRig, type Replica, type Rig, until } from './rig.ts';

/*
 * Who has shown no token yet is bounded by where it comes from.
 */

let rig: Rig;
/** Behind a proxy on this machine, which says whom it speaks for. */
let behind: Replica;
/** Reached directly. */
let direct: Replica;

beforeAll(async () => {
  rig = await openRig();
  behind = await rig.startReplica(undefined, { TRUSTED_PROXIES: 'loopback' });
  direct = await rig.startReplica();
});
afterAll(() => rig.close());

const pathOf = ({ url }: Replica) => `${url}/socket.io/?EIO=4&transport=polling`;

/** Opens a connection and shows no token; answers with its session, or undefined when it is refused. */
async function knock(replica: Replica, forwardedFor: string): Promise<string | undefined> {
  const answer = await fetch(pathOf(replica), { headers: { 'x-forwarded-for': forwardedFor } });
  const text = await answer.text();
  if (answer.ok) return (JSON.parse(text.slice(1)) as { sid: string }).sid;
  expect([answer.status, text]).toEqual([403, expect.stringMatching(/too many connections from this address/)]);
  return undefined;
}

const knockOften = (replica: Replica, addressOf: (index: number) => string) =>
  Promise.all(Array.from({ length: MAX_UNADMITTED_PER_ADDRESS + 20 }, (_, index) => knock(replica, addressOf(index))));

const letIn = (sessions: (string | undefined)[]) => sessions.filter((sid) => sid !== undefined).length;

test('one address holds no more than the limit, and keeps no other address out', async () => {
  const sessions = await knockOften(behind, () => '203.0.113.1');
  // Those that come at the very same moment may pass together.
  expect(letIn(sessions)).toBeGreaterThanOrEqual(MAX_UNADMITTED_PER_ADDRESS);
  expect(letIn(sessions)).toBeLessThan(MAX_UNADMITTED_PER_ADDRESS + 5);
  expect(await knock(behind, '203.0.113.1')).toBeUndefined();
  expect(await knock(behind, '203.0.113.2')).toBeDefined();
});

test('an IPv6 network of one customer counts as one address', async () => {
  expect(letIn(await knockOften(behind, (index) => `2001:db8:1:2::${(index + 1).toString(16)}`))).toBeLessThan(
    MAX_UNADMITTED_PER_ADDRESS + 5,
  );
  expect(await knock(behind, '2001:db8:1:2:ffff::1')).toBeUndefined();
  expect(await knock(behind, '2001:db8:1:3::1')).toBeDefined();
});

test('a line with many IPv6 networks has a share of all connections, and no more', async () => {
  const networks = Array.from({ length: 30 }, (_, index) => `2001:db8:9:${index.toString(16)}::1`);
  const perNetwork = Math.ceil((MAX_CONNECTIONS_PER_LINE + 50) / networks.length);
  const knocks = networks.flatMap((network) => Array.from({ length: perNetwork }, () => knock(behind, network)));
  const count = letIn(await Promise.all(knocks));
  // Those that come at the very same moment may pass together.
  expect(count).toBeGreaterThanOrEqual(MAX_CONNECTIONS_PER_LINE);
  expect(count).toBeLessThan(MAX_CONNECTIONS_PER_LINE + 50);
  expect(await knock(behind, '2001:db8:9:ffff::1')).toBeUndefined();
  expect(await knock(behind, '2001:db8:a::1')).toBeDefined();
});

test('who is no proxy of ours speaks for nobody else', async () => {
  expect(letIn(await knockOften(direct, (index) => `203.0.113.${index}`))).toBeLessThan(MAX_UNADMITTED_PER_ADDRESS + 5);
});

test('who is admitted counts no longer, nor who has left, so that many people may share an address', async () => {
  const address = '198.51.100.7';
  const post = (sid: string, body: string) => fetch(`${pathOf(behind)}&sid=${sid}`, { method: 'POST', body });
  for (let round = 0; round < 2; round++) {
    const sessions: string[] = [];
    while (sessions.length < MAX_UNADMITTED_PER_ADDRESS - 10) sessions.push((await knock(behind, address)) ?? '');
    const answers = await Promise.all(
      sessions.map((sid) => post(sid, `40${JSON.stringify({ token: rig.person().token })}`)),
    );
    expect(answers.every(({ status }) => status === 200)).toBe(true);
    await until('all to be admitted', async () => {
      const metrics = await (await fetch(`${behind.url}/metrics`)).text();
      return metrics.includes(`evergreen_notifier_sockets ${(round + 1) * sessions.length}`);
    });
  }
  const leavers = await knockOften(behind, () => address);
  expect(await knock(behind, address)).toBeUndefined();
  // The packet "1" ends a connection.
  await Promise.all(leavers.flatMap((sid) => (sid === undefined ? [] : [post(sid, '1')])));
  await until('room again', async () => (await knock(behind, address)) !== undefined);
});
