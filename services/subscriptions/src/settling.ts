import { lookup } from 'node:dns/promises';
import { QUEUES } from '@evergreen/contracts/topology.ts';
import type { Activity } from '@evergreen/service-kit/activity.ts';
import { rest } from '@evergreen/service-kit/backoff.ts';
import type { Broker } from '@evergreen/service-kit/broker.ts';
import type { Clock } from '@evergreen/service-kit/clock.ts';
import { Problem } from '@evergreen/service-kit/problem.ts';
import { deadQueue, queueNames } from '@evergreen/service-kit/topology.ts';
import type pg from 'pg';
import { readNow } from './business-time.ts';
import { readInHand } from './sql/due.ts';

/*
 * Has everything settled? A message may move from a place not yet looked at to one already looked at, so one look is not
 * enough: two looks in a row must find nothing, and nothing may have been handled between them.
 */

/** Between two looks. What is moving here is mostly done in a few milliseconds; a look that found nothing is given more time to be wrong. */
const [FIRST_INTERVAL_MS, LONGEST_INTERVAL_MS, QUIET_INTERVAL_MS] = [2, 15, 15];
const ACTIVITY_TIMEOUT_MS = 2_000;

// A dead letter waits for an operator; it would hold up the clock for ever.
const dead = new Set(QUEUES.map(({ name }) => deadQueue(name)));
const LIVE_QUEUES = queueNames().filter((name) => !dead.has(name));

interface Look {
  /** What is still moving, in words for the operator; empty when nothing is. */
  moving: string[];
  /** Messages settled so far, by everybody. */
  handled: number;
}

export interface SettlingDeps {
  pool: pg.Pool;
  clock: Clock;
  broker: Pick<Broker, 'queueDepths'>;
  /** This process' own. */
  activity: () => Promise<Activity>;
  /** The origins of the services, our own where there may be other replicas of it; each address behind a name is a replica. */
  activityUrls: readonly string[];
  serviceToken: string;
}

/**
 * Waits until no work is due, on its way or in anybody's hands. What is due while the scheduler is paused waits for an operator,
 * and not for us.
 * @throws Problem settle_timeout that says what is still moving after `timeoutMs`; service_unavailable when `signal` aborts
 */
export async function awaitSettled(
  deps: SettlingDeps,
  { timeoutMs, signal }: { timeoutMs: number; signal: AbortSignal },
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  let intervalMs = FIRST_INTERVAL_MS;
  for (let last: Look | undefined; ; ) {
    const look = await lookAround(deps);
    const isQuiet = look.moving.length === 0;
    if (signal.aborted)
      throw new Problem('service_unavailable', 'The walk of the clock was cut short; advance it again');
    if (isQuiet && last?.moving.length === 0 && last.handled === look.handled) return;
    if (performance.now() > deadline) {
      const what = isQuiet ? 'messages are still being handled' : look.moving.join('; ');
      throw new Problem('settle_timeout', `After ${timeoutMs / 1000} s: ${what}. The clock stays where it is`);
    }
    last = look;
    await rest(isQuiet ? QUIET_INTERVAL_MS : intervalMs, signal);
    intervalMs = Math.min(LONGEST_INTERVAL_MS, intervalMs * 1.5);
  }
}

async function lookAround(deps: SettlingDeps): Promise<Look> {
  const ours = await lookHere(deps);
  // While there is work here, asking the others would only slow them down.
  if (ours.moving.length > 0) return ours;
  const others = await Promise.all(deps.activityUrls.map((url) => lookAt(url, deps.serviceToken)));
  const looks = [ours, ...others.flat()];
  const moving = looks.flatMap(({ moving }) => moving);
  return {
    // Nor the broker, which is asked for each of its queues.
    moving: moving.length > 0 ? moving : await lookAtQueues(deps.broker),
    handled: looks.reduce((sum, { handled }) => sum + handled, 0),
  };
}

async function lookHere({ pool, clock, activity }: SettlingDeps): Promise<Look> {
  const { oldestDueAt, charges } = await readInHand(pool, await readNow(clock));
  const look = lookOf('subscriptions', await activity());
  if (oldestDueAt) look.moving.push(`subscriptions have been due since ${oldestDueAt}`);
  if (charges > 0) look.moving.push(`the wallet has yet to answer for ${charges} charge(s)`);
  return look;
}

async function lookAt(url: string, serviceToken: string): Promise<Look[]> {
  try {
    const addresses = await addressesOf(url);
    return await Promise.all(addresses.map(async (address) => lookOf(url, await readActivity(address, serviceToken))));
  } catch (error) {
    return [{ moving: [`${url} does not answer (${error instanceof Error ? error.message : error})`], handled: 0 }];
  }
}

async function readActivity(address: string, serviceToken: string): Promise<Activity> {
  const response = await fetch(new URL('/internal/activity', address), {
    headers: { authorization: `Bearer ${serviceToken}` },
    signal: AbortSignal.timeout(ACTIVITY_TIMEOUT_MS),
    redirect: 'error',
  });
  if (!response.ok) throw new Error(`status ${response.status}`);
  return (await response.json()) as Activity;
}

/**
 * One URL for each address behind the name, if there are two or more. IPv6 only counts where there is no IPv4: most name both for one
 * process. A certificate is for the name, and a proxy may tell services apart by it, so over https, and for the only address, the name stays.
 */
async function addressesOf(url: string): Promise<string[]> {
  const { protocol, hostname } = new URL(url);
  if (protocol !== 'http:') return [url];
  const found = await lookup(hostname.replace(/^\[(.*)\]$/, '$1'), { all: true });
  const ipv4 = found.filter(({ family }) => family === 4);
  const replicas = ipv4.length > 0 ? ipv4 : found;
  if (replicas.length < 2) return [url];
  return replicas.map(({ address, family }) => {
    const direct = new URL(url);
    direct.hostname = family === 6 ? `[${address}]` : address;
    return direct.href;
  });
}

function lookOf(name: string, { outbox, inFlight, handled }: Activity): Look {
  const moving: string[] = [];
  if (outbox > 0) moving.push(`${name} has ${outbox} event(s) to publish`);
  if (inFlight > 0) moving.push(`${name} has ${inFlight} message(s) in hand`);
  return { moving, handled };
}

async function lookAtQueues(broker: Pick<Broker, 'queueDepths'>): Promise<string[]> {
  try {
    const depths = await broker.queueDepths(LIVE_QUEUES);
    return depths.filter(({ ready }) => ready > 0).map(({ name, ready }) => `${ready} message(s) wait in ${name}`);
  } catch (error) {
    return [`the broker does not answer (${error instanceof Error ? error.message : error})`];
  }
}
