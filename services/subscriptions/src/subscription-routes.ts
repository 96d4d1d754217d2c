import {
  Entitlements,
  EntitlementsQuery,
  SubscribeBody,
  Subscription,
  TimelineEntry,
  UpcomingQuery,
  UpcomingRenewals,
} from '@evergreen/contracts/http/subscriptions.ts';
import { IdempotencyHeaders, IdParams, Page, PageQuery } from '@evergreen/contracts/primitives.ts';
import { ProblemBody } from '@evergreen/contracts/problems.ts';
import type { HttpApp } from '@evergreen/service-kit/http.ts';
import { idempotent } from '@evergreen/service-kit/idempotency.ts';
import { Problem } from '@evergreen/service-kit/problem.ts';
import { readNow } from './business-time.ts';
import { commandRoutes } from './command-routes.ts';
import type { RouteDeps } from './routes.ts';
import { selectNewTerms } from './sql/plan-versions.ts';
import { subscribeToPlan } from './subscribe-to-plan.ts';
import { upcomingOf, viewOf } from './subscription-view.ts';
import { listSubscriptions, readEntitlements, readSubscription, readTimeline } from './subscriptions.ts';

const forUsers = { tags: ['subscriptions'], security: [{ accessToken: [] }] };

export function subscriptionRoutes(app: HttpApp, deps: RouteDeps): void {
  subscribeRoute(app, deps);
  stateRoutes(app, deps);
  historyRoutes(app, deps);
  commandRoutes(app, deps);
}

function subscribeRoute(app: HttpApp, deps: RouteDeps): void {
  const { access, pool, clock, limitCommands } = deps;
  app.post(
    '/v1/subscriptions',
    {
      schema: {
        ...forUsers,
        summary: 'Subscribe to a plan',
        description: 'Answers at once; the first period starts when the balance has paid for it, within 24 hours.',
        headers: IdempotencyHeaders,
        body: SubscribeBody,
        response: { 201: Subscription, '4xx': ProblemBody },
      },
      onRequest: [access.requireUser, limitCommands],
      ...idempotent(pool),
    },
    async (request, reply) => {
      const { resourceId: id, caller, id: requestId } = request;
      const subscription = await subscribeToPlan(deps, { id, planId: request.body.planId, caller, requestId });
      reply.header('location', `/v1/subscriptions/${id}`);
      return reply.code(201).send(viewOf(subscription, await readNow(clock)));
    },
  );
}

/** What is now. */
function stateRoutes(app: HttpApp, { access, prisma, clock }: RouteDeps): void {
  const onRequest = access.requireUser;

  app.get(
    '/v1/subscriptions',
    {
      schema: {
        ...forUsers,
        summary: 'Subscriptions, newest first',
        querystring: PageQuery,
        response: { 200: Page(Subscription), '4xx': ProblemBody },
      },
      onRequest,
    },
    async (request) => listSubscriptions(prisma, request.caller.id, request.query, await readNow(clock)),
  );

  app.get(
    '/v1/subscriptions/:id',
    {
      schema: {
        ...forUsers,
        summary: 'One subscription',
        params: IdParams,
        response: { 200: Subscription, '4xx': ProblemBody },
      },
      onRequest,
    },
    async (request) =>
      viewOf(await readSubscription(prisma, request.caller.id, request.params.id), await readNow(clock)),
  );

  app.get(
    '/v1/entitlements',
    {
      schema: {
        ...forUsers,
        summary: 'What the caller may use now',
        description: "An operator, as the seller's own back end, may name anybody in `userId`.",
        querystring: EntitlementsQuery,
        response: { 200: Entitlements, '4xx': ProblemBody },
      },
      onRequest,
    },
    async ({ caller, query: { userId = caller.id } }) => {
      if (userId !== caller.id && caller.role !== 'operator') {
        throw new Problem('forbidden', 'Only an operator may ask for what another user may use');
      }
      return readEntitlements(prisma, userId, await readNow(clock));
    },
  );
}

/** What was, and what will be. */
function historyRoutes(app: HttpApp, { access, pool, prisma, clock }: RouteDeps): void {
  const onRequest = access.requireUser;

  app.get(
    '/v1/subscriptions/:id/timeline',
    {
      schema: {
        ...forUsers,
        summary: 'What happened to a subscription and why, newest first',
        params: IdParams,
        querystring: PageQuery,
        response: { 200: Page(TimelineEntry), '4xx': ProblemBody },
      },
      onRequest,
    },
    (request) => readTimeline(prisma, request.caller.id, request.params.id, request.query),
  );

  app.get(
    '/v1/subscriptions/:id/upcoming',
    {
      schema: {
        ...forUsers,
        summary: 'The next renewals, if nothing changes until then',
        description: 'Empty when it does not renew, and while the dates hang on when a payment comes.',
        params: IdParams,
        querystring: UpcomingQuery,
        response: { 200: UpcomingRenewals, '4xx': ProblemBody },
      },
      onRequest,
    },
    async (request) => {
      const subscription = await readSubscription(prisma, request.caller.id, request.params.id);
      const newTerms = (await selectNewTerms(pool, [subscription.id])).get(subscription.id) ?? null;
      return {
        data: upcomingOf(subscription, { count: request.query.count ?? 6, now: await readNow(clock), newTerms }),
      };
    },
  );
}
