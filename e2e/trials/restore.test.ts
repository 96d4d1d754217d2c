import { join } from 'node:path';
import { awaitCondition } from '@evergreen/stack/await-condition.ts';
import { type DataDirectory, openDataDirectory } from '@evergreen/stack/data-directory.ts';
import { prepareDatabases, type ServiceDatabase } from '@evergreen/stack/databases.ts';
import { type LocalPostgres, startLocalPostgres } from '@evergreen/stack/local-postgres.ts';
import type { ServiceName } from '@evergreen/stack/paths.ts';
import {
  archiveSettings,
  backUp,
  folderLike,
  restoreBackup,
  restoreSettings,
  saveLastLog,
} from '@evergreen/stack/postgres-backup.ts';
import { createTestDatabase, startTestStack, type TestDatabase, type TestStack } from '@evergreen/stack/testing.ts';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type pg from 'pg';
import { expectBooksToAgree, expectNoDeadLetters, openBooks } from '../src/books.ts';
import { advance, openCrowd } from '../src/crowd.ts';
import { beginLoad, type Load, TOP_UP } from '../src/load.ts';
import { leaveUnderWay, PAID, whatBecameOf } from '../src/lost-events.ts';
import { asPerson, calmGateway, newPlan, type Person, topUp } from '../src/people.ts';
import { column, countOf, openPool } from '../src/pools.ts';
import { sayAgain } from '../src/say-again.ts';

// `npm run test:restore`: a running stack is backed up under load, its database server dies, and services start on what was
// restored. The payment provider is somebody else's: its database is never set back.

const PEOPLE = 8;
const PLANS = 40;
const PRICE = 300;
/** Top-ups whose outcome nobody knows at the moment that is restored. */
const UNKNOWN = 6;
/** A server that dies as if by SIGKILL, and yet writes through to disk as one in earnest. */
const DURABLE = { fsync: 'on', full_page_writes: 'on', synchronous_commit: 'on' };

const say = (line: string) => void process.stderr.write(`    ${line}\n`);
const quiet = () => undefined;
const until = (what: string, holds: () => Promise<boolean>, timeoutMs = 60_000) =>
  awaitCondition(async () => (await holds()) || undefined, { what, timeoutMs, intervalMs: 50 });

const folder = (name: string) => join(process.env.TEST_DIRECTORY ?? '', name);
let original: DataDirectory;
let server: LocalPostgres;
let provider: TestDatabase;
let databases: Record<ServiceName, ServiceDatabase>;
let payments: pg.Pool;
let archive: string;
const backup = folder('backup');

/** Who there is, and what they were told. */
let people: { id: string; email: string; token: string }[] = [];
let told: Load['told'];
let answeredSince: Load['answeredSince'];
/** Charges that were paid at the end, and all that were ever asked for: some wait, for want of money. */
let lastCharges: string[] = [];
let lastAsked: string[] = [];
/** Subscriptions with the moment at which each began, from which all its periods follow, and those that were over at the end. */
let lastAnchors: string[] = [];
let lastEnded: string[] = [];
/** Subscriptions whose money was under way between two services at the end, as `leaveUnderWay` says. */
let underWay: Awaited<ReturnType<typeof leaveUnderWay>>;
const ANCHORS = `SELECT subscription_id || ' ' || min(period_start) FROM paid_charge WHERE bought = 'period' GROUP BY subscription_id`;
let operatorToken = '';
/** What a failure has left running. */
let running: { stop(): Promise<void> } | undefined;

const onStack = (stack: TestStack, { id, email, token }: (typeof people)[number]): Person =>
  asPerson(stack, { user: { id, email }, accessToken: token });
const operatorOn = (stack: TestStack) => onStack(stack, { id: '', email: '', token: operatorToken });

