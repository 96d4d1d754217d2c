import type { Explanation } from '@evergreen/contracts/http/wallet.ts';
import { Problem } from '@evergreen/service-kit/problem.ts';
import type { Attempt } from './decisions/attempt-text.ts';
import { type ExplainedCharge, explanationOf, type Facts, type Story } from './decisions/explanation.ts';
import type { Charge, PrismaClient, Transfer } from './generated/client.ts';
import { MAX_ATTEMPTS_KEPT } from './payment-attempt.ts';
import { transactionOf } from './statement.ts';

const MAX_CHARGES_LISTED = 10;

/**
 * Why a line of a user's statement is there. Times are told in `timeZone`, that of who asks.
 * @throws Problem not_found, also for a line of somebody else's statement
 */
export async function explain(
  prisma: PrismaClient,
  { userId, timeZone }: { userId: string; timeZone: string },
  transactionId: string,
): Promise<Explanation> {
  const transfer = await prisma.transfer.findFirst({ where: { id: transactionId, account: { userId } } });
  if (!transfer) throw new Problem('not_found', 'There is no such transaction');
  const [{ story, askedAt }, paid] = await Promise.all([
    readStory(prisma, transfer),
    readPaidCharges(prisma, transfer),
  ]);
  const { causeType: type, causationId: id, correlationId } = transfer;
  return explanationOf({
    transaction: transactionOf(transfer),
    trigger: { type, id, correlationId, at: (askedAt ?? transfer.businessTime).toISOString() },
    story,
    paid,
    timeZone,
  });
}

/** `askedAt` is when what led to the transfer was asked for, where that was before it. */
async function readStory(prisma: PrismaClient, transfer: Transfer): Promise<{ story: Story; askedAt?: Date }> {
  const { kind, reference: id } = transfer;
  switch (kind) {
    case 'top_up': {
      const [row, attempts] = await Promise.all([
        prisma.topUp.findUniqueOrThrow({ where: { id } }),
        readAttempts(prisma, id),
      ]);
      const origin = row.origin as 'customer' | 'auto';
      const topUp = { origin, paymentMethod: row.paymentMethod, askedAt: row.businessTime.toISOString() };
      return { story: { kind, topUp, attempts }, askedAt: row.businessTime };
    }
    case 'charge': {
      const [row, credit] = await Promise.all([
        prisma.charge.findUniqueOrThrow({ where: { id } }),
        readCreditBehind(prisma, transfer),
      ]);
      const story: Story = { kind, charge: chargeOf(row), paidBy: credit && transactionOf(credit) };
      return credit ? { story } : { story, askedAt: row.requestedAt };
    }
    case 'refund':
    case 'payout':
      return readRefundStory(prisma, kind, id);
    case 'adjustment': {
      const { actorId, causeType, causationId, description: reason, businessTime } = transfer;
      const at = businessTime.toISOString();
      return { story: { kind, adjustment: { actorId, causeType, causationId, reason, at } } };
    }
    default:
      throw new Error(`transfer ${transfer.id} is of the unknown kind ${kind}`);
  }
}

async function readRefundStory(prisma: PrismaClient, kind: 'refund' | 'payout', id: string) {
  const [row, attempts] = await Promise.all([
    prisma.refund.findUniqueOrThrow({ where: { id } }),
    readAttempts(prisma, id),
  ]);
  const charge = await prisma.charge.findUniqueOrThrow({ where: { id: row.chargeId } });
  const { actorId, causeType, causationId, reason, businessTime } = row;
  const to = row.destination as 'balance' | 'payment_method';
  const refund = { actorId, causeType, causationId, reason, to, at: businessTime.toISOString() };
  return { story: { kind, charge: chargeOf(charge), refund, attempts }, askedAt: businessTime };
}

async function readAttempts(prisma: PrismaClient, subjectId: string): Promise<Attempt[]> {
  // What ended it is kept beyond the bound, so there can be a few more.
  const take = 2 * MAX_ATTEMPTS_KEPT;
  const rows = await prisma.paymentAttempt.findMany({ where: { subjectId }, orderBy: { seq: 'asc' }, take });
  return rows.map(({ startedAt, operation, outcome, durationMs }) => ({
    at: startedAt.toISOString(),
    operation: operation as Attempt['operation'],
    outcome,
    durationMs,
  }));
}

/**
 * Transfers of one transaction and one cause. A credit and the waiting charges it paid are such, and their `created_at` is the
 * time at which their transaction began.
 */
const sameMoment = ({ accountId, createdAt, correlationId, causationId }: Transfer) => ({
  accountId,
  createdAt,
  correlationId,
  causationId,
});

/** The waiting charges that a credit paid: those that follow it at once. A payout stands between a refund and them. */
async function readPaidCharges(prisma: PrismaClient, transfer: Transfer): Promise<Facts['paid']> {
  if (transfer.kind === 'charge') return { charges: [], more: false };
  const following = await prisma.transfer.findMany({
    where: { ...sameMoment(transfer), seq: { gt: transfer.seq } },
    orderBy: { seq: 'asc' },
    take: MAX_CHARGES_LISTED + 2,
  });
  const rest = following[0]?.kind === 'payout' ? following.slice(1) : following;
  const end = rest.findIndex(({ kind }) => kind !== 'charge');
  const ids = rest.slice(0, end < 0 ? undefined : end).map(({ reference }) => reference);
  const rows = await prisma.charge.findMany({ where: { id: { in: ids } }, orderBy: { seq: 'asc' } });
  return { charges: rows.slice(0, MAX_CHARGES_LISTED).map(chargeOf), more: rows.length > MAX_CHARGES_LISTED };
}

/** The credit that paid a charge which had waited; null for a charge that was paid when it was asked for. */
const readCreditBehind = (prisma: PrismaClient, charge: Transfer): Promise<Transfer | null> =>
  prisma.transfer.findFirst({
    where: { ...sameMoment(charge), seq: { lt: charge.seq }, kind: { in: ['top_up', 'refund', 'adjustment'] } },
    orderBy: { seq: 'desc' },
  });

const chargeOf = (row: Charge): ExplainedCharge => ({
  id: row.id,
  subscriptionId: row.subscriptionId,
  status: row.status,
  amount: Number(row.amount),
  refunded: Number(row.refundedAmount),
  period: { start: row.periodStart.toISOString(), end: row.periodEnd.toISOString() },
  askedAt: row.requestedAt.toISOString(),
  settledAt: row.settledAt?.toISOString() ?? null,
  description: row.description,
  correlationId: row.correlationId,
});
