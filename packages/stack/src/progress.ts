import { describeError } from './readable-error.ts';

/** Prints one line when a step has ended, with its seconds; details on the way are indented lines of their own. */
export async function step<T>(title: string, work: (say: (detail: string) => void) => Promise<T>): Promise<T> {
  const startedAt = performance.now();
  const seconds = () => `${((performance.now() - startedAt) / 1000).toFixed(1)} s`;
  const live = process.stdout.isTTY;
  if (live) process.stdout.write(`  … ${title}`);
  const say = (detail: string) => {
    if (live) process.stdout.write('\r\x1b[2K');
    console.log(`    ${detail}`);
    if (live) process.stdout.write(`  … ${title}`);
  };
  try {
    const result = await work(say);
    if (live) process.stdout.write('\r\x1b[2K');
    console.log(`  ✓ ${title} (${seconds()})`);
    return result;
  } catch (error) {
    if (live) process.stdout.write('\r\x1b[2K');
    console.log(`  ✗ ${title} (${seconds()})`);
    throw error;
  }
}

/** Prints a line also while a step's own line is on the screen. */
export function announce(line: string): void {
  console.log(process.stdout.isTTY ? `\r\x1b[2K${line}` : line);
}

/**
 * Runs a command that lives until it is told to stop: SIGINT, SIGTERM and SIGHUP abort `signal`, and what `main`
 * pushed to `onStop` is undone last to first, also after a failure. Never returns.
 */
export async function runCommand(
  main: (signal: AbortSignal, onStop: (stop: () => Promise<unknown> | unknown) => void) => Promise<number>,
): Promise<never> {
  const stops: (() => Promise<unknown> | unknown)[] = [];
  const asked = new AbortController();
  let firstSignalAt = 0;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      // Ctrl-C reaches this process from the terminal and again through its parent: one press is one wish.
      if (!asked.signal.aborted) {
        firstSignalAt = performance.now();
        asked.abort();
      } else if (performance.now() - firstSignalAt > 1_000) {
        console.log('Already stopping; this takes up to 15 s.');
      }
    });
  }
  let exitCode = 1;
  for (const unexpected of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(unexpected, (error: unknown) => {
      console.error(describeError(error));
      process.exitCode = 1;
      asked.abort();
    });
  }
  try {
    exitCode = await main(asked.signal, (stop) => stops.push(stop));
  } catch (error) {
    if (!asked.signal.aborted) console.error(`\n${describeError(error)}`);
  }
  for (const stop of stops.reverse()) {
    try {
      await stop();
    } catch (error) {
      console.error(describeError(error));
    }
  }
  process.exit(process.exitCode ?? (asked.signal.aborted && exitCode !== 0 ? 130 : exitCode));
}

/** Holds the process alive until it is told to stop (0) or something it cannot do without has failed (1). */
export async function untilStopped(signal: AbortSignal, failed: Promise<string>): Promise<number> {
  if (signal.aborted) return 0;
  const alive = setInterval(() => undefined, 60_000);
  const stopped = new Promise<undefined>((resolve) => signal.addEventListener('abort', () => resolve(undefined)));
  const failure = await Promise.race([stopped, failed]);
  clearInterval(alive);
  if (failure === undefined) return 0;
  console.error(`\n${failure}`);
  return 1;
}
