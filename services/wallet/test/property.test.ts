import { randomInt } from 'node:crypto';
import type { Charge } from '@evergreen/contracts/charge.ts';
import { PlanChangeDue } from '@evergreen/contracts/events/subscriptions.ts';
import { ChargeFailed } from '@evergreen/contracts/events/wallet.ts';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { v7 as uuidv7 } from 'uuid';
import { expectGatewayToAgree, expectLedgerToAddUp } from './audit.ts';
import { due, newCharge, openRig, planChangeDue, RELIABLE, type Rig, refundDue, type User, voiding } from './rig.ts';

const RUNS = Number(process.env.EVERGREEN_RUNS ?? 5);
const OPERATIONS_PER_RUN = 100;
const CLIENTS = 6;
const USERS = 2;
const CURRENCIES = ['USD', 'EUR', 'JPY'] as const;
const CHARGES = 36;

/** Enough goes wrong for retries, unknown outcomes and events that come twice, and little enough to be done in seconds. */
const MILDLY_UNRELIABLE = {
  latency: { p50Ms: 15, p99Ms: 80 },
  rates: { ...RELIABLE.rates, error500: 0.06, connectionReset: 0.1, declined: 0.05, duplicateEvent: 0.4 },
};

/** The failing interleaving is played again with EVERGREEN_SEED=<the seed that was printed>. */
const seed = Number(process.env.EVERGREEN_SEED ?? randomInt(2 ** 31));

let rig: Rig;

beforeAll(async () => {
  rig = await openRig();
}, 60_000);

afterAll(() => rig?.close(), 30_000);

/** Plain objects, so that a failing plan is easy to read. */
const record = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }) => fc.record<T>(model, { noNullPrototype: true });
const account = record({ user: fc.nat({ max: USERS - 1 }), currency: fc.constantFrom(...CURRENCIES) });
const charge = fc.nat({ max: CHARGES - 1 });
const copies = fc.constantFrom(1, 1, 2, 3);
const card = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('pm_card_visa', 'pm_card_mastercard') },
  { weight: 1, arbitrary: fc.constantFrom('pm_card_declined', 'pm_card_expired') },
);
const kind = fc.oneof(
  { weight: 9, arbitrary: fc.constant('due' as const) },
  { weight: 1, arbitrary: fc.constant('void' as const) },
);
const to = fc.constantFrom('balance' as const, 'payment_method' as const);
const percent = fc.constantFrom(34, 50, 100, 100);
const did = <Name extends string>(name: Name) => fc.constant(name);

const operation = fc.oneof(
  {
    weight: 6,
    arbitrary: record({ name: did('topUp'), account, amount: fc.integer({ min: 1, max: 2_500 }), card, copies }),
  },
  {
    weight: 7,
    // Few charges and several events at once: they come twice, before and after their void, under one id and under several.
    arbitrary: record({
      name: did('say'),
      events: fc.array(fc.record({ charge, kind, id: fc.nat({ max: 1 }) }), {
        minLength: 1,
        maxLength: 5,
      }),
    }),
  },
  { weight: 4, arbitrary: record({ name: did('refund'), pick: fc.nat(), percent, to, copies, rivals: copies }) },
  { weight: 2, arbitrary: record({ name: did('refundDue'), pick: fc.nat(), copies }) },
  {
    weight: 3,
    arbitrary: record({ name: did('adjust'), account, amount: fc.integer({ min: -1_500, max: 1_500 }), copies }),
  },
  { weight: 1, arbitrary: record({ name: did('repeatPayment'), pick: fc.nat(), isNewEvent: fc.boolean() }) },
  { weight: 2, arbitrary: record({ name: did('audit') }) },
);
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

const plan = record({
  gatewaySeed: fc.nat(),
  amounts: fc.array(fc.integer({ min: 200, max: 1_800 }), { minLength: CHARGES, maxLength: CHARGES }),
  operations: fc.array(operation, { minLength: OPERATIONS_PER_RUN, maxLength: OPERATIONS_PER_RUN }),
});

/** What one run plays with, and what it was promised. */
interface Scene {
  users: User[];
  charges: Charge[];
  /** The same charge, kind and id number is the same event, whoever says it. */
  events: Map<string, ReturnType<typeof due>>;
  saidDue: Set<string>;
  /** Signed amounts of the adjustments that were answered 201, by currency. */
  adjusted: Map<string, number>;
}

test('any interleaving of clients and events: the money adds up and agrees with the gateway, per currency', async () => {
  process.stderr.write(`property.test.ts: EVERGREEN_SEED=${seed}\n`);
  await fc.assert(fc.asyncProperty(plan, play), { seed, numRuns: RUNS, endOnFailure: true });
  await expectEverythingToHaveHappened();
}, 180_000);

