import { CreatePlanBody, Plan, PlanQuery } from '@evergreen/contracts/http/subscriptions.ts';
import { IdempotencyHeaders, IdParams, Page } from '@evergreen/contracts/primitives.ts';
import { ProblemBody } from '@evergreen/contracts/problems.ts';
import type { HttpApp } from '@evergreen/service-kit/http.ts';
import { idempotent } from '@evergreen/service-kit/idempotency.ts';
import { readNow } from './business-time.ts';
import { createPlan, listPlans, readPlan } from './plans.ts';
import type { RouteDeps } from './routes.ts';

const tags = ['plans'];

export function planRoutes(app: HttpApp, { access, prisma, pool, clock }: RouteDeps): void {
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

  app.post(
    '/v1/plans',
    {
      schema: {
        tags,
        summary: 'Create a plan',
        description: 'Without them there are no trial days, 7 days of grace, and no access during grace.',
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
}
