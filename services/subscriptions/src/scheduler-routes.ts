import { CatchUpPreview, SchedulerState } from '@evergreen/contracts/http/subscription-operations.ts';
import { PageQuery } from '@evergreen/contracts/primitives.ts';
import { ProblemBody } from '@evergreen/contracts/problems.ts';
import type { HttpApp } from '@evergreen/service-kit/http.ts';
import { previewCatchUp } from './catch-up-preview.ts';
import type { RouteDeps } from './routes.ts';
import { pauseScheduler, readSchedulerState, resumeScheduler } from './scheduler-state.ts';

const forOperators = { tags: ['operator'], security: [{ accessToken: [] }] };

/** Stopping the schedulers, seeing what they would do, and letting them do it. */
export function schedulerRoutes(app: HttpApp, deps: RouteDeps): void {
  const onRequest = deps.access.requireOperator;
  const response = { 200: SchedulerState, '4xx': ProblemBody };

  app.get(
    '/v1/operator/scheduler',
    {
      schema: { ...forOperators, summary: 'Whether the scheduler runs, and what waits for it', response },
      onRequest,
    },
    () => readSchedulerState(deps),
  );

  app.post(
    '/v1/operator/scheduler/pause',
    {
      schema: {
        ...forOperators,
        summary: 'Stop the scheduler',
        description:
          'From its next batch on, in every replica: nothing that falls due is done until `resume`. Payments that are on their way ' +
          'still settle, and what customers ask for is done. May be repeated.',
        response,
      },
      onRequest,
    },
    () => pauseScheduler(deps),
  );

  app.post(
    '/v1/operator/scheduler/resume',
    {
      schema: {
        ...forOperators,
        summary: 'Let the scheduler go on',
        description: 'It catches up on what is due; `catch-up-preview` says what that will be. May be repeated.',
        response,
      },
      onRequest,
    },
    () => resumeScheduler({ ...deps, wakeScheduler: deps.advance.wakeScheduler }),
  );

  app.get(
    '/v1/operator/catch-up-preview',
    {
      schema: {
        ...forOperators,
        summary: 'What the scheduler would do with all that is due, if it ran now',
        description:
          'In the order in which it would take them, with the totals of what would be asked for over all pages. One that cannot be ' +
          'moved is `stuck`, with its charge in the totals: it is asked for once it is mended.',
        querystring: PageQuery,
        response: { 200: CatchUpPreview, '4xx': ProblemBody },
      },
      onRequest,
    },
    ({ query, log }) => previewCatchUp(deps, query, log),
  );
}