beforeAll(async () => {
  original = await openDataDirectory(folder('stack-original'));
  const cluster = join(original.path, 'postgres');
  archive = folder('archive');
  server = await startLocalPostgres({
    directory: original,
    throwaway: true,
    say: quiet,
    settings: { ...DURABLE, ...archiveSettings(archive) },
  });
  await folderLike(archive, cluster);
  databases = await prepareDatabases(server.databaseUrl);
  provider = await createTestDatabase('gateway');
  payments = openPool(provider.url);
  const stack = await startTestStack({ databases: { ...databases, gateway: provider } });
  running = stack;
  const newPerson = await openCrowd(stack);
  const operator = newPerson({ role: 'operator', timeZone: 'UTC' });
  operatorToken = operator.token;
  await calmGateway(operator);
  const customers = Array.from({ length: PEOPLE }, () => newPerson({ timeZone: 'UTC' }));
  people = customers.map(({ id, email, token }) => ({ id, email, token }));
  const planIds: string[] = [];
  for (let n = 0; n < PLANS; n++) {
    planIds.push((await newPlan(operator, { name: `Plan ${n}`, price: { amount: PRICE, currency: 'USD' } })).id);
  }
  const ledger = openPool(databases.wallet.url);
  const unfinished = () => countOf(ledger, `SELECT count(*) FROM top_up WHERE status = 'processing'`);
  const transfers = () => countOf(ledger, 'SELECT count(*) FROM transfer');

  const load = beginLoad(operator, customers, planIds);
  ({ told, answeredSince } = load);
  await until('the first money', async () => told.before.size >= 2 * PEOPLE);
  await operator.api.PUT('/v1/gateway/faults', { body: { outage: true } });
  await until('top-ups of unknown outcome', async () => (await unfinished()) >= UNKNOWN);
  const transfersBefore = await transfers();
  load.backUpBegins();
  await backUp(server.databaseUrl, cluster, backup);
  const since = (await transfers()) - transfersBefore;
  expect(since).toBeGreaterThan(0);
  say(`backed up while ${since} transfers were made, with ${await unfinished()} top-ups of unknown outcome`);
  await operator.api.PUT('/v1/gateway/faults', { body: { outage: false } });
  await until('the unknown ones to be known', async () => (await unfinished()) === 0);
  await until('more money', async () => told.after.size >= 2 * PEOPLE);
  await load.end();
  await advance(operator, { by: 'P1M' });
  const [leaver, payer] = [newPerson({ timeZone: 'UTC' }), newPerson({ timeZone: 'UTC' })];
  people.push(...[leaver, payer].map(({ id, email, token }) => ({ id, email, token })));
  underWay = await leaveUnderWay(stack, { operator, leaver, payer, planId: planIds[0] ?? '', price: PRICE });
  lastCharges = await column(ledger, `${PAID} ORDER BY id`);
  lastAsked = await column(ledger, 'SELECT id FROM charge');
  const subscriptions = openPool(databases.subscriptions.url);
  expect(await countOf(subscriptions, 'SELECT count(*) FROM refund_asked')).toBeGreaterThan(PEOPLE);
  lastAnchors = await column(subscriptions, ANCHORS);
  lastEnded = await column(subscriptions, `SELECT id FROM subscription WHERE status = 'expired'`);
  await subscriptions.end();
  // And once more, right up to the end.
  for (const { body } of await Promise.all(customers.map((one) => topUp(one, TOP_UP)))) {
    told.after.add(body.id);
    answeredSince.add(body.id);
  }
  await ledger.end();
  await server.stop();
  running = undefined;
  await stack.stop();
}, 300_000);

afterAll(async () => {
  await running?.stop();
  await payments?.end();
  await provider?.drop();
  await server?.stop();
  original?.release();
}, 60_000);

interface Restored {
  stack: TestStack;
  /** Top-ups whose outcome was unknown at the moment that is restored, before any service could ask for it. */
  unknown: string[];
  ledger: pg.Pool;
  notifier: pg.Pool;
  stop(): Promise<void>;
}

