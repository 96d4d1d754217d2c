import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { awaitCondition } from '@evergreen/stack/await-condition.ts';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { v7 as uuidv7 } from 'uuid';
import { expectGatewayToAgree, expectLedgerToAddUp } from './audit.ts';
import { type Answer, openRig, type Rig } from './rig.ts';

/*
 * kill -9 at each step between the intent to top up and its credit. A process has one failpoint, which kills it once, when the marker
 * file is not there yet. So three systems stand side by side, one for each failpoint of the wallet, and the first two have one of the
 * gateway's besides: its marker lies there, until the gateway's turn has come.
 */

const AMOUNT = 1_000;
/** The lease of the process that died, 15 s, and what comes after it. */
const RECOVERY_MS = 40_000;

const directory = mkdtempSync(join(tmpdir(), 'evergreen-crash-points-'));
const markerOf = (failpoint: string): string => join(directory, failpoint);
const failpointIn = (failpoint: string) => ({ FAILPOINT: `${failpoint}:${markerOf(failpoint)}` });

const SYSTEMS = [
  [{ victim: 'wallet', failpoint: 'wallet-after-intent' }],
  [
    { victim: 'gateway', failpoint: 'gateway-before-capture' },
    { victim: 'wallet', failpoint: 'wallet-after-payment' },
  ],
  [
    { victim: 'gateway', failpoint: 'gateway-after-capture' },
    { victim: 'wallet', failpoint: 'wallet-after-credit' },
  ],
] as const;
type Crash = (typeof SYSTEMS)[number][number];

const rigs: Rig[] = [];
const outcomes = new Map<string, Promise<Awaited<ReturnType<typeof topUpThrough>>>>();

beforeAll(async () => {
  for (const crashes of SYSTEMS) await begin(crashes);
}, 120_000);

/** Each system goes through its crashes one after the other, beside the other systems: most of it is waiting. */
async function begin(crashes: readonly Crash[]): Promise<void> {
  for (const { failpoint } of crashes) writeFileSync(markerOf(failpoint), '');
  const env = Object.fromEntries(crashes.map(({ victim, failpoint }) => [victim, failpointIn(failpoint)]));
  const rig = await openRig({ env });
  rigs.push(rig);
  let last: Promise<unknown> = Promise.resolve();
  for (const crash of crashes) {
    const outcome = last.then(() => topUpThrough(rig, crash));
    last = outcome.catch(() => undefined);
    outcomes.set(crash.failpoint, outcome);
  }
}

afterAll(async () => {
  await Promise.allSettled(outcomes.values());
  await Promise.all(rigs.map((rig) => rig.close()));
  rmSync(directory, { recursive: true });
}, 60_000);

/** One top-up, sent until it is answered, during which the victim dies at the failpoint; and what there is in the end. */
async function topUpThrough({ stack, db, gatewayDb, newUser, quiet }: Rig, { victim, failpoint }: Crash) {
  const user = await newUser();
  const startsBefore = stack.supervisor.starts(victim);
  rmSync(markerOf(failpoint));
  const key = uuidv7();
  const answer = await sendUntilAnswered(() => user.topUp(AMOUNT, { key }));
  const { id } = answer.body;
  const findStatus = async () => (await user.wallet(`/top-ups/${id}`)).body.status as string;
  const status = await awaitCondition(
    async () => {
      const found = await findStatus();
      return found === 'processing' ? undefined : found;
    },
    { what: `the top-up that went through ${failpoint}`, timeoutMs: RECOVERY_MS },
  );
  await quiet(RECOVERY_MS);
  const transfers = await db.query(
    `SELECT t.kind, t.reference, t.amount::int FROM transfer t JOIN account a ON a.id = t.account_id WHERE a.user_id = $1`,
    [user.id],
  );
  const payments = await gatewayDb.query(
    'SELECT status, amount::int, refunded_amount::int AS refunded FROM payment WHERE idempotency_key = $1',
    [id],
  );
  await expectLedgerToAddUp(db);
  await expectGatewayToAgree(db, gatewayDb);
  return {
    id,
    deaths: stack.supervisor.starts(victim) - startsBefore,
    wasAtFailpoint: existsSync(markerOf(failpoint)),
    answered: answer.status,
    status,
    payments: payments.rows,
    transfers: transfers.rows,
    balance: await user.balance(),
    repeat: await user.topUp(AMOUNT, { key }),
  };
}

/** What a careful client does: the same request under the same key, until there is an answer that counts. */
const sendUntilAnswered = (request: () => Promise<Answer>): Promise<Answer> =>
  awaitCondition(
    async () => {
      const answer = await request();
      return answer.status < 500 && answer.body.code !== 'idempotency_key_in_use' ? answer : undefined;
    },
    { what: 'an answer', timeoutMs: RECOVERY_MS },
  );

test.each(SYSTEMS.flat())(
  'kill -9 of $victim at $failpoint: one capture, one credit',
  async ({ failpoint }) => {
    const outcome = await outcomes.get(failpoint);
    expect(outcome).toMatchObject({ deaths: 1, wasAtFailpoint: true, status: 'succeeded', balance: AMOUNT });
    expect([201, 202]).toContain(outcome?.answered);
    expect(outcome?.payments).toEqual([{ status: 'succeeded', amount: AMOUNT, refunded: 0 }]);
    expect(outcome?.transfers).toEqual([{ kind: 'top_up', reference: outcome?.id, amount: AMOUNT }]);
    expect(outcome?.repeat.body).toMatchObject({ id: outcome?.id });
  },
  3 * RECOVERY_MS,
);
