import {
  Explanation,
  StatementQuery,
  TopUp,
  TopUpBody,
  Transaction,
  Wallet,
} from '@evergreen/contracts/http/wallet.ts';
import { IdempotencyHeaders, IdParams, Page, PageQuery } from '@evergreen/contracts/primitives.ts';
import { ProblemBody } from '@evergreen/contracts/problems.ts';
import type { AccessHooks } from '@evergreen/service-kit/auth.ts';
import type { HttpApp } from '@evergreen/service-kit/http.ts';
import { idempotent } from '@evergreen/service-kit/idempotency.ts';
import { addressClaims, addressOf, type Limit, type RateLimits } from '@evergreen/service-kit/rate-limit.ts';
import type pg from 'pg';
import { Type } from 'typebox';
import { explain } from './explain.ts';
import type { PrismaClient } from './generated/client.ts';
import { readTopUp, readTopUps, readTransactions, readWallet } from './statement.ts';
import { openStatementCsv, prefersCsv } from './statement-csv.ts';
import type { TopUps } from './top-up.ts';

export interface RouteDeps {
  access: AccessHooks;
  pool: pg.Pool;
  prisma: PrismaClient;
  topUps: TopUps;
  rateLimits: RateLimits;
  limits: { topUpsPerAccount: Limit; topUpsPerAddress: Limit };
}

const forUsers = { tags: ['wallet'], security: [{ accessToken: [] }] };

export function walletRoutes(app: HttpApp, deps: RouteDeps): void {
  const { access, pool, prisma, topUps, rateLimits, limits } = deps;
  const onRequest = access.requireUser;

  app.get(
    '/v1/wallet',
    { schema: { ...forUsers, summary: 'Balances', response: { 200: Wallet, '4xx': ProblemBody } }, onRequest },
    (request) => readWallet(prisma, request.caller.id),
  );

  app.post(
    '/v1/wallet/top-ups',
    {
      schema: {
        ...forUsers,
        summary: 'Top up the balance',
        description:
          'Answers 201 once the outcome is known, else 202: it finishes by itself, poll `Location` until then.',
        headers: IdempotencyHeaders,
        body: TopUpBody,
        response: { 201: TopUp, 202: TopUp, '4xx': ProblemBody },
      },
      onRequest,
      ...idempotent(pool),
    },
    async (request, reply) => {
      const { id: userId } = request.caller;
      // Here a repeat with the same Idempotency-Key has its stored answer already, so it does not count.
      await rateLimits.take([
        [limits.topUpsPerAccount, userId],
        ...addressClaims(limits.topUpsPerAddress, addressOf(request)),
      ]);
      await topUps.begin({ id: request.resourceId, userId, correlationId: request.id, ...request.body });
      const topUp = await readTopUp(prisma, userId, request.resourceId);
      reply.header('location', `/v1/wallet/top-ups/${topUp.id}`);
      return reply.code(topUp.status === 'processing' ? 202 : 201).send(topUp);
    },
  );

  app.get(
    '/v1/wallet/top-ups',
    {
      schema: {
        ...forUsers,
        summary: 'Top-ups, newest first',
        querystring: PageQuery,
        response: { 200: Page(TopUp), '4xx': ProblemBody },
      },
      onRequest,
    },
    (request) => readTopUps(prisma, request.caller.id, request.query),
  );

  app.get(
    '/v1/wallet/top-ups/:id',
    {
      schema: { ...forUsers, summary: 'One top-up', params: IdParams, response: { 200: TopUp, '4xx': ProblemBody } },
      onRequest,
    },
    (request) => readTopUp(prisma, request.caller.id, request.params.id),
  );

  statementRoutes(app, { access, pool, prisma });
}

function statementRoutes(app: HttpApp, { access, pool, prisma }: Pick<RouteDeps, 'access' | 'pool' | 'prisma'>): void {
  const onRequest = access.requireUser;
  app.get(
    '/v1/wallet/transactions',
    {
      schema: {
        ...forUsers,
        summary: 'Statement: every credit and debit, newest first',
        description:
          'With `Accept: text/csv` all that passes the filters comes as one CSV file; `limit` and `cursor` do not count then.',
        querystring: StatementQuery,
        response: {
          200: {
            description: 'One page as JSON, or everything as CSV',
            content: {
              'application/json': { schema: Page(Transaction) },
              'text/csv': { schema: Type.String() },
            },
          },
          '4xx': ProblemBody,
        },
      },
      onRequest,
      // It would read a whole statement to say that there is one.
      exposeHeadRoute: false,
    },
    async (request, reply) => {
      const { id: userId } = request.caller;
      reply.header('vary', 'accept');
      if (!prefersCsv(request.headers.accept)) return readTransactions(pool, userId, request.query);
      const csv = await openStatementCsv(pool, userId, request.query);
      reply.type('text/csv; charset=utf-8; header=present');
      return reply.header('content-disposition', 'attachment; filename="statement.csv"').send(csv as never);
    },
  );

  app.get(
    '/v1/wallet/transactions/:id/explanation',
    {
      schema: {
        ...forUsers,
        summary: 'Why a line of the statement is there, in sentences and as data',
        params: IdParams,
        response: { 200: Explanation, '4xx': ProblemBody },
      },
      onRequest,
    },
    ({ caller, params }) => explain(prisma, { userId: caller.id, timeZone: caller.timeZone }, params.id),
  );
}
