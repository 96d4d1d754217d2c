import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { awaitCondition } from './await-condition.ts';
import { type Exit, end, launch, logTail, type OwnedProcess, type StopManner } from './processes.ts';
import { ReadableError } from './readable-error.ts';

/*
 * Each process is in one of these states:
 *
 *   stopped   nobody wants it to run
 *   starting  it runs and does not answer GET /health/ready yet
 *   ready     it has answered 200
 *   waiting   it has died and is started again after a pause
 *   refused   it ended with exit code 78: its configuration is wrong, and starting again would not help
 */

export interface ProcessSpec {
  name: string;
  /** The file that Node runs, and its arguments. */
  args: string[];
  /** Where it answers GET /health/ready, on 127.0.0.1. */
  port: number;
  env: NodeJS.ProcessEnv;
  /** Processes of a lower stage are stopped first. */
  stopStage: number;
}

export interface Supervisor {
  /** Starts everything and waits until all are ready. Throws a ReadableError with the reason of the first failure. */
  start(): Promise<void>;
  /** Stops everything, stage by stage. */
  stop(): Promise<void>;
  startOne(name: string): Promise<void>;
  stopOne(name: string): Promise<void>;
  /** Sends a signal to the running process; the supervisor then treats its end like any other. */
  kill(name: string, signal: NodeJS.Signals): void;
  /** The process id, or undefined while it is not running. */
  pid(name: string): number | undefined;
  /** How often it was started since `start`. */
  starts(name: string): number;
  awaitReady(name: string, timeoutMs?: number): Promise<void>;
}

export interface SupervisorOptions {
  /** The data directory: logs/<name>.log and pids.json are kept there. */
  directory: string;
  specs: ProcessSpec[];
  say: (line: string) => void;
}

interface Supervised {
  spec: ProcessSpec;
  state: 'stopped' | 'starting' | 'ready' | 'waiting' | 'refused';
  running: OwnedProcess | undefined;
  readyAt: number;
  starts: number;
  /** How often in a row it died before it had been ready for `healthyAfterMs`. */
  failures: number;
  cancel: AbortController;
  loop: Promise<void>;
}

/** sysexits' EX_CONFIG, with which a service refuses a wrong configuration. */
const configurationExitCode = 78;
const readyTimeoutMs = 60_000;
const shortestPauseMs = 200;
const longestPauseMs = 10_000;
const healthyAfterMs = 30_000;
const healthTimeoutMs = 2_000;
const stopManner: StopManner = { signal: 'SIGTERM', graceMs: 10_000 };

export function supervise(options: SupervisorOptions): Supervisor {
  const all = new Map(options.specs.map((spec) => [spec.name, supervised(spec)]));
  const find = (name: string): Supervised => {
    const found = all.get(name);
    if (!found) throw new Error(`no process is called ${name}; there are ${[...all.keys()].join(', ')}`);
    return found;
  };
  const begin = (one: Supervised) => {
    if (one.state !== 'stopped' && one.state !== 'refused') return;
    Object.assign(one, { state: 'starting', failures: 0, cancel: new AbortController() });
    one.loop = keepRunning(one, options);
  };
  return {
    async start() {
      for (const one of all.values()) begin(one);
      await Promise.all([...all.values()].map((one) => awaitReady(one, options.directory, readyTimeoutMs)));
    },
    async stop() {
      const stages = [...new Set(options.specs.map((spec) => spec.stopStage))].sort((a, b) => a - b);
      for (const stage of stages) {
        const those = [...all.values()].filter((one) => one.spec.stopStage === stage);
        await Promise.all(those.map(stopOne));
      }
    },
    async startOne(name) {
      begin(find(name));
      await awaitReady(find(name), options.directory, readyTimeoutMs);
    },
    stopOne: (name) => stopOne(find(name)),
    kill(name, signal) {
      const { running } = find(name);
      if (!running) throw new Error(`${name} is not running`);
      // What was ready is about to be gone: awaitReady must wait for the next one.
      if (signal === 'SIGKILL') find(name).state = 'starting';
      process.kill(running.pid, signal);
    },
    pid: (name) => find(name).running?.pid,
    starts: (name) => find(name).starts,
    awaitReady: (name, timeoutMs = readyTimeoutMs) => awaitReady(find(name), options.directory, timeoutMs),
  };
}

function supervised(spec: ProcessSpec): Supervised {
  return {
    spec,
    state: 'stopped',
    running: undefined,
    readyAt: 0,
    starts: 0,
    failures: 0,
    cancel: new AbortController(),
    loop: Promise.resolve(),
  };
}

