import { AdvanceClockBody, Clock, ClockAdvance } from '@evergreen/contracts/http/subscriptions.ts';
import { ProblemBody } from '@evergreen/contracts/problems.ts';
import { iso, readOffsetMs } from '@evergreen/service-kit/clock.ts';
import type { HttpApp } from '@evergreen/service-kit/http.ts';
import { advanceClock } from './advance-clock.ts';
import { readNow } from './business-time.ts';
import { targetOf } from './clock-target.ts';
import type { RouteDeps } from './routes.ts';

const forOperators = { tags: ['clock'], security: [{ accessToken: [] }] };

export function clockRoutes(app: HttpApp, { access, clock, pool, advance }: RouteDeps): void {
  const onRequest = access.requireOperator;

  app.get(
    '/v1/clock',
    {
      schema: { ...forOperators, summary: 'The billing clock', response: { 200: Clock, '4xx': ProblemBody } },
      onRequest,
    },
    async () => ({
      now: iso(await readNow(clock)),
      simulated: clock.simulated,
      offsetMs: clock.simulated ? await readOffsetMs(pool) : 0,
    }),
  );

  app.post(
    '/v1/clock/advance',
    {
      schema: {
        ...forOperators,
        summary: 'Move the simulated billing clock forward',
        description:
          'Walks from due moment to due moment, and answers when everything has settled. `by` counts on the calendar of the ' +
          'caller’s time zone. After 503 or 504 the clock stays where it got to, and can be advanced again. Whoever lost the ' +
          'answer may repeat `to`, which never leads past that moment; `by` counts from where the clock is by then, so repeated ' +
          'it moves the clock twice.',
        body: AdvanceClockBody,
        response: { 200: ClockAdvance, '4xx': ProblemBody, '5xx': ProblemBody },
      },
      onRequest,
    },
    (request) =>
      advanceClock(advance, {
        targetOf: (now) => targetOf(request.body, now, request.caller.timeZone),
        correlationId: request.id,
      }),
  );
}
