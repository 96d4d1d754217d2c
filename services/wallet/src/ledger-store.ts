import { afterCommit } from '@evergreen/service-kit/database.ts';
import { appendToOutbox } from '@evergreen/service-kit/outbox.ts';
import type pg from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { type Refill, requestAutoTopUps } from './auto-top-up.ts';
import {
  type Account,
  type ChargeState,
  type Command,
  type LedgerState,
  PLATFORM_ACCOUNTS,
  type Postings,
  platformAccountId,
  type Transfer,
  userAccountId,
} from './decisions/accounts.ts';
import { post } from './decisions/ledger.ts';
import { eventsOf } from './ledger-events.ts';
import { ENSURE_ACCOUNTS, LOCK_ACCOUNTS, READ_CHARGES } from './sql/lock-accounts.ts';
import { ENSURE_PLATFORM_ACCOUNTS, WRITE_POSTINGS } from './sql/write-postings.ts';

/**
 * Carries out commands on the ledger within the caller's transaction: locks their accounts, decides, writes what was
 * decided, the events that tell of it, and the automatic top-ups it calls for. Any number of callers may run at once; those that
 * share an account take turns.
 * @throws Refused when a command cannot be carried out; the caller's transaction must then end without a commit
 */
export async function postToLedger(
  client: pg.PoolClient,
  commands: readonly Command[],
  refill: Refill,
): Promise<Postings> {
  if (commands.length === 0) return { accounts: [], charges: [], transfers: [], facts: [] };
  const state = await lockLedger(client, commands);
  const postings = post(state, commands);
  await writePostings(client, postings);
  await appendToOutbox(client, eventsOf(postings.facts));
  await requestAutoTopUps(client, postings, refill);
  afterCommit(client, () => refill.countTransfers(postings.transfers));
  return postings;
}

/** The user's account of each command, locked until the transaction ends, and the charges that go with them. */
async function lockLedger(client: pg.PoolClient, commands: readonly Command[]): Promise<LedgerState> {
  const owners = new Map<string, Pick<Account, 'userId' | 'currency'>>();
  const chargeIds: string[] = [];
  for (const command of commands) {
    const { userId, currency } = subjectOf(command);
    owners.set(userAccountId(userId, currency), { userId, currency });
    if ('charge' in command) chargeIds.push(command.charge.id);
    if ('refund' in command) chargeIds.push(command.refund.chargeId);
  }
  const accountIds = [...owners.keys()];
  const wanted = [...owners.values()];
  await client.query({
    ...ENSURE_ACCOUNTS,
    values: [wanted.map(({ userId }) => userId), wanted.map(({ currency }) => currency), accountIds],
  });
  const accounts = await client.query<AccountRow>({ ...LOCK_ACCOUNTS, values: [accountIds] });
  const charges = await client.query<ChargeRow>({ ...READ_CHARGES, values: [accountIds, chargeIds] });
  return { accounts: accounts.rows.map(accountOf), charges: charges.rows.map(chargeOf) };
}

function subjectOf(command: Command): Pick<Account, 'userId' | 'currency'> {
  if ('entry' in command) return command.entry;
  return 'refund' in command ? command.refund : command.charge;
}

async function writePostings(client: pg.PoolClient, { accounts, charges, transfers }: Postings): Promise<void> {
  if (charges.length === 0 && transfers.length === 0) return;
  await ensurePlatformAccounts(client, transfers);
  await client.query({
    ...WRITE_POSTINGS,
    values: [
      JSON.stringify(accounts.map(({ id, balance }) => ({ id, balance }))),
      JSON.stringify(charges.map(chargeRow)),
      JSON.stringify(transfers.map(transferRow)),
    ],
  });
}

async function ensurePlatformAccounts(client: pg.PoolClient, transfers: readonly Transfer[]): Promise<void> {
  const currencies = [...new Set(transfers.map(({ currency }) => currency))];
  const wanted = currencies.flatMap((currency) =>
    PLATFORM_ACCOUNTS.map((kind) => ({ id: platformAccountId(kind, currency), kind, currency })),
  );
  if (wanted.length === 0) return;
  await client.query({
    ...ENSURE_PLATFORM_ACCOUNTS,
    values: [wanted.map(({ id }) => id), wanted.map(({ kind }) => kind), wanted.map(({ currency }) => currency)],
  });
}

interface AccountRow {
  id: string;
  user_id: string;
  currency: Account['currency'];
  balance: number;
}

export interface ChargeRow {
  id: string;
  user_id: string;
  subscription_id: string;
  amount: number;
  currency: ChargeState['currency'];
  description: string;
  plan_name: string;
  upgrade: boolean;
  period_start: Date;
  period_end: Date;
  requested_at: Date;
  status: ChargeState['status'];
  refunded_amount: number;
  settled_at: Date | null;
  version: number;
  correlation_id: string;
}

const accountOf = ({ id, user_id, currency, balance }: AccountRow): Account => ({
  id,
  userId: user_id,
  currency,
  balance,
});

export const chargeOf = (row: ChargeRow): ChargeState => ({
  id: row.id,
  userId: row.user_id,
  subscriptionId: row.subscription_id,
  amount: row.amount,
  currency: row.currency,
  description: row.description,
  planName: row.plan_name,
  upgrade: row.upgrade,
  period: { start: row.period_start.toISOString(), end: row.period_end.toISOString() },
  businessTime: row.requested_at.toISOString(),
  status: row.status,
  refundedAmount: row.refunded_amount,
  settledAt: row.settled_at?.toISOString() ?? null,
  version: row.version,
  correlationId: row.correlation_id,
});

const chargeRow = (charge: ChargeState) => ({
  id: charge.id,
  account_id: userAccountId(charge.userId, charge.currency),
  user_id: charge.userId,
  subscription_id: charge.subscriptionId,
  amount: charge.amount,
  currency: charge.currency,
  description: charge.description,
  plan_name: charge.planName,
  upgrade: charge.upgrade,
  period_start: charge.period.start,
  period_end: charge.period.end,
  requested_at: charge.businessTime,
  status: charge.status,
  refunded_amount: charge.refundedAmount,
  settled_at: charge.settledAt,
  version: charge.version,
  correlation_id: charge.correlationId,
});

const transferRow = (transfer: Transfer) => ({
  id: uuidv7(),
  kind: transfer.kind,
  reference: transfer.reference,
  debit_account_id: transfer.debitAccountId,
  credit_account_id: transfer.creditAccountId,
  account_id: transfer.accountId,
  currency: transfer.currency,
  amount: transfer.amount,
  balance_after: transfer.balanceAfter,
  description: transfer.description,
  business_time: transfer.businessTime,
  correlation_id: transfer.cause.correlationId,
  causation_id: transfer.cause.causationId,
  cause_type: transfer.cause.type,
  actor_id: transfer.cause.actorId ?? null,
});