/** A new server on the back-up, and the whole system on it, with a broker that knows of nothing. */
async function restore(upTo: 'backup' | 'end'): Promise<Restored> {
  const startedAt = performance.now();
  const directory = await openDataDirectory(folder(`stack-restored-${upTo}`));
  const password = decodeURIComponent(new URL(server.databaseUrl).password);
  directory.secret('postgresPassword', () => password);
  await restoreBackup(backup, join(directory.path, 'postgres'));
  const settings = { ...DURABLE, ...restoreSettings(archive, upTo) };
  const postgres = await startLocalPostgres({ directory, throwaway: true, say: quiet, settings });
  const admin = openPool(postgres.databaseUrl);
  await until('the log to be replayed', async () => {
    const [isInRecovery] = await column(admin, 'SELECT pg_is_in_recovery()');
    return String(isInRecovery) === 'false';
  });
  await admin.end();
  const { port } = new URL(postgres.databaseUrl);
  const moved = (url: string) => Object.assign(new URL(url), { port }).href;
  const restored: Record<string, ServiceDatabase> = Object.fromEntries(
    Object.entries(databases).map(([service, { name, url, ownerUrl }]) => [
      service,
      { name, url: moved(url), ownerUrl: moved(ownerUrl) },
    ]),
  );
  await passQuarterOfAnHour(restored);
  const atRest = openPool(restored.wallet?.url ?? '');
  const unknown = await column(atRest, `SELECT id FROM top_up WHERE status = 'processing'`);
  await atRest.end();
  // The other one says it while services run.
  if (upTo === 'backup') say(await sayAgain(restored, folder('say-again')));
  const stack = await startTestStack({ databases: { ...restored, gateway: provider } });
  say(`restored up to ${upTo}: ready after ${((performance.now() - startedAt) / 1_000).toFixed(1)} s`);
  const ledger = openPool(stack.databases.wallet.url);
  const notifier = openPool(stack.databases.notifier.url);
  const restoredStack = {
    stack,
    unknown,
    ledger,
    notifier,
    async stop() {
      running = undefined;
      await Promise.all([ledger.end(), notifier.end()]);
      await stack.stop();
      await postgres.stop();
      directory.release();
    },
  };
  running = restoredStack;
  return restoredStack;
}

/** In earnest a restore takes longer than the ten minutes after which an answer that was lost with the broker is asked for again. */
async function passQuarterOfAnHour(restored: Record<string, ServiceDatabase>): Promise<void> {
  for (const service of ['wallet', 'subscriptions', 'notifier']) {
    const owner = openPool(restored[service]?.ownerUrl ?? '');
    await owner.query(`INSERT INTO billing_clock (offset_ms) VALUES (900000)
                       ON CONFLICT (id) DO UPDATE SET offset_ms = billing_clock.offset_ms + 900000`);
    await owner.end();
  }
}

/** All that must hold whatever was lost: the books agree, and each payment that is known is credited once. */
async function expectSoundBooks({ stack, ledger, notifier }: Restored): Promise<{ orphans: string[] }> {
  await advance(operatorOn(stack), { by: 'PT0.001S' });
  await until('no outcome to be unknown', async () => {
    return (await countOf(ledger, `SELECT count(*) FROM top_up WHERE status = 'processing'`)) === 0;
  });
  await advance(operatorOn(stack), { by: 'PT0.001S' });
  const books = openBooks(stack);
  await expectBooksToAgree(
    books,
    people.map(({ id }) => id),
  );
  await books.close();
  await expectNoDeadLetters(stack);
  const toldTwice = `SELECT data->>'chargeId' FROM notification WHERE type = 'payment_succeeded' AND data ? 'chargeId'
                     GROUP BY 1 HAVING count(*) > 1`;
  expect(await column(notifier, toldTwice)).toEqual([]);
  const captured = await column(payments, `SELECT idempotency_key FROM payment WHERE status = 'succeeded'`);
  const known = new Set(await column(ledger, 'SELECT id FROM top_up'));
  const credited = await column(ledger, `SELECT reference FROM transfer WHERE kind = 'top_up'`);
  expect(credited.sort()).toEqual(captured.filter((key) => known.has(key)).sort());
  return { orphans: captured.filter((key) => !known.has(key)) };
}

