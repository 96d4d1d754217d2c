import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { readJson, writeJson } from './json-file.ts';
import { identifyProcess, isRunning, type ProcessIdentity } from './process-identity.ts';

const maxLogBytes = 20_000_000;

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** A running program of the stack. It leads its own process group, so a terminal's Ctrl-C does not reach it. */
export interface OwnedProcess {
  name: string;
  pid: number;
  logFile: string;
  exited: Promise<Exit>;
  /** The exit once it has happened. */
  exit(): Exit | undefined;
  /** Set by `end`: its exit is no surprise. */
  isEnding: boolean;
}

export interface LaunchOptions {
  /** The data directory, whose pids.json remembers the process for a later clean-up. */
  directory: string;
  name: string;
  command: string;
  args: string[];
  env: NodeJS.ProcessEnv;
  cwd: string;
  uid?: number;
  gid?: number;
}

type Recorded = Record<string, ProcessIdentity & { signal: NodeJS.Signals; graceMs: number }>;

/** How the process is asked to stop, and how long it may take before SIGKILL. */
export interface StopManner {
  signal: NodeJS.Signals;
  graceMs: number;
}

/** Starts a program with stdout and stderr appended to logs/<name>.log. Throws when it cannot be executed. */
export async function launch(options: LaunchOptions, stop: StopManner): Promise<OwnedProcess> {
  const logFile = join(options.directory, 'logs', `${options.name}.log`);
  const log = openLog(logFile);
  let child: ChildProcess;
  try {
    child = spawn(options.command, options.args, {
      cwd: options.cwd,
      env: options.env,
      stdio: ['ignore', log, log],
      detached: true,
      ...(options.uid === undefined ? {} : { uid: options.uid }),
      ...(options.gid === undefined ? {} : { gid: options.gid }),
    });
  } finally {
    closeSync(log);
  }
  const pid = child.pid;
  let exit: Exit | undefined;
  const exited = new Promise<Exit>((resolve) => {
    child.once('exit', (code, signal) => {
      exit = { code, signal };
      if (pid !== undefined) forget(options.directory, options.name, pid);
      resolve(exit);
    });
  });
  if (pid === undefined) {
    const error = await new Promise<Error>((resolve) => child.once('error', resolve));
    throw new Error(`cannot start ${options.name}: ${error.message}`);
  }
  child.on('error', () => undefined);
  record(options.directory, options.name, pid, stop);
  return { name: options.name, pid, logFile, exited, exit: () => exit, isEnding: false };
}

/** Asks the process to stop, ends its whole group by SIGKILL after the grace, and waits until it is gone. */
export async function end(owned: OwnedProcess, stop: StopManner): Promise<void> {
  owned.isEnding = true;
  if (!owned.exit()) {
    signalProcess(owned.pid, stop.signal);
    const timer = setTimeout(() => signalGroup(owned.pid, 'SIGKILL'), stop.graceMs);
    await owned.exited;
    clearTimeout(timer);
  }
  // Whatever the program started itself in its group must not outlive it.
  signalGroup(owned.pid, 'SIGKILL');
}

/** Resolves with a sentence when the process ends and nobody has called `end`; stays pending otherwise. */
export function endedUnasked(owned: OwnedProcess): Promise<string> {
  return new Promise((resolve) => {
    void owned.exited.then(({ code, signal }) => {
      if (!owned.isEnding) resolve(`${owned.name} ended (${signal ?? `exit code ${code}`}). Log: ${owned.logFile}`);
    });
  });
}

/** Ends what an owner that was killed left running, recognised by process id and start time. */
export async function endLeftovers(directory: string): Promise<void> {
  const file = join(directory, 'pids.json');
  const recorded = readJson<Recorded>(file) ?? {};
  await Promise.all(
    Object.values(recorded).map(async (leftover) => {
      if (!isRunning(leftover)) return;
      signalProcess(leftover.pid, leftover.signal);
      const deadline = performance.now() + leftover.graceMs;
      while (isRunning(leftover) && performance.now() < deadline) await delay(50);
      if (isRunning(leftover)) signalGroup(leftover.pid, 'SIGKILL');
      const killDeadline = performance.now() + 5_000;
      while (isRunning(leftover) && performance.now() < killDeadline) await delay(50);
    }),
  );
  writeJson(file, {});
}

/** The last lines of a log file, at most 64 KB of it. */
export function logTail(file: string, lines: number): string {
  try {
    const size = statSync(file).size;
    const length = Math.min(size, 65_536);
    const buffer = Buffer.alloc(length);
    const descriptor = openSync(file, 'r');
    try {
      readSync(descriptor, buffer, 0, length, size - length);
    } finally {
      closeSync(descriptor);
    }
    return buffer.toString('utf8').trimEnd().split('\n').slice(-lines).join('\n');
  } catch {
    return '';
  }
}

function openLog(file: string): number {
  try {
    if (statSync(file).size > maxLogBytes) renameSync(file, `${file}.1`);
  } catch {
    // There is no log yet.
  }
  return openSync(file, 'a', 0o600);
}

function record(directory: string, name: string, pid: number, stop: StopManner): void {
  const identity = identifyProcess(pid);
  if (!identity) return;
  const file = join(directory, 'pids.json');
  writeJson(file, { ...readJson<Recorded>(file), [name]: { ...identity, ...stop } });
}

function forget(directory: string, name: string, pid: number): void {
  const file = join(directory, 'pids.json');
  const recorded = readJson<Recorded>(file);
  if (recorded?.[name]?.pid !== pid) return;
  const { [name]: _gone, ...others } = recorded;
  writeJson(file, others);
}

function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended in the meantime, which is what was wanted.
  }
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  signalProcess(-pid, signal);
}
