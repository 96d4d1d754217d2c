import type {
  DeadLetters,
  OwnDeadLetters,
  RedriveBody,
  Redriven,
  RedriveOrder,
} from '@evergreen/contracts/http/dead-letters.ts';
import { QUEUES } from '@evergreen/contracts/topology.ts';
import type { DeadLetterDesk } from '@evergreen/service-kit/dead-letter-desk.ts';
import { messageOf } from '@evergreen/service-kit/error-message.ts';
import { Problem } from '@evergreen/service-kit/problem.ts';
import { ownerOf } from '@evergreen/service-kit/topology.ts';
import { tracedFetch } from '@evergreen/service-kit/tracing.ts';
import type { Logger } from 'pino';

/*
 * The dead letters of all services, each asked for its own: no service may read another's queues. The operators' route is here
 * because this service has the token and the addresses of the others already, for the billing clock.
 */

/** Together with what it takes here, below what the edge waits for an answer. */
const LIST_TIMEOUT_MS = 8_000;
const REDRIVE_TIMEOUT_MS = 12_000;

export interface DeadLetterDeps {
  desk: DeadLetterDesk;
  /** The origins of the other services; any replica may answer. */
  urls: readonly string[];
  serviceToken: string;
  logger: Logger;
}

/** The oldest dead letters of every queue. A service that does not answer is named, and its queues are left out. */
export async function listDeadLetters(deps: DeadLetterDeps, limit: number): Promise<DeadLetters> {
  const ours = deps.desk.list(limit).catch((err: unknown) => {
    deps.logger.warn({ err }, 'our own dead letters cannot be read');
    return [];
  });
  const theirs = deps.urls.map((url) => listAt(deps, url, limit));
  const found = (await Promise.all([ours, ...theirs])).flat();
  const names = QUEUES.map(({ name }) => name);
  const missing = names.filter((name) => !found.some(({ queue }) => queue === name));
  return {
    queues: found.sort((a, b) => names.indexOf(a.queue) - names.indexOf(b.queue)),
    unavailable: [...new Set(missing.map(ownerOf))],
  };
}

async function listAt(deps: DeadLetterDeps, url: string, limit: number): Promise<OwnDeadLetters['queues']> {
  try {
    const answer = await ask(deps, url, { path: `/internal/dead-letters?limit=${limit}`, timeoutMs: LIST_TIMEOUT_MS });
    // A service without queues has no such route.
    if (answer.status === 404) return [];
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    return ((await answer.json()) as OwnDeadLetters).queues;
  } catch (error) {
    deps.logger.warn({ url, reason: messageOf(error) }, 'a service does not tell of its dead letters');
    return [];
  }
}

/**
 * Has the service that owns the queue send its dead letters back to it. After an answer that was lost they may have been redriven;
 * asking again is harmless.
 * @throws Problem not_found when the message is not there, service_unavailable when the service does not answer or cannot do it
 */
export async function redrive(deps: DeadLetterDeps, body: RedriveBody, operatorId: string): Promise<Redriven> {
  const order: RedriveOrder = { ...body, operatorId };
  const redriven = await (ownerOf(body.queue) === 'subscriptions'
    ? deps.desk.redrive(order)
    : redriveAway(deps, order));
  if (body.messageId !== undefined && redriven.redriven === 0) {
    throw new Problem('not_found', `There is no such message among the oldest of ${body.queue}`);
  }
  deps.logger.info({ ...redriven, messageId: body.messageId, operatorId }, 'an operator redrove dead letters');
  return redriven;
}

/** Which address is whose is not known here, but each service knows its own queues. */
async function redriveAway(deps: DeadLetterDeps, order: RedriveOrder): Promise<Redriven> {
  const answers = await Promise.all(deps.urls.map((url) => redriveAt(deps, url, order)));
  const done = answers.find((answer) => answer !== undefined);
  if (!done) throw new Problem('service_unavailable', `${ownerOf(order.queue)} does not answer, or cannot do it now`);
  return done;
}

async function redriveAt(deps: DeadLetterDeps, url: string, body: RedriveOrder): Promise<Redriven | undefined> {
  const path = '/internal/dead-letters/redrive';
  try {
    const answer = await ask(deps, url, { path, timeoutMs: REDRIVE_TIMEOUT_MS, body });
    if (answer.ok) return (await answer.json()) as Redriven;
    if (answer.status !== 404) throw new Error(`status ${answer.status}`);
  } catch (error) {
    deps.logger.warn({ url, reason: messageOf(error) }, 'a service does not redrive');
  }
  return undefined;
}

const ask = (
  { serviceToken }: DeadLetterDeps,
  url: string,
  { path, timeoutMs, body }: { path: string; timeoutMs: number; body?: RedriveOrder },
): Promise<Response> =>
  tracedFetch(path, new URL(path, url), {
    method: body ? 'POST' : 'GET',
    headers: { authorization: `Bearer ${serviceToken}`, ...(body && { 'content-type': 'application/json' }) },
    ...(body && { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(timeoutMs),
    redirect: 'error',
  });
