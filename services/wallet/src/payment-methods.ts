import { PaymentMethod } from '@evergreen/contracts/http/gateway.ts';
import type { SavedPaymentMethod } from '@evergreen/contracts/http/wallet.ts';
import { Page } from '@evergreen/contracts/primitives.ts';
import { inTransaction } from '@evergreen/service-kit/database.ts';
import { invalidField, Problem } from '@evergreen/service-kit/problem.ts';
import { tracedFetch } from '@evergreen/service-kit/tracing.ts';
import { compile } from '@evergreen/service-kit/validation.ts';
import type { FastifyBaseLogger } from 'fastify';
import type pg from 'pg';
import type { Static } from 'typebox';
import type { PaymentMethod as PaymentMethodRecord, PrismaClient } from './generated/client.ts';

const MAX_PER_USER = 20;
const LOOK_UP_TIMEOUT_MS = 3_000;

export interface PaymentMethodDeps {
  pool: pg.Pool;
  prisma: PrismaClient;
  gateway: { url: string; apiKey: string };
}

/** The user's saved payment methods, newest first. There are never more than one page of them. */
export async function readPaymentMethods(prisma: PrismaClient, userId: string): Promise<SavedPaymentMethod[]> {
  const rows = await prisma.paymentMethod.findMany({ where: { userId }, orderBy: { seq: 'desc' }, take: MAX_PER_USER });
  return rows.map(savedOf);
}

/**
 * Saves a token of the payment gateway, with what the gateway says of it. A token that is saved already stays as it is.
 * @param id what the new one is called
 * @throws Problem unknown_payment_method; service_unavailable when the gateway cannot be asked; validation_failed at 20
 */
export async function savePaymentMethod(
  deps: PaymentMethodDeps,
  { id, userId, token, logger }: { id: string; userId: string; token: string; logger: FastifyBaseLogger },
): Promise<{ saved: SavedPaymentMethod; isNew: boolean }> {
  const where = { userId_token: { userId, token } };
  const known = await deps.prisma.paymentMethod.findUnique({ where });
  if (known) return { saved: savedOf(known), isNew: known.id === id };
  const card = await findCard(deps.gateway, token, logger);
  if (!card) throw new Problem('unknown_payment_method', `The payment gateway knows no ${token}`);
  const isNew = await insert(deps.pool, { id, userId, ...card });
  return { saved: savedOf(await deps.prisma.paymentMethod.findUniqueOrThrow({ where })), isNew };
}

function insert(
  pool: pg.Pool,
  { id, userId, token, brand, last4 }: { id: string; userId: string } & Pick<Card, 'token' | 'brand' | 'last4'>,
): Promise<boolean> {
  return inTransaction(pool, async (client) => {
    // One at a time, so that two cannot both be the twentieth.
    await client.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`payment methods of ${userId}`]);
    const { rowCount } = await client.query(
      `INSERT INTO payment_method (id, user_id, token, brand, last4) VALUES ($1, $2, $3, $4, $5)
       ON CONFLICT (user_id, token) DO NOTHING`,
      [id, userId, token, brand, last4],
    );
    const { rows } = await client.query<{ count: number }>(
      'SELECT count(*)::int AS count FROM payment_method WHERE user_id = $1',
      [userId],
    );
    if ((rows[0]?.count ?? 0) > MAX_PER_USER) {
      const message = `would be the ${MAX_PER_USER + 1}st payment method, and ${MAX_PER_USER} can be saved`;
      throw invalidField('body.token', message);
    }
    return rowCount === 1;
  });
}

/**
 * Forgets a saved payment method. Automatic top-up that uses it is off from then on; a payment under way is not called back.
 * @throws Problem not_found, also for that of somebody else
 */
export async function deletePaymentMethod(prisma: PrismaClient, userId: string, id: string): Promise<void> {
  const { count } = await prisma.paymentMethod.deleteMany({ where: { id, userId } });
  if (count === 0) throw new Problem('not_found', 'You have no such payment method');
}

const Cards = Page(PaymentMethod);
type Card = Static<typeof PaymentMethod>;
const isCards = compile(Cards);

async function findCard(
  { url, apiKey }: PaymentMethodDeps['gateway'],
  token: string,
  logger: FastifyBaseLogger,
): Promise<Card | undefined> {
  try {
    const response = await tracedFetch('/payment-methods', `${url}/payment-methods`, {
      headers: { authorization: `Bearer ${apiKey}` },
      signal: AbortSignal.timeout(LOOK_UP_TIMEOUT_MS),
    });
    const body: unknown = await response.json();
    if (!response.ok || !isCards(body)) throw new Error(`payment gateway answered ${response.status}`);
    return (body as Static<typeof Cards>).data.find((card) => card.token === token);
  } catch (err) {
    logger.warn({ err }, 'payment gateway could not be asked for its payment methods');
    throw new Problem('service_unavailable', 'The payment gateway does not answer right now', { retryAfterSeconds: 3 });
  }
}

const savedOf = ({ id, token, brand, last4, createdAt }: PaymentMethodRecord): SavedPaymentMethod => ({
  id,
  token,
  brand,
  last4,
  createdAt: createdAt.toISOString(),
});
