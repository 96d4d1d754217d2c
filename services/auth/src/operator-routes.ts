import { OperatorUser, OperatorUserQuery } from '@evergreen/contracts/http/auth.ts';
import { IdParams, Page } from '@evergreen/contracts/primitives.ts';
import { ProblemBody } from '@evergreen/contracts/problems.ts';
import type { HttpApp } from '@evergreen/service-kit/http.ts';
import type { RouteDeps } from './routes.ts';
import { findUsers, readUser } from './users.ts';

const forOperators = { tags: ['operator'], security: [{ accessToken: [] }] };

/** What operators may see of accounts. */
export function operatorRoutes(app: HttpApp, { prisma, access }: RouteDeps): void {
  const onRequest = access.requireOperator;
  app.get(
    '/v1/operator/users',
    {
      schema: {
        ...forOperators,
        summary: 'Accounts, newest first',
        querystring: OperatorUserQuery,
        response: { 200: Page(OperatorUser), '4xx': ProblemBody },
      },
      onRequest,
    },
    ({ query }) => findUsers(prisma, query),
  );
  app.get(
    '/v1/operator/users/:id',
    {
      schema: {
        ...forOperators,
        summary: 'One account',
        params: IdParams,
        response: { 200: OperatorUser, '4xx': ProblemBody },
      },
      onRequest,
    },
    ({ params }) => readUser(prisma, params.id),
  );
}