async function keepRunning(one: Supervised, options: SupervisorOptions): Promise<void> {
  const { signal } = one.cancel;
  while (!signal.aborted) {
    const exit = await runOnce(one, options);
    if (signal.aborted) break;
    if (exit.code === configurationExitCode) {
      one.state = 'refused';
      return;
    }
    const wasHealthy = one.readyAt > 0 && performance.now() - one.readyAt > healthyAfterMs;
    one.failures = wasHealthy ? 1 : one.failures + 1;
    const pauseMs = pauseBefore(one.failures);
    one.state = 'waiting';
    options.say(
      `${one.spec.name} ended (${exit.signal ?? `exit code ${exit.code}`}); starting it again in ${(pauseMs / 1000).toFixed(1)} s. Its last log line: ${lastLogLine(options.directory, one.spec.name)}`,
    );
    await delay(pauseMs, undefined, { signal }).catch(() => undefined);
  }
  one.state = 'stopped';
}

async function runOnce(one: Supervised, options: SupervisorOptions): Promise<Exit> {
  const isRestart = one.failures > 0;
  const { name, args, env } = one.spec;
  one.state = 'starting';
  one.readyAt = 0;
  one.starts += 1;
  let running: OwnedProcess;
  try {
    running = await launch(
      { directory: options.directory, name, command: process.execPath, args, env, cwd: process.cwd() },
      stopManner,
    );
  } catch (error) {
    options.say(`${name}: ${(error as Error).message}`);
    return { code: null, signal: null };
  }
  one.running = running;
  // Stop may have been asked for while the process was being started.
  if (one.cancel.signal.aborted) await end(running, stopManner);
  void watchHealth(one, running).then((becameReady) => {
    if (becameReady && isRestart) options.say(`${name} is running again`);
  });
  const exit = await running.exited;
  one.running = undefined;
  return exit;
}

/** Full jitter between half and all of an exponentially growing pause. */
function pauseBefore(failures: number): number {
  const longest = Math.min(longestPauseMs, shortestPauseMs * 2 ** Math.min(failures, 10));
  return longest / 2 + Math.random() * (longest / 2);
}

/** Polls as long as this very process runs; answers whether it became ready. */
async function watchHealth(one: Supervised, running: OwnedProcess): Promise<boolean> {
  while (!running.exit()) {
    if (await isHealthy(one.spec.port)) {
      if (one.running !== running) return false;
      one.readyAt = performance.now();
      one.state = 'ready';
      return true;
    }
    await delay(50);
  }
  return false;
}

async function isHealthy(port: number): Promise<boolean> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/health/ready`, {
      signal: AbortSignal.timeout(healthTimeoutMs),
    });
    await response.body?.cancel();
    return response.status === 200;
  } catch {
    return false;
  }
}

async function awaitReady(one: Supervised, directory: string, timeoutMs: number): Promise<void> {
  const { name } = one.spec;
  const lastLine = () => lastLogLine(directory, name);
  const waiting = awaitCondition(async () => (one.state === 'ready' ? true : undefined), {
    what: `Starting ${name}`,
    timeoutMs,
    intervalMs: 20,
    giveUp: () => {
      if (one.state === 'refused') throw new ReadableError(lastLine());
      if (one.state === 'stopped') throw new ReadableError(`${name} was stopped before it was ready.`);
    },
  });
  await waiting.catch((error: Error) => {
    if (error instanceof ReadableError) throw error;
    const log = join(directory, 'logs', `${name}.log`);
    throw new ReadableError(`${error.message}. Its last log line: ${lastLine()}\nLog: ${log}`);
  });
}

async function stopOne(one: Supervised): Promise<void> {
  one.cancel.abort();
  if (one.running) await end(one.running, stopManner);
  await one.loop;
  one.state = 'stopped';
}

/** What a service said last: the text of its last JSON entry, or the error that Node printed when it crashed. */
function lastLogLine(directory: string, name: string): string {
  const lines = logTail(join(directory, 'logs', `${name}.log`), 40).split('\n');
  const last = lines.at(-1)?.trim() ?? '';
  const crash = last.startsWith('Node.js v') ? lines.findLast((line) => /^\w*Error\b/.test(line)) : undefined;
  try {
    const entry = JSON.parse(last) as { msg?: string; err?: { message?: string } };
    return [entry.msg, entry.err?.message].filter(Boolean).join(': ') || last;
  } catch {
    return (crash ?? last).slice(0, 500) || '(none)';
  }
}