async function play({ gatewaySeed, amounts, operations }: typeof plan extends fc.Arbitrary<infer T> ? T : never) {
  await rig.setFaults({ seed: gatewaySeed, ...MILDLY_UNRELIABLE });
  const users = await Promise.all(Array.from({ length: USERS }, () => rig.newUser()));
  const charges = amounts.map((amount, n) => newCharge(at(users, n).id, amount, at(CURRENCIES, Math.floor(n / 12))));
  const scene: Scene = { users, charges, events: new Map(), saidDue: new Set(), adjusted: new Map() };
  const ahead = operations.values();
  const client = async () => {
    for (const one of ahead) await carryOut(scene, one);
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  await rig.quiet();
  await expectLedgerToAddUp(rig.db);
  await expectPlanChangesNotToWait(scene);
  await expectGatewayToAgree(rig.db, rig.gatewayDb);
  await expectPromisesToBeKept(scene);
}

async function carryOut(scene: Scene, operation: Operation): Promise<void> {
  switch (operation.name) {
    case 'topUp':
      return topUp(scene, operation);
    case 'say':
      return say(scene, operation);
    case 'refund':
      return refund(scene, operation);
    case 'refundDue':
      return giveBack(scene, operation);
    case 'adjust':
      return adjust(scene, operation);
    case 'repeatPayment':
      return repeatPayment(operation);
    case 'audit':
      // The ledger adds up at any moment, not only in the end.
      await expectPlanChangesNotToWait(scene);
      return expectLedgerToAddUp(rig.db);
    default:
      return operation satisfies never;
  }
}

type Of<Name extends Operation['name']> = Extract<Operation, { name: Name }>;

/** Sends one request several times at once, and answers with what came of those that were carried out. */
async function send(copies: number, request: () => ReturnType<Rig['operate']>, refusals: string[]) {
  const answers = await Promise.all(Array.from({ length: copies }, request));
  const done = answers.filter(({ status }) => status === 201 || status === 202);
  for (const { status, body } of answers) {
    if (status === 201 || status === 202) expect(body).toEqual(done[0]?.body);
    else expect(['idempotency_key_in_use', ...refusals]).toContain(body.code);
  }
  return done[0];
}

async function topUp({ users }: Scene, { account: { user, currency }, amount, card, copies }: Of<'topUp'>) {
  const key = uuidv7();
  await send(copies, () => at(users, user).topUp(amount, { key, currency, paymentMethod: card }), []);
}

async function say({ charges, events, saidDue }: Scene, { events: wanted }: Of<'say'>) {
  const said = wanted.map(({ charge, kind, id }) => {
    const about = at(charges, charge);
    const name = `${charge} ${kind} ${id}`;
    const asks = isPlanChange(charge) ? planChangeDue : due;
    const event = events.get(name) ?? (kind === 'due' ? asks(about) : voiding(about));
    events.set(name, event);
    saidDue.add(about.id);
    return event;
  });
  await rig.say(...said);
}

/** Of every kind: some are given back by subscriptions, some by operators. */
const isPlanChange = (charge: number): boolean => charge % 4 === 0;

/** Those that are said to be due are paid or voided the moment they are heard of. */
async function expectPlanChangesNotToWait({ charges }: Scene): Promise<void> {
  const ids = charges.filter((_, n) => isPlanChange(n)).map(({ id }) => id);
  const waiting = `SELECT id FROM charge WHERE id = ANY ($1::uuid[]) AND status = 'awaiting_funds'`;
  expect((await rig.db.query(waiting, [ids])).rows).toEqual([]);
}

/** Subscriptions gives back these and operators the others, so that what subscriptions says is due is always there. */
const isForSubscriptions = (charge: number): boolean => charge % 3 === 0;

/** Those that were paid, wholly given back since or not. */
async function paidOf(charges: Charge[]): Promise<Charge[]> {
  const { rows } = await rig.db.query<{ id: string }>(
    `SELECT id FROM charge WHERE id = ANY ($1::uuid[]) AND status IN ('paid', 'refunded')`,
    [charges.map(({ id }) => id)],
  );
  return charges.filter(({ id }) => rows.some((row) => row.id === id));
}

/** Several operators at once, each perhaps with several tries, and perhaps of a charge that is not paid. */
async function refund({ charges }: Scene, { pick, percent, to, copies, rivals }: Of<'refund'>) {
  const candidates = charges.filter((_, n) => !isForSubscriptions(n));
  const paid = await paidOf(candidates);
  const { id: chargeId, userId, amount: whole } = at(paid.length > 0 ? paid : candidates, pick);
  const amount = percent === 100 ? {} : { amount: Math.ceil((whole * percent) / 100) };
  const body = { chargeId, to, reason: 'The film never started', ...amount };
  const ask = (key: string) =>
    send(copies, () => rig.operate(userId, 'refunds', { key, body }), ['not_found', 'refund_not_possible']);
  await Promise.all(Array.from({ length: rivals }, () => ask(uuidv7())));
}

/** What subscriptions asks for once it has heard of the payment: one refund, in events that may repeat. */
async function giveBack({ charges }: Scene, { pick, copies }: Of<'refundDue'>) {
  const paid = await paidOf(charges.filter((_, n) => isForSubscriptions(n)));
  if (paid.length === 0) return;
  const charge = at(paid, pick);
  const event = () => refundDue(charge, charge.subscriptionId, Math.ceil(charge.amount / 2));
  const first = event();
  await rig.say(first, ...Array.from({ length: copies }, event), first);
}

async function adjust({ users, adjusted }: Scene, { account: { user, currency }, amount, copies }: Of<'adjust'>) {
  if (amount === 0) return;
  const init = { key: uuidv7(), body: { amount, currency, reason: 'Set right by hand' } };
  const done = await send(copies, () => rig.operate(at(users, user).id, 'adjustments', init), ['insufficient_funds']);
  if (done) adjusted.set(currency, (adjusted.get(currency) ?? 0) + amount);
}

/** The gateway says again what it said before, under the same event id or under a new one. */
async function repeatPayment({ pick, isNewEvent }: Of<'repeatPayment'>) {
  const { payments } = rig.heard;
  if (payments.length === 0) return;
  const event = at(payments, pick);
  await rig.say(isNewEvent ? { ...event, id: uuidv7() } : event);
}

/** What a client was told has happened did, and no event was lost. */
async function expectPromisesToBeKept({ users, saidDue, adjusted }: Scene): Promise<void> {
  const userIds = users.map(({ id }) => id);
  const known = await rig.db.query<{ id: string }>('SELECT id FROM charge WHERE user_id = ANY ($1::uuid[])', [userIds]);
  expect(known.rows.map(({ id }) => id).sort()).toEqual([...saidDue].sort());
  const adjustments = await rig.db.query<{ currency: string; sum: string }>(
    `SELECT t.currency, sum(CASE WHEN t.credit_account_id = a.id THEN t.amount ELSE -t.amount END) AS sum
     FROM transfer t JOIN account a ON a.id = t.account_id
     WHERE t.kind = 'adjustment' AND a.user_id = ANY ($1::uuid[]) GROUP BY t.currency ORDER BY 1`,
    [userIds],
  );
  const sums = adjustments.rows.map(({ currency, sum }) => [currency, Number(sum)]);
  expect(sums).toEqual([...adjusted].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** A property of nothing holds always, so all that it speaks of must have come about somewhere in the runs. */
async function expectEverythingToHaveHappened(): Promise<void> {
  const { rows } = await rig.db.query<{ kind: string }>(`
    SELECT 'transfer ' || t.kind || ' in ' || t.currency AS kind FROM transfer t WHERE t.kind IN ('top_up', 'charge')
    UNION SELECT 'transfer ' || kind FROM transfer
    UNION SELECT 'plan change paid' FROM transfer WHERE kind = 'charge' AND cause_type = '${PlanChangeDue.type}'
    UNION SELECT 'charge ' || status FROM charge
    UNION SELECT 'top-up ' || status FROM top_up
    UNION SELECT 'refund in part' FROM charge WHERE refunded_amount BETWEEN 1 AND amount - 1
    UNION SELECT 'refund asked for by ' || CASE WHEN actor_id IS NULL THEN 'subscriptions' ELSE 'an operator' END FROM refund
    UNION SELECT 'charge paid after it waited' FROM charge WHERE status IN ('paid', 'refunded') AND settled_at > requested_at`);
  expect(rows.map(({ kind }) => kind)).toEqual(
    expect.arrayContaining([
      ...CURRENCIES.flatMap((currency) => [`transfer top_up in ${currency}`, `transfer charge in ${currency}`]),
      ...['top_up', 'charge', 'refund', 'payout', 'adjustment'].map((kind) => `transfer ${kind}`),
      'plan change paid',
      ...['awaiting_funds', 'paid', 'voided', 'refunded'].map((status) => `charge ${status}`),
      ...['top-up succeeded', 'top-up failed', 'refund in part', 'charge paid after it waited'],
      ...['refund asked for by subscriptions', 'refund asked for by an operator'],
    ]),
  );
  const failed = rig.heard.charges.filter(({ type }) => type === ChargeFailed.type);
  expect(new Set(failed.map(({ data }) => data.awaitingFunds))).toEqual(new Set([true, false]));
}

function at<T>(list: readonly T[], index: number): T {
  const found = list[index % list.length];
  if (found === undefined) throw new RangeError('the list is empty');
  return found;
}
