import {
  CreatePlanBody,
  Plan,
  PlanQuery,
  PlanVersion,
  UpdatePlanBody,
} from '@evergreen/contracts/http/subscriptions.ts';
import { IdempotencyHeaders, IdParams, Page, PageQuery } from '@evergreen/contracts/primitives.ts';
import { ProblemBody } from '@evergreen/contracts/problems.ts';
import type { HttpApp } from '@evergreen/service-kit/http.ts';
import { idempotent } from '@evergreen/service-kit/idempotency.ts';
import { readNow } from './business-time.ts';
import { createPlan, listPlans, listPlanVersions, readPlan } from './plans.ts';
import type { RouteDeps } from './routes.ts';
import { updatePlan } from './update-plan.ts';

const tags = ['plans'];

export function planRoutes(app: HttpApp, deps: RouteDeps): void {
  offerRoutes(app, deps);
  operatorRoutes(app, deps);
}

function offerRoutes(app: HttpApp, { access, prisma }: RouteDeps): void {
  app.get(
    '/v1/plans',
    {
      schema: {
        tags,
        summary: 'Plans on sale, newest first',
        description: 'Open to everyone. `includeInactive` is for operators.',
        querystring: PlanQuery,
        response: { 200: Page(Plan), '4xx': ProblemBody },
      },
      preHandler: async (request) => {
        if (request.query.includeInactive) await access.requireOperator(request);
      },
    },
    (request) => listPlans(prisma, request.query),
  );

  app.get(
    '/v1/plans/:id',
    { schema: { tags, summary: 'One plan', params: IdParams, response: { 200: Plan, '4xx': ProblemBody } } },
    (request) => readPlan(prisma, request.params.id),
  );

  app.get(
    '/v1/plans/:id/versions',
    {
      schema: {
        tags,
        summary: 'What was sold under a plan and when, newest first',
        params: IdParams,
        querystring: PageQuery,
        response: { 200: Page(PlanVersion), '4xx': ProblemBody },
      },
    },
    (request) => listPlanVersions(prisma, request.params.id, request.query),
  );
}

function operatorRoutes(app: HttpApp, { access, prisma, pool, clock }: RouteDeps): void {
  app.post(
    '/v1/plans',
    {
      schema: {
        tags,
        summary: 'Create a plan',
        description:
          'Without them there are no trial days, 7 days of grace, no access during grace, and notices 3 days ahead.',
        security: [{ accessToken: [] }],
        headers: IdempotencyHeaders,
        body: CreatePlanBody,
        response: { 201: Plan, '4xx': ProblemBody },
      },
      onRequest: access.requireOperator,
      ...idempotent(pool),
    },
    async (request, reply) => {
      const createdAt = await readNow(clock);
      const plan = await createPlan(prisma, { id: request.resourceId, createdAt, body: request.body });
      return reply.code(201).header('location', `/v1/plans/${plan.id}`).send(plan);
    },
  );

  app.patch(
    '/v1/plans/:id',
    {
      schema: {
        tags,
        summary: 'Change what is sold',
        description:
          'Makes a new version for new subscriptions. With `appliesTo: all_subscriptions` those who have the plan get it from ' +
          'their next period on; a period that is paid, or whose charge is on its way, keeps its price. `active: false` ends ' +
          'the sale and no subscription.',
        security: [{ accessToken: [] }],
        params: IdParams,
        body: UpdatePlanBody,
        response: { 200: Plan, '4xx': ProblemBody },
      },
      onRequest: access.requireOperator,
    },
    async (request) => updatePlan(prisma, { id: request.params.id, at: await readNow(clock), body: request.body }),
  );
}
