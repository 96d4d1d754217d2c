import {
  Faults,
  FaultsPatch,
  Payment,
  PaymentBody,
  PaymentHeaders,
  PaymentMethod,
  PaymentParams,
} from '@evergreen/contracts/http/gateway.ts';
import { Page } from '@evergreen/contracts/primitives.ts';
import { ProblemBody } from '@evergreen/contracts/problems.ts';
import type { HttpApp } from '@evergreen/service-kit/http.ts';
import { Problem } from '@evergreen/service-kit/problem.ts';
import { CARDS } from './decisions/cards.ts';
import { changeFaults, readFaults } from './fault-setting.ts';
import { findPayment } from './payment-store.ts';
import { playFault } from './play-fault.ts';
import { refundRoutes } from './refund-routes.ts';
import { takePayment } from './take-payment.ts';
import { type RouteDeps, walletOnly } from './wallet-only.ts';

/** All routes of the provider. Those below /v1 are for people through the edge; the others are for the wallet alone. */
export function routes(app: HttpApp, deps: RouteDeps): void {
  paymentRoute(app, deps);
  lookUpRoute(app, deps);
  refundRoutes(app, deps);
  paymentMethodRoutes(app, deps);
  faultRoutes(app, deps);
}

function paymentRoute(app: HttpApp, deps: RouteDeps): void {
  app.post(
    '/payments',
    {
      onRequest: walletOnly(deps),
      schema: {
        tags: ['Payments'],
        summary: 'Take a payment, once per Idempotency-Key',
        security: [{ service: [] }],
        headers: PaymentHeaders,
        body: PaymentBody,
        response: {
          201: { ...Payment, description: 'The money was captured' },
          402: { ...Payment, description: 'Declined for good: the same key gets the same answer' },
          400: ProblemBody,
          401: ProblemBody,
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
          throw new Problem('idempotency_key_missing', 'Send the id of the top-up as Idempotency-Key');
        const order = { idempotencyKey, body: request.body, correlationId: request.id };
        const { attempt, fault, decided: payment, isRepeat } = await takePayment(deps, order);
        request.log.info({ attempt, fault, idempotencyKey, paymentId: payment?.id, isRepeat }, 'payment attempted');
        if (fault) return playFault(fault, request, reply, deps.holds);
        if (isRepeat) reply.header('idempotency-replayed', 'true');
        return reply.code(payment.status === 'succeeded' ? 201 : 402).send(payment);
      }),
  );
}

function lookUpRoute(app: HttpApp, deps: RouteDeps): void {
  app.get(
    '/payments/by-key/:idempotencyKey',
    {
      onRequest: walletOnly(deps),
      schema: {
        tags: ['Payments'],
        summary: 'Find the payment kept under an idempotency key',
        description:
          'A 404 is final only when no request with the key is on its way: repeat the POST to get an outcome.',
        security: [{ service: [] }],
        params: PaymentParams,
        response: { 200: Payment, 400: ProblemBody, 401: ProblemBody, 404: ProblemBody, 503: ProblemBody },
      },
    },
    async (request) => {
      const kept = await findPayment(deps.prisma, request.params.idempotencyKey);
      if (!kept) throw new Problem('not_found', 'Nothing was captured or declined under this key yet');
      return kept.payment;
    },
  );
}

function paymentMethodRoutes(app: HttpApp, { access, requireApiKey }: RouteDeps): void {
  const schema = {
    tags: ['Payment methods'],
    summary: 'List the test cards and what each does',
    response: { 200: Page(PaymentMethod), 401: ProblemBody },
  };
  const data = CARDS.map(({ token, brand, last4, behaviour }) => ({ token, brand, last4, behaviour }));
  const list = async () => ({ data, nextCursor: null });
  app.get('/payment-methods', { schema: { ...schema, security: [{ service: [] }] }, onRequest: requireApiKey }, list);
  app.get(
    '/v1/gateway/payment-methods',
    { schema: { ...schema, security: [{ accessToken: [] }] }, onRequest: access.requireUser },
    list,
  );
}

function faultRoutes(app: HttpApp, { pool, prisma, access }: RouteDeps): void {
  const forOperator = {
    tags: ['Gateway faults'],
    security: [{ accessToken: [] }],
    response: { 200: Faults, 400: ProblemBody, 401: ProblemBody, 403: ProblemBody },
  };
  app.get(
    '/v1/gateway/faults',
    { schema: { ...forOperator, summary: 'Read how unreliable the provider is' }, onRequest: access.requireOperator },
    () => readFaults(prisma),
  );
  app.put(
    '/v1/gateway/faults',
    {
      onRequest: access.requireOperator,
      schema: {
        ...forOperator,
        summary: 'Set how unreliable the provider is',
        description: 'What is not named keeps its value. Setting the seed begins its sequence of outcomes anew.',
        body: FaultsPatch,
      },
    },
    async (request) => {
      const faults = await changeFaults(pool, request.body);
      request.log.info({ operatorId: request.caller.id, faults }, 'faults set');
      return faults;
    },
  );
}
