import type { schemas } from '@evergreen/client/generated/api.ts';
import { ApiProblem } from '../problem.ts';
import type { SignedIn } from '../session.tsx';

export type Advanced = schemas['ClockAdvance'];

/** How far the clock has come, as the event `progress` says. */
export interface Progress {
  now: string;
  target: string;
  steps: number;
  summary: Advanced['summary'];
}

interface Watch {
  onProgress: (progress: Progress) => void;
  /** Aborts the walk after the step in hand. */
  signal: AbortSignal;
}

/**
 * Moves the billing clock, and tells of it while it goes.
 * @throws ApiProblem when it is refused or fails on the way; the clock then stays where it got to
 */
export async function advanceClock(
  { api, token }: Pick<SignedIn, 'api' | 'token'>,
  body: schemas['AdvanceClockBody'],
  { onProgress, signal }: Watch,
): Promise<Advanced> {
  // Brings a new access token when the one in hand is no good any more, which the stream by itself would not.
  await api.GET('/v1/clock');
  const response = await fetch('/v1/clock/advance', {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token()}`,
      accept: 'text/event-stream',
      'content-type': 'application/json',
    },
    body: JSON.stringify(body),
    signal,
  }).catch((cause: unknown) => {
    throw signal.aborted ? cause : new ApiProblem('unreachable', 0, undefined, { cause });
  });
  if (!response.ok || !response.body) throw problemOf(await response.json());
  for await (const { event, data } of eventsOf(response.body)) {
    if (event === 'progress') onProgress(data as Progress);
    if (event === 'done') return data as Advanced;
    if (event === 'problem') throw problemOf(data);
  }
  throw new ApiProblem('unreachable', 0);
}

function problemOf(body: unknown): ApiProblem {
  const problem = body as schemas['ProblemBody'];
  return new ApiProblem(problem.code, problem.status, problem);
}

/** The events of a stream, each once it is whole; comments are left out. */
async function* eventsOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<{ event: string; data: unknown }> {
  const reader = stream.pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>).getReader();
  let buffer = '';
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      buffer += value;
      const blocks = buffer.split('\n\n');
      buffer = blocks.pop() ?? '';
      for (const block of blocks) {
        const field = (name: string) =>
          block
            .split('\n')
            .find((line) => line.startsWith(`${name}: `))
            ?.slice(name.length + 2);
        const [event, data] = [field('event'), field('data')];
        if (event !== undefined && data !== undefined) yield { event, data: JSON.parse(data) };
      }
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}
