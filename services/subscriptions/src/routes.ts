import type { AccessHooks } from '@evergreen/service-kit/auth.ts';
import type { Clock } from '@evergreen/service-kit/clock.ts';
import type { HttpApp } from '@evergreen/service-kit/http.ts';
import type { FastifyRequest } from 'fastify';
import type pg from 'pg';
import type { AdvanceDeps } from './advance-clock.ts';
import { clockRoutes } from './clock-routes.ts';
import { operatorDeadLetterRoutes } from './dead-letter-routes.ts';
import type { DeadLetterDeps } from './dead-letters.ts';
import type { PrismaClient } from './generated/client.ts';
import { metricsRoutes } from './metrics-routes.ts';
import { operatorRoutes } from './operator-routes.ts';
import { planRoutes } from './plan-routes.ts';
import { schedulerRoutes } from './scheduler-routes.ts';
import { subscriptionRoutes } from './subscription-routes.ts';
import type { SubscriptionStore } from './subscription-store.ts';

export interface RouteDeps {
  access: AccessHooks;
  pool: pg.Pool;
  prisma: PrismaClient;
  store: SubscriptionStore;
  clock: Clock;
  /** Refuses who asks too often: each command leaves lines in the timeline and the outbox for good. */
  limitCommands: (request: FastifyRequest) => Promise<void>;
  advance: AdvanceDeps;
  deadLetters: DeadLetterDeps;
}

export function routes(app: HttpApp, deps: RouteDeps): void {
  planRoutes(app, deps);
  subscriptionRoutes(app, deps);
  clockRoutes(app, deps);
  operatorRoutes(app, deps);
  schedulerRoutes(app, deps);
  metricsRoutes(app, deps);
  operatorDeadLetterRoutes(app, deps);
}
