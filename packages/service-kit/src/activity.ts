import { Type } from 'typebox';
import type { AccessHooks } from './auth.ts';
import type { HttpApp } from './http.ts';

/** What a service still has in hand; the billing clock waits until all of it is zero everywhere. */
export const Activity = Type.Object({
  outbox: Type.Integer({ description: 'Events committed and not yet published' }),
  inFlight: Type.Integer({
    description: 'Messages taken from a queue and not yet settled, and work in the background',
  }),
  handled: Type.Integer({
    description: 'Messages settled since start; two equal readings mean that nothing moved between',
  }),
});
export type Activity = { outbox: number; inFlight: number; handled: number };

/** GET /internal/activity, for the billing clock, which subscriptions has. */
export function activityRoute(app: Pick<HttpApp, 'get'>, access: AccessHooks, read: () => Promise<Activity>): void {
  app.get(
    '/internal/activity',
    { schema: { hide: true, response: { 200: Activity } }, onRequest: access.requireService('subscriptions') },
    read,
  );
}
