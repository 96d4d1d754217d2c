import {
  AdjustmentBody,
  Explanation,
  StatementQuery,
  TopUp,
  Transaction,
  Wallet,
  WalletLineParams,
  WalletParams,
} from '@evergreen/contracts/http/wallet.ts';
import { IdempotencyHeaders, Page, PageQuery } from '@evergreen/contracts/primitives.ts';
import { ProblemBody } from '@evergreen/contracts/problems.ts';
import type { AccessHooks } from '@evergreen/service-kit/auth.ts';
import type { HttpApp } from '@evergreen/service-kit/http.ts';
import { idempotent } from '@evergreen/service-kit/idempotency.ts';
import { adjustBalance } from './adjust.ts';
import { explain } from './explain.ts';
import { readTopUps, readTransactions, readWallet } from './statement.ts';

export type OperatorRouteDeps = Parameters<typeof adjustBalance>[0] & { access: AccessHooks };

const forOperators = { tags: ['operator'], security: [{ accessToken: [] }] };

/** What operators may see of a wallet, and do to it. */
export function operatorRoutes(app: HttpApp, deps: OperatorRouteDeps): void {
  readRoutes(app, deps);
  const onRequest = deps.access.requireOperator;

  app.post(
    '/v1/wallets/:userId/adjustments',
    {
      schema: {
        ...forOperators,
        summary: 'Credit or debit a balance, and say why',
        description: 'The customer sees the reason. A credit pays charges that wait, as any credit does.',
        params: WalletParams,
        headers: IdempotencyHeaders,
        body: AdjustmentBody,
        response: { 201: Transaction, '4xx': ProblemBody },
      },
      onRequest,
      ...idempotent(deps.pool),
    },
    async (request, reply) => {
      const { resourceId: id, id: correlationId, caller, params, body } = request;
      const asked = { ...body, id, userId: params.userId, operatorId: caller.id, correlationId };
      return reply.code(201).send(await adjustBalance(deps, asked));
    },
  );
}

/** What the customer sees, for whoever helps. */
function readRoutes(app: HttpApp, { access, pool, prisma }: OperatorRouteDeps): void {
  const onRequest = access.requireOperator;

  app.get(
    '/v1/wallets/:userId',
    {
      schema: {
        ...forOperators,
        summary: 'Balances of a user',
        params: WalletParams,
        response: { 200: Wallet, '4xx': ProblemBody },
      },
      onRequest,
    },
    ({ params }) => readWallet(prisma, params.userId),
  );

  app.get(
    '/v1/wallets/:userId/transactions',
    {
      schema: {
        ...forOperators,
        summary: 'Statement of a user, newest first',
        params: WalletParams,
        querystring: StatementQuery,
        response: { 200: Page(Transaction), '4xx': ProblemBody },
      },
      onRequest,
    },
    ({ params, query }) => readTransactions(pool, params.userId, query),
  );

  app.get(
    '/v1/wallets/:userId/transactions/:id/explanation',
    {
      schema: {
        ...forOperators,
        summary: 'Why a line of a user’s statement is there',
        description: 'As the customer reads it, in the time zone of the operator.',
        params: WalletLineParams,
        response: { 200: Explanation, '4xx': ProblemBody },
      },
      onRequest,
    },
    ({ params, caller }) => explain(prisma, { userId: params.userId, timeZone: caller.timeZone }, params.id),
  );

  app.get(
    '/v1/wallets/:userId/top-ups',
    {
      schema: {
        ...forOperators,
        summary: 'Top-ups of a user, newest first',
        params: WalletParams,
        querystring: PageQuery,
        response: { 200: Page(TopUp), '4xx': ProblemBody },
      },
      onRequest,
    },
    ({ params, query }) => readTopUps(prisma, params.userId, query),
  );
}
