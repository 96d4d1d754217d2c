import { randomUUID } from 'node:crypto';

export interface Answer {
  status: number;
  headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: what an answer holds is what the tests are about
  body: any;
}

export interface CallOptions {
  method?: string;
  token?: string | undefined;
  /** Sent as Idempotency-Key. */
  key?: string;
  body?: unknown;
  /** Sent as it is, instead of `body`. */
  rawBody?: string;
  headers?: Record<string, string>;
  timeoutMs?: number;
}

/** One request to the API, as a client without any library would send it. */
export async function call(url: string, options: CallOptions = {}): Promise<Answer> {
  const payload = options.rawBody ?? (options.body === undefined ? undefined : JSON.stringify(options.body));
  const response = await fetch(url, {
    method: options.method ?? (payload === undefined ? 'GET' : 'POST'),
    headers: {
      ...(options.token ? { authorization: `Bearer ${options.token}` } : {}),
      ...(options.key ? { 'idempotency-key': options.key } : {}),
      ...(payload === undefined ? {} : { 'content-type': 'application/json' }),
      ...options.headers,
    },
    ...(payload === undefined ? {} : { body: payload }),
    signal: AbortSignal.timeout(options.timeoutMs ?? 15_000),
  });
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.includes('json');
  return { status: response.status, headers: response.headers, body: isJson && text ? JSON.parse(text) : text };
}

/** A client that asks ten times a second meets its limit before a key is free whose request died: that takes 10 s. */
const LONGEST_PAUSE_MS = 2_000;

/**
 * Sends an idempotent POST until it has an answer that counts, ever more rarely: what a careful client does while services crash.
 * The key stays the same, so however often it is sent, it happens once.
 */
export async function callUntilAnswered(
  url: string,
  options: CallOptions & { key: string },
  timeoutMs: number,
): Promise<Answer> {
  const deadline = performance.now() + timeoutMs;
  let last: unknown;
  for (let pauseMs = 100; performance.now() < deadline; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
    try {
      const answer = await call(url, { ...options, timeoutMs: 5_000 });
      if (answer.status < 500 && answer.body.code !== 'idempotency_key_in_use') return answer;
      last = answer.body;
    } catch (error) {
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, pauseMs * (0.5 + Math.random())));
  }
  throw new Error(`no answer from ${url} in ${timeoutMs} ms`, { cause: last });
}

export const newKey = randomUUID;
