import { DeadLetterQuery, OwnDeadLetters, Redriven, RedriveOrder } from '@evergreen/contracts/http/dead-letters.ts';
import type { AccessHooks } from './auth.ts';
import type { DeadLetterDesk } from './dead-letter-desk.ts';
import type { HttpApp } from './http.ts';

/** /internal/dead-letters, for the operators' routes, which subscriptions has. */
export function deadLetterRoutes(app: Pick<HttpApp, 'get' | 'post'>, access: AccessHooks, desk: DeadLetterDesk): void {
  const onRequest = access.requireService('subscriptions');
  app.get(
    '/internal/dead-letters',
    { schema: { hide: true, querystring: DeadLetterQuery, response: { 200: OwnDeadLetters } }, onRequest },
    async ({ query: { limit = 20 } }) => ({ queues: await desk.list(limit) }),
  );
  app.post(
    '/internal/dead-letters/redrive',
    { schema: { hide: true, body: RedriveOrder, response: { 200: Redriven } }, onRequest },
    ({ body }) => desk.redrive(body),
  );
}
