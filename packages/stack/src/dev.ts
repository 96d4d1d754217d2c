import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { repositoryRoot } from './paths.ts';
import { runCommand } from './progress.ts';

// `npm run dev`: the web app with hot reload, before the stack that runs at EVERGREEN_URL; where none answers, one is started.

const stackUrl = process.env.EVERGREEN_URL || `http://localhost:${process.env.PORT || 8080}`;
const healthTimeoutMs = 2_000;
const startTimeoutMs = 600_000;
const pollMs = 500;

await runCommand(async (signal, onStop) => {
  if (!(await answers())) {
    const stack = start([join(repositoryRoot, 'packages/stack/src/start.ts')], repositoryRoot);
    onStop(() => stack.stop());
    await Promise.race([
      awaitStack(signal),
      stack.ended.then((code) => Promise.reject(new Error(`it ended: ${code}`))),
    ]);
  }
  const vite = start([join(repositoryRoot, 'node_modules/vite/bin/vite.js')], join(repositoryRoot, 'apps/web'));
  onStop(() => vite.stop());
  return vite.ended;
});

function start(args: string[], cwd: string) {
  const child = spawn(process.execPath, args, {
    cwd,
    stdio: 'inherit',
    env: { ...process.env, EVERGREEN_URL: stackUrl },
  });
  const ended = new Promise<number>((resolve) => {
    child.once('error', () => resolve(1));
    child.once('exit', (code) => resolve(code ?? 1));
  });
  return {
    ended,
    stop: () => {
      child.kill('SIGTERM');
      return ended;
    },
  };
}

async function answers(): Promise<boolean> {
  try {
    return (await fetch(`${stackUrl}/health/ready`, { signal: AbortSignal.timeout(healthTimeoutMs) })).ok;
  } catch {
    return false;
  }
}

async function awaitStack(signal: AbortSignal): Promise<void> {
  const deadline = performance.now() + startTimeoutMs;
  while (!(await answers())) {
    signal.throwIfAborted();
    if (performance.now() > deadline) throw new Error(`${stackUrl} did not become ready`);
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}
