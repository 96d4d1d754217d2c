import { expect, test } from '@jest/globals';
import { awaitCondition } from '../src/await-condition.ts';
import { startTestStack } from '../src/testing.ts';

test('a stack whose service ended by itself says so when it is stopped', async () => {
  const stack = await startTestStack({ services: ['auth'] });
  process.kill(stack.supervisor.pid('auth') ?? 0, 'SIGTERM');
  const isStartedAgain = async () => stack.supervisor.starts('auth') === 2 || undefined;
  await awaitCondition(isStartedAgain, { what: 'another start of auth', timeoutMs: 20_000, intervalMs: 20 });
  await stack.supervisor.awaitReady('auth');
  await expect(stack.stop()).rejects.toThrow('auth ended (exit code 0)');
}, 60_000);
