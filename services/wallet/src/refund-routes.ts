import { Refund, RefundBody, WalletParams } from '@evergreen/contracts/http/wallet.ts';
import { IdempotencyHeaders } from '@evergreen/contracts/primitives.ts';
import { ProblemBody } from '@evergreen/contracts/problems.ts';
import type { AccessHooks } from '@evergreen/service-kit/auth.ts';
import type { HttpApp } from '@evergreen/service-kit/http.ts';
import { idempotent } from '@evergreen/service-kit/idempotency.ts';
import type pg from 'pg';
import type { Refunds } from './refund.ts';

export function refundRoutes(app: HttpApp, deps: { access: AccessHooks; pool: pg.Pool; refunds: Refunds }): void {
  app.post(
    '/v1/wallets/:userId/refunds',
    {
      schema: {
        tags: ['operator'],
        security: [{ accessToken: [] }],
        summary: 'Give back a paid charge, in part or whole',
        description:
          'To the balance (default) or to the payment method. What the payment gateway refuses goes to the balance. ' +
          'Answers 202 while the gateway has not said what became of it; it finishes by itself.',
        params: WalletParams,
        headers: IdempotencyHeaders,
        body: RefundBody,
        response: { 201: Refund, 202: Refund, '4xx': ProblemBody },
      },
      onRequest: deps.access.requireOperator,
      ...idempotent(deps.pool),
    },
    async (request, reply) => {
      const { chargeId, amount, to = 'balance', reason } = request.body;
      const cause = {
        type: 'POST /v1/wallets/{userId}/refunds',
        correlationId: request.id,
        causationId: null,
        actorId: request.caller.id,
      };
      const { userId } = request.params;
      const asked = { id: request.resourceId, userId, chargeId, to, reason, cause, ...(amount ? { amount } : {}) };
      const refund = await deps.refunds.begin(asked);
      return reply.code(refund.status === 'processing' ? 202 : 201).send(refund);
    },
  );
}
