import {
  CancelBody,
  ChangePlanBody,
  ChangePlanPreview,
  ChangePlanQuery,
  Subscription,
} from '@evergreen/contracts/http/subscriptions.ts';
import { IdempotencyHeaders, IdParams } from '@evergreen/contracts/primitives.ts';
import { ProblemBody } from '@evergreen/contracts/problems.ts';
import { allowNoBody, type HttpApp } from '@evergreen/service-kit/http.ts';
import { idempotent } from '@evergreen/service-kit/idempotency.ts';
import { readNow } from './business-time.ts';
import { cancelSubscription } from './cancel-subscription.ts';
import { changePlan, previewPlanChange } from './change-plan.ts';
import { commandSubscription } from './command-subscription.ts';
import type { RouteDeps } from './routes.ts';
import { viewOf } from './subscription-view.ts';

const forUsers = { tags: ['subscriptions'], security: [{ accessToken: [] }] };
const response = { 200: Subscription, '4xx': ProblemBody };

/** What customers do with a subscription. What is not possible now is refused with what is. */
export function commandRoutes(app: HttpApp, deps: RouteDeps): void {
  cancelRoute(app, deps);
  pauseAndResumeRoutes(app, deps);
  changePlanRoutes(app, deps);
}

function cancelRoute(app: HttpApp, deps: RouteDeps): void {
  app.post(
    '/v1/subscriptions/:id/cancel',
    {
      schema: {
        ...forUsers,
        summary: 'Cancel: at the end of what is paid, or now',
        description:
          'At the end of the period (default) the renewal is switched off, which `resume` undoes. `now` ends it at once; with ' +
          '`refund: prorated` what is unused of the money goes back to the balance. While a payment is being waited for, that is ' +
          'given up; one that came first buys a last period, or is given back when it ends now.',
        params: IdParams,
        body: CancelBody,
        response,
      },
      onRequest: [deps.access.requireUser, deps.limitCommands],
      preValidation: allowNoBody,
    },
    async ({ params, body, caller, id: requestId }) => {
      const route = 'POST /v1/subscriptions/{id}/cancel';
      const subscription = await cancelSubscription(deps, { id: params.id, route, body, caller, requestId });
      return viewOf(subscription, await readNow(deps.clock));
    },
  );
}

function pauseAndResumeRoutes(app: HttpApp, deps: RouteDeps): void {
  const commands = {
    pause: {
      summary: 'Pause: no access and no renewals until it is resumed',
      description:
        'The time that is left of the period or trial is kept, to the millisecond. A payment that is being waited for is given up; one ' +
        'that came first buys a period that is kept whole.',
    },
    resume: {
      summary: 'Switch the renewal on again, or go on after a pause',
      description: 'After a pause the time that was left runs on. Where none was left, a period has to be paid first.',
    },
  };
  for (const [name, texts] of Object.entries(commands) as [keyof typeof commands, typeof commands.pause][]) {
    app.post(
      `/v1/subscriptions/:id/${name}`,
      {
        schema: { ...forUsers, ...texts, params: IdParams, response },
        onRequest: [deps.access.requireUser, deps.limitCommands],
      },
      async ({ params, caller, id: requestId }) => {
        const subscription = await commandSubscription(deps, {
          id: params.id,
          route: `POST /v1/subscriptions/{id}/${name}`,
          verb: `be ${name}d`,
          caller,
          requestId,
          triggerOf: (_subscription, at) => ({ name, at }),
        });
        return viewOf(subscription, await readNow(deps.clock));
      },
    );
  }
}

function changePlanRoutes(app: HttpApp, deps: RouteDeps): void {
  app.post(
    '/v1/subscriptions/:id/change-plan',
    {
      schema: {
        ...forUsers,
        summary: 'Change the plan: an upgrade now, anything else at the end of the period',
        description:
          'An upgrade is made when its prorated difference is paid, which takes a moment: meanwhile `change.at` is null. A balance that is ' +
          'short leaves the plan as it is. A trial changes at once and for free, to a plan with an unused trial as long. The plan it is on drops a change to come.',
        params: IdParams,
        headers: IdempotencyHeaders,
        body: ChangePlanBody,
        response,
      },
      onRequest: [deps.access.requireUser, deps.limitCommands],
      ...idempotent(deps.pool),
    },
    async ({ params, body, caller, id: requestId }) => {
      const subscription = await changePlan(deps, { id: params.id, planId: body.planId, caller, requestId });
      return viewOf(subscription, await readNow(deps.clock));
    },
  );

  app.get(
    '/v1/subscriptions/:id/change-plan-preview',
    {
      schema: {
        ...forUsers,
        summary: 'What a change of plan would cost now, line by line',
        params: IdParams,
        querystring: ChangePlanQuery,
        response: { 200: ChangePlanPreview, '4xx': ProblemBody },
      },
      onRequest: deps.access.requireUser,
    },
    ({ params, query, caller }) => previewPlanChange(deps, { id: params.id, planId: query.planId, caller }),
  );
}
