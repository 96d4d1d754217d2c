import { DeadLetterQuery, DeadLetters, RedriveBody, Redriven } from '@evergreen/contracts/http/dead-letters.ts';
import { ProblemBody } from '@evergreen/contracts/problems.ts';
import type { HttpApp } from '@evergreen/service-kit/http.ts';
import { listDeadLetters, redrive } from './dead-letters.ts';
import type { RouteDeps } from './routes.ts';

const forOperators = { tags: ['operator'], security: [{ accessToken: [] }] };

/** The dead letters of all services. */
export function operatorDeadLetterRoutes(app: HttpApp, { access, deadLetters }: RouteDeps): void {
  const onRequest = access.requireOperator;
  app.get(
    '/v1/operator/dead-letters',
    {
      schema: {
        ...forOperators,
        summary: 'Messages that could not be handled, by queue, oldest first',
        description: 'Looking changes nothing: they stay where they are, in their order.',
        querystring: DeadLetterQuery,
        response: { 200: DeadLetters, '4xx': ProblemBody },
      },
      onRequest,
    },
    ({ query: { limit = 20 } }) => listDeadLetters(deadLetters, limit),
  );
  app.post(
    '/v1/operator/dead-letters/redrive',
    {
      schema: {
        ...forOperators,
        summary: 'Send dead letters back to their queue, once what was wrong is mended',
        description:
          'They keep their ids, so what had its effect already has none again, and asking twice is harmless. What fails again comes ' +
          'back with its reason. One message is found when it is among the 100 oldest of its queue.',
        body: RedriveBody,
        response: { 200: Redriven, '4xx': ProblemBody },
      },
      onRequest,
    },
    ({ body, caller }) => redrive(deadLetters, body, caller.id),
  );
}