test('up to the last word of the log nothing that anybody was told is lost', async () => {
  await saveLastLog(join(original.path, 'postgres'), archive);
  const restored = await restore('end');
  await advance(operatorOn(restored.stack), { by: 'PT0.001S' });
  // Without the command two things would stay as they were when the broker was lost.
  expect(await whatBecameOf(underWay, restored.stack)).toEqual({ refunds: 0, status: 'incomplete', paid: 1 });
  say(await sayAgain(restored.stack.databases, folder('say-again')));
  const { orphans } = await expectSoundBooks(restored);
  expect(orphans).toEqual([]);
  const credited = new Set(await column(restored.ledger, `SELECT reference FROM transfer WHERE kind = 'top_up'`));
  for (const id of [...told.before, ...told.after]) expect(credited).toContain(id);
  expect(await whatBecameOf(underWay, restored.stack)).toEqual({ refunds: 1, status: 'active', paid: 1 });
  const charges = await column(restored.ledger, `${PAID} ORDER BY id`);
  expect(charges).toEqual(lastCharges);
  await restored.stop();
}, 180_000);

test('up to the back-up: what the provider did since is known again, nothing is charged twice, and what is lost can be named', async () => {
  const restored = await restore('backup');
  const { stack, ledger, notifier, unknown } = restored;
  const { orphans } = await expectSoundBooks(restored);
  const credited = new Set(await column(ledger, `SELECT reference FROM transfer WHERE kind = 'top_up'`));
  for (const id of told.before) expect(credited).toContain(id);
  // Begun before the moment and paid after it: the provider was asked under the same key.
  expect(unknown.filter((id) => credited.has(id)).length).toBeGreaterThanOrEqual(UNKNOWN);
  // Begun after it: people have paid, and only the provider knows.
  expect(orphans.length).toBeGreaterThanOrEqual(2 * PEOPLE);
  for (const id of orphans) expect(answeredSince).toContain(id);

  // The month that had been renewed is renewed again: by the same charges, so nobody could be charged twice for it.
  await advance(operatorOn(stack), { by: 'P1M' });
  const charges = await column(ledger, `${PAID} ORDER BY id`);
  const subscriptions = await countOf(
    ledger,
    `SELECT count(DISTINCT subscription_id) FROM (${PAID}) paid JOIN charge USING (id)`,
  );
  expect(charges.length).toBeGreaterThan(subscriptions);
  const books = openBooks(stack);
  // What was on its way began later this time, and has other periods. What was ended since goes on, as nobody knows of that.
  const anchors = (await column(books.subscriptions, ANCHORS)).filter(
    (one) => !lastEnded.includes(one.split(' ')[0] ?? ''),
  );
  const asBefore = anchors.filter((one) => lastAnchors.includes(one)).map((one) => one.split(' ')[0]);
  expect(anchors.length - asBefore.length).toBeLessThanOrEqual(PEOPLE);
  const renewed = await column(ledger, `${PAID} AND subscription_id = ANY ($1::uuid[])`, [asBefore]);
  expect(renewed.length).toBeGreaterThan(asBefore.length);
  expect(renewed.filter((id) => !lastAsked.includes(id))).toEqual([]);
  await expectBooksToAgree(
    books,
    people.map(({ id }) => id),
  );
  await books.close();
  const notices = await countOf(notifier, `SELECT count(*) FROM notification WHERE type = 'payment_succeeded'`);
  say(
    `${credited.size} payments known, ${unknown.length} of them by asking the provider; ${orphans.length} known to the provider alone; ` +
      `${charges.length} charges of ${subscriptions} subscriptions, ${credited.size + charges.length - notices} facts of which nobody was notified`,
  );
  await restored.stop();
}, 180_000);
