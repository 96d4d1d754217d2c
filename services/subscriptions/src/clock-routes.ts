import type { Readable } from 'node:stream';
import { AdvanceClockBody, Clock, ClockAdvance } from '@evergreen/contracts/http/subscriptions.ts';
import { ProblemBody } from '@evergreen/contracts/problems.ts';
import { iso, readOffsetMs } from '@evergreen/service-kit/clock.ts';
import type { HttpApp } from '@evergreen/service-kit/http.ts';
import { Type } from 'typebox';
import { advanceClock } from './advance-clock.ts';
import { readNow } from './business-time.ts';
import { targetOf } from './clock-target.ts';
import type { RouteDeps } from './routes.ts';
import { streamWalk, wantsEvents } from './walk-stream.ts';

const forOperators = { tags: ['clock'], security: [{ accessToken: [] }] };

const ADVANCED = {
  description: 'How far it got and what it led to, at the end or as it goes on',
  content: {
    'application/json': { schema: ClockAdvance },
    // Sent as it is, so its type is what the route answers with and not what a client reads.
    'text/event-stream': { schema: Type.Unsafe<Readable>(Type.String()) },
  },
};

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
          'it moves the clock twice. While the scheduler is paused the clock goes straight to its target. With ' +
          '`Accept: text/event-stream` the answer is a stream: events `progress` (ClockProgress) as the walk goes on, then `done` ' +
          '(ClockAdvance) or `problem` (a problem). Who hangs up ends such a walk after the step in hand.',
        body: AdvanceClockBody,
        response: { 200: ADVANCED, '4xx': ProblemBody, '5xx': ProblemBody },
      },
      onRequest,
    },
    async (request, reply) => {
      const walk = {
        targetOf: (now: Temporal.Instant) => targetOf(request.body, now, request.caller.timeZone),
        correlationId: request.id,
      };
      if (!wantsEvents(request.headers.accept)) return advanceClock(advance, walk);
      const events = await streamWalk(advance, walk, request);
      // A proxy that collects an answer before it passes it on would make a stream of it no more. Nor is there anything after it
      // to keep the connection for, which would hold up a service that stops.
      reply.headers({ 'cache-control': 'no-store', 'x-accel-buffering': 'no', connection: 'close' });
      return reply.type('text/event-stream').send(events);
    },
  );
}
