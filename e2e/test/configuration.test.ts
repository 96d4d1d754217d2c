import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';

const entry = (service: string) => fileURLToPath(new URL(`../../services/${service}/src/main.ts`, import.meta.url));

function start(service: string, env: NodeJS.ProcessEnv): Promise<{ code: number | null; stderr: string }> {
  const child = spawn(process.execPath, [entry(service)], {
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: 20_000,
  });
  let stderr = '';
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  return new Promise((resolve) => child.on('exit', (code) => resolve({ code, stderr })));
}

test.each(['auth', 'wallet', 'subscriptions', 'gateway', 'notifier', 'edge'])(
  '%s with a wrong configuration stops at once with one line that names what is wrong, and no value',
  async (service) => {
    const secret = 'mysql://someone:hunter2@nowhere';
    const { code, stderr } = await start(service, {
      PATH: process.env.PATH,
      PORT: 'eighty',
      DATABASE_URL: secret,
      AUTH_URL: secret,
    });
    expect(code).toBe(78);
    const lines = stderr.trim().split('\n');
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(new RegExp(`^evergreen ${service} cannot start: .*PORT must be`));
    expect(stderr).not.toContain('hunter2');
  },
  30_000,
);
