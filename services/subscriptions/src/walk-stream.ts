import type { ClockAdvance } from '@evergreen/contracts/http/subscriptions.ts';
import type { ProblemBody } from '@evergreen/contracts/problems.ts';
import { Problem, problemBody } from '@evergreen/service-kit/problem.ts';
import type { FastifyRequest } from 'fastify';
import { type AdvanceDeps, advanceClock, type Walk } from './advance-clock.ts';
import { type EventStream, openEventStream } from './event-stream.ts';

/** More often than that nobody can look. */
const TELL_EVERY_MS = 200;

/** Whether the walk is to be told of while it goes on, by the request's `Accept`. */
export const wantsEvents = (accept: string | undefined): boolean => accept?.includes('text/event-stream') ?? false;

/**
 * Moves the clock as `advanceClock` does, and tells of it: events `progress`, and in the end `done` or `problem`. When the client
 * hangs up, the walk ends after the step in hand.
 * @returns the stream, once the walk has begun
 * @throws Problem as `advanceClock`, where the walk cannot begin
 */
export async function streamWalk(
  deps: AdvanceDeps,
  walk: Omit<Walk, 'onProgress' | 'unwanted'>,
  request: FastifyRequest,
): Promise<EventStream['readable']> {
  const stream = openEventStream();
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
  let toldMs = Number.NEGATIVE_INFINITY;
  const walking = advanceClock(deps, {
    ...walk,
    unwanted: stream.gone,
    onProgress(progress) {
      begin();
      if (performance.now() - toldMs < TELL_EVERY_MS) return;
      toldMs = performance.now();
      stream.offer('progress', progress);
    },
  });
  try {
    await Promise.race([begun, walking]);
  } catch (error) {
    stream.readable.destroy();
    throw error;
  }
  void endWith(stream, walking, request);
  return stream.readable;
}

async function endWith(stream: EventStream, walking: Promise<ClockAdvance>, request: FastifyRequest): Promise<void> {
  try {
    const { from, now, steps } = await walking;
    if (stream.gone.aborted) request.log.info({ from, now, steps }, 'nobody listens any more, so the walk ends here');
    stream.end('done', await walking);
  } catch (err) {
    const problem = problemOf(err, request);
    if (problem.status >= 500) request.log.error({ err }, 'the walk of the clock failed');
    stream.end('problem', problem);
  }
}

/** The body the same error would have as an answer. */
function problemOf(error: unknown, { url, id: requestId }: FastifyRequest): ProblemBody {
  const instance = url.split('?', 1)[0] ?? '/';
  if (!(error instanceof Problem)) return problemBody('internal_error', { instance, requestId });
  const { errors, allowed } = error.extras;
  const extras = { ...(errors && { errors }), ...(allowed && { allowed }) };
  return problemBody(error.code, { instance, requestId, detail: error.message, ...extras });
}
