import { AdjustmentBody, Transaction, Wallet, WalletParams } from '@evergreen/contracts/http/wallet.ts';
import { IdempotencyHeaders } from '@evergreen/contracts/primitives.ts';
import { ProblemBody } from '@evergreen/contracts/problems.ts';
import type { AccessHooks } from '@evergreen/service-kit/auth.ts';
import type { HttpApp } from '@evergreen/service-kit/http.ts';
import { idempotent } from '@evergreen/service-kit/idempotency.ts';
import { adjustBalance } from './adjust.ts';
import { readWallet } from './statement.ts';

export type OperatorRouteDeps = Parameters<typeof adjustBalance>[0] & { access: AccessHooks };

const forOperators = { tags: ['operator'], security: [{ accessToken: [] }] };

/** What operators may see of a wallet, and do to it. */
export function operatorRoutes(app: HttpApp, deps: OperatorRouteDeps): void {
  const onRequest = deps.access.requireOperator;

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
    (request) => readWallet(deps.prisma, request.params.userId),
  );

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
