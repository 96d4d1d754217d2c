import { PaymentKey, PaymentParams, PaymentRefund, PaymentRefundBody } from '@evergreen/contracts/http/gateway.ts';
import { Uuid } from '@evergreen/contracts/primitives.ts';
import { ProblemBody } from '@evergreen/contracts/problems.ts';
import type { HttpApp } from '@evergreen/service-kit/http.ts';
import { Problem } from '@evergreen/service-kit/problem.ts';
import { Type } from 'typebox';
import { playFault } from './play-fault.ts';
import { refundPayment } from './refund-payment.ts';
import { findRefund } from './refund-store.ts';
import { type RouteDeps, walletOnly } from './wallet-only.ts';

const RefundHeaders = Type.Object({
  'idempotency-key': Type.Optional(
    Type.String({ ...PaymentKey, description: 'Idempotency key of a refund: the same key never gives back twice' }),
  ),
});

// The format alone would let urn:uuid: pass, which the database does not read.
const RefundParams = Type.Object({ paymentId: Type.String({ ...Uuid, pattern: '^[0-9A-Fa-f-]{36}$' }) });

export function refundRoutes(app: HttpApp, deps: RouteDeps): void {
  refundRoute(app, deps);
  refundLookUpRoute(app, deps);
}

function refundRoute(app: HttpApp, deps: RouteDeps): void {
  app.post(
    '/payments/:paymentId/refunds',
    {
      onRequest: walletOnly(deps),
      schema: {
        tags: ['Refunds'],
        summary: 'Give money of a payment back, once per Idempotency-Key',
        description: 'All refunds of a payment together never exceed it. A 409 is final: what is left never grows.',
        security: [{ service: [] }],
        headers: RefundHeaders,
        params: RefundParams,
        body: PaymentRefundBody,
        response: {
          201: { ...PaymentRefund, description: 'The money was given back' },
          400: ProblemBody,
          401: ProblemBody,
          404: ProblemBody,
          409: ProblemBody,
          422: ProblemBody,
          500: ProblemBody,
          503: ProblemBody,
        },
      },
    },
    (request, reply) =>
      deps.holds.during(async () => {
        const idempotencyKey = request.headers['idempotency-key'];
        if (!idempotencyKey)
          throw new Problem('idempotency_key_missing', 'Send the id of the refund as Idempotency-Key');
        const paymentId = request.params.paymentId.toLowerCase();
        const order = { paymentId, idempotencyKey, amount: request.body.amount, correlationId: request.id };
        const { attempt, fault, decided, isRepeat } = await refundPayment(deps, order);
        const refundId = decided?.id;
        request.log.info({ attempt, fault, idempotencyKey, paymentId, refundId, isRepeat }, 'refund attempted');
        if (fault) return playFault(fault, request, reply, deps.holds);
        if (isRepeat) reply.header('idempotency-replayed', 'true');
        return reply.code(201).send(decided);
      }),
  );
}

function refundLookUpRoute(app: HttpApp, deps: RouteDeps): void {
  app.get(
    '/refunds/by-key/:idempotencyKey',
    {
      onRequest: walletOnly(deps),
      schema: {
        tags: ['Refunds'],
        summary: 'Find the refund kept under an idempotency key',
        description:
          'A 404 is final only when no request with the key is on its way: repeat the POST to get an outcome.',
        security: [{ service: [] }],
        params: PaymentParams,
        response: { 200: PaymentRefund, 400: ProblemBody, 401: ProblemBody, 404: ProblemBody, 503: ProblemBody },
      },
    },
    async (request) => {
      const refund = await findRefund(deps.prisma, request.params.idempotencyKey);
      if (!refund) throw new Problem('not_found', 'Nothing was given back under this key yet');
      return refund;
    },
  );
}
