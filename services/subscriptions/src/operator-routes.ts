import {
  ExtendBody,
  OperatorCancelBody,
  OperatorSubscription,
  OperatorSubscriptionQuery,
} from '@evergreen/contracts/http/subscription-operations.ts';
import { TimelineEntry } from '@evergreen/contracts/http/subscriptions.ts';
import { IdempotencyHeaders, IdParams, Page, PageQuery } from '@evergreen/contracts/primitives.ts';
import { ProblemBody } from '@evergreen/contracts/problems.ts';
import { allowNoBody, type HttpApp } from '@evergreen/service-kit/http.ts';
import { idempotent } from '@evergreen/service-kit/idempotency.ts';
import { readNow } from './business-time.ts';
import { cancelSubscription } from './cancel-subscription.ts';
import { extendSubscription } from './extend-subscription.ts';
import type { RouteDeps } from './routes.ts';
import { operatorViewOf } from './subscription-view.ts';
import { ANYBODY, listAllSubscriptions, readSubscription, readTimeline } from './subscriptions.ts';

const forOperators = { tags: ['operator'], security: [{ accessToken: [] }] };

/** Anybody's subscriptions, and what an operator does with them. */
export function operatorRoutes(app: HttpApp, deps: RouteDeps): void {
  readRoutes(app, deps);
  cancelRoute(app, deps);
  extendRoute(app, deps);
}

function readRoutes(app: HttpApp, { access, prisma, clock }: RouteDeps): void {
  const onRequest = access.requireOperator;

  app.get(
    '/v1/operator/subscriptions',
    {
      schema: {
        ...forOperators,
        summary: "Everybody's subscriptions, newest first",
        querystring: OperatorSubscriptionQuery,
        response: { 200: Page(OperatorSubscription), '4xx': ProblemBody },
      },
      onRequest,
    },
    async ({ query }) => listAllSubscriptions(prisma, query, await readNow(clock)),
  );

  app.get(
    '/v1/operator/subscriptions/:id',
    {
      schema: {
        ...forOperators,
        summary: "Anybody's subscription",
        params: IdParams,
        response: { 200: OperatorSubscription, '4xx': ProblemBody },
      },
      onRequest,
    },
    async ({ params }) => operatorViewOf(await readSubscription(prisma, ANYBODY, params.id), await readNow(clock)),
  );

  app.get(
    '/v1/operator/subscriptions/:id/timeline',
    {
      schema: {
        ...forOperators,
        summary: "What happened to anybody's subscription and why, newest first",
        params: IdParams,
        querystring: PageQuery,
        response: { 200: Page(TimelineEntry), '4xx': ProblemBody },
      },
      onRequest,
    },
    ({ params, query }) => readTimeline(prisma, ANYBODY, params.id, query),
  );
}

function cancelRoute(app: HttpApp, deps: RouteDeps): void {
  app.post(
    '/v1/operator/subscriptions/:id/cancel',
    {
      schema: {
        ...forOperators,
        summary: "Cancel anybody's subscription: at the end of what is paid, or now",
        description: 'As the customer can. The reason stands in the timeline.',
        params: IdParams,
        body: OperatorCancelBody,
        response: { 200: OperatorSubscription, '4xx': ProblemBody },
      },
      onRequest: deps.access.requireOperator,
      preValidation: allowNoBody,
    },
    async ({ params, body, caller, id: requestId }) => {
      const subscription = await cancelSubscription(deps, {
        id: params.id,
        route: 'POST /v1/operator/subscriptions/{id}/cancel',
        body,
        caller,
        asOperator: true,
        note: body.reason,
        requestId,
      });
      return operatorViewOf(subscription, await readNow(deps.clock));
    },
  );
}

function extendRoute(app: HttpApp, deps: RouteDeps): void {
  app.post(
    '/v1/operator/subscriptions/:id/extend',
    {
      schema: {
        ...forOperators,
        summary: 'Give somebody more time for free',
        description:
          'Moves the end of the period or trial, or, while a renewal waits for a top-up, of the days in which it can be paid. The ' +
          'next period starts where the extended one ends. `by` counts on the calendar of the customer.',
        params: IdParams,
        headers: IdempotencyHeaders,
        body: ExtendBody,
        response: { 200: OperatorSubscription, '4xx': ProblemBody },
      },
      onRequest: deps.access.requireOperator,
      ...idempotent(deps.pool),
    },
    async ({ params, body, caller, id: requestId, resourceId: extensionId }) => {
      const subscription = await extendSubscription(deps, { id: params.id, body, caller, requestId, extensionId });
      return operatorViewOf(subscription, await readNow(deps.clock));
    },
  );
}
