import { randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { ProcessName } from '@evergreen/stack/paths.ts';
import { claimPort, releasePort } from '@evergreen/stack/ports.ts';
import { describeProcesses, processNames } from '@evergreen/stack/services.ts';
import { supervise } from '@evergreen/stack/supervisor.ts';
import type { TestStack } from '@evergreen/stack/testing.ts';

export interface Replica {
  /** Its origin. */
  url: string;
  stop(): Promise<void>;
}

/** One more process of a service, on the database and the broker of the stack's own one. */
export async function startReplica(stack: TestStack, name: ProcessName): Promise<Replica> {
  // Beside the stack's own, so that its log is kept when the test fails, and searched for secrets when the run has ended.
  const directory = `${dirname(dirname(stack.logFile(name)))}-replica-${randomUUID()}`;
  mkdirSync(join(directory, 'logs'), { recursive: true });
  const port = await claimPort();
  const ports = Object.fromEntries(processNames.map((other) => [other, Number(new URL(stack.urls[other]).port)]));
  const settings = {
    nodeEnv: 'test' as const,
    ports: { ...ports, [name]: port } as Record<ProcessName, number>,
    databases: stack.databases,
    brokerUrls: stack.brokerUrls,
    serviceToken: stack.serviceToken,
    gatewayApiKey: stack.gatewayApiKey,
  };
  const supervisor = supervise({ directory, specs: describeProcesses(settings, [name]), say: () => undefined });
  await supervisor.start();
  return {
    url: `http://127.0.0.1:${port}`,
    stop: async () => {
      await supervisor.stop();
      releasePort(port);
    },
  };
}

/** The value of a counter on a process' own /metrics, summed over the lines that have all of `labels`. */
export async function readCounter(url: string, name: string, labels: Record<string, string> = {}): Promise<number> {
  const response = await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(5_000) });
  const lines = (await response.text()).split('\n').filter((line) => line.startsWith(`${name}{`));
  const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
  return lines
    .filter((line) => wanted.every((label) => line.includes(label)))
    .reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}
