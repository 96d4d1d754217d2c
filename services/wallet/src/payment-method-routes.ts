import {
  AutoTopUp,
  AutoTopUpBody,
  SavedPaymentMethod,
  SavedPaymentMethodBody,
} from '@evergreen/contracts/http/wallet.ts';
import { Currency } from '@evergreen/contracts/money.ts';
import { IdempotencyHeaders, IdParams, Page } from '@evergreen/contracts/primitives.ts';
import { ProblemBody } from '@evergreen/contracts/problems.ts';
import type { AccessHooks } from '@evergreen/service-kit/auth.ts';
import type { HttpApp } from '@evergreen/service-kit/http.ts';
import { idempotent } from '@evergreen/service-kit/idempotency.ts';
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import type { Refill } from './auto-top-up.ts';
import { readAutoTopUps, setAutoTopUp } from './auto-top-up-settings.ts';
import {
  deletePaymentMethod,
  type PaymentMethodDeps,
  readPaymentMethods,
  savePaymentMethod,
} from './payment-methods.ts';

export type PaymentMethodRouteDeps = PaymentMethodDeps &
  Refill & {
    access: AccessHooks;
    /** Refuses who saves and changes too often: each time asks the gateway, or looks at what waits. */
    limitSettings: (request: FastifyRequest) => Promise<void>;
  };

const forUsers = { tags: ['wallet'], security: [{ accessToken: [] }] };

/** Saved payment methods, and the automatic top-up that uses them. */
export function paymentMethodRoutes(app: HttpApp, deps: PaymentMethodRouteDeps): void {
  const { prisma, pool } = deps;
  const onRequest = deps.access.requireUser;

  app.get(
    '/v1/wallet/payment-methods',
    {
      schema: {
        ...forUsers,
        summary: 'Saved payment methods, newest first',
        response: { 200: Page(SavedPaymentMethod), '4xx': ProblemBody },
      },
      onRequest,
    },
    async (request) => ({ data: await readPaymentMethods(prisma, request.caller.id), nextCursor: null }),
  );

  app.post(
    '/v1/wallet/payment-methods',
    {
      schema: {
        ...forUsers,
        summary: 'Save a payment method',
        description: 'Takes a token of the payment gateway, never card data. Answers 200 when it was saved before.',
        headers: IdempotencyHeaders,
        body: SavedPaymentMethodBody,
        response: { 200: SavedPaymentMethod, 201: SavedPaymentMethod, '4xx': ProblemBody, '5xx': ProblemBody },
      },
      onRequest: [onRequest, deps.limitSettings],
      ...idempotent(pool),
    },
    async (request, reply) => {
      const { caller, resourceId: id, body, log: logger } = request;
      const { saved, isNew } = await savePaymentMethod(deps, { id, userId: caller.id, token: body.token, logger });
      return reply.code(isNew ? 201 : 200).send(saved);
    },
  );

  app.delete(
    '/v1/wallet/payment-methods/:id',
    {
      schema: {
        ...forUsers,
        summary: 'Forget a payment method; automatic top-up that uses it is off from then on',
        params: IdParams,
        response: { 204: Type.Null(), '4xx': ProblemBody },
      },
      onRequest,
    },
    async (request, reply) => {
      await deletePaymentMethod(prisma, request.caller.id, request.params.id);
      return reply.code(204).send(null);
    },
  );

  autoTopUpRoutes(app, deps);
}

const AutoTopUpQuery = Type.Object({ currency: Type.Optional(Currency) }, { additionalProperties: false });

function autoTopUpRoutes(app: HttpApp, deps: PaymentMethodRouteDeps): void {
  const onRequest = deps.access.requireUser;

  app.get(
    '/v1/wallet/auto-top-up',
    {
      schema: {
        ...forUsers,
        summary: 'Automatic top-up: the settings of one currency, or of all that were ever set',
        querystring: AutoTopUpQuery,
        response: { 200: Page(AutoTopUp), '4xx': ProblemBody },
      },
      onRequest,
    },
    async (request) => {
      const data = await readAutoTopUps(deps.prisma, request.caller.id, request.query.currency);
      return { data, nextCursor: null };
    },
  );

  app.put(
    '/v1/wallet/auto-top-up',
    {
      schema: {
        ...forUsers,
        summary: 'Set automatic top-up of one currency',
        description: 'Off until it is enabled here. Charges that wait already are topped up for at once.',
        body: AutoTopUpBody,
        response: { 200: AutoTopUp, '4xx': ProblemBody },
      },
      onRequest: [onRequest, deps.limitSettings],
    },
    (request) => setAutoTopUp(deps, { ...request.body, userId: request.caller.id, correlationId: request.id }),
  );
}
