import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readAuthConfig } from '@evergreen/auth/src/config.ts';
import { readEdgeConfig } from '@evergreen/edge/src/config.ts';
import { loadConfig as readGatewayConfig } from '@evergreen/gateway/src/config.ts';
import { readNotifierConfig } from '@evergreen/notifier/src/config.ts';
import { readSubscriptionsConfig } from '@evergreen/subscriptions/src/config.ts';
import { readWalletConfig } from '@evergreen/wallet/src/config.ts';
import { expect, test } from '@jest/globals';

const READERS: Record<string, (env: NodeJS.ProcessEnv) => unknown> = {
  auth: readAuthConfig,
  wallet: readWalletConfig,
  subscriptions: readSubscriptionsConfig,
  gateway: readGatewayConfig,
  notifier: readNotifierConfig,
  edge: readEdgeConfig,
};

/** Every variable a service asks the environment for. */
function askedFor(read: (env: NodeJS.ProcessEnv) => unknown): string[] {
  const names = new Set<string>();
  const nothing = new Proxy({} as NodeJS.ProcessEnv, {
    get: (_, name) => void names.add(String(name)),
  });
  expect(() => read(nothing)).toThrow('is missing');
  return [...names].sort();
}

/** Variables of docs/OPERATIONS.md, by service: rows of the tables whose first two columns are variables and services. */
function documented(): Map<string, Set<string>> {
  const text = readFileSync(join(import.meta.dirname, '../../../docs/OPERATIONS.md'), 'utf8');
  const byService = new Map(Object.keys(READERS).map((name) => [name, new Set<string>()]));
  for (const [, variables = '', services = ''] of text.matchAll(/^\| ((?:`[A-Z_]+`(?:, )?)+) \| ([a-z, ]+) \|/gm)) {
    const those = services === 'all' ? Object.keys(READERS) : services.split(', ');
    for (const service of those) {
      const known = byService.get(service);
      if (!known) throw new Error(`${service} is no service, in the row of ${variables}`);
      for (const [, name = ''] of variables.matchAll(/`([A-Z_]+)`/g)) known.add(name);
    }
  }
  return byService;
}

test.each(Object.keys(READERS))(
  'docs/OPERATIONS.md names the variables of %s, each of them and no other',
  (service) => {
    const read = READERS[service];
    if (!read) throw new Error(service);
    expect([...(documented().get(service) ?? [])].sort()).toEqual(askedFor(read));
  },
);

test('alerts and the dashboard ask for metrics that there are', () => {
  const read = (path: string) => readFileSync(join(import.meta.dirname, '../../..', path), 'utf8');
  const named = (text: string) =>
    new Set([...text.matchAll(/evergreen_[a-z_]+/g)].map(([name]) => name.replace(/_(count|sum|bucket)$/, '')));
  const listed = named(read('docs/METRICS.md'));
  for (const path of ['docs/OPERATIONS.md', 'deploy/grafana/dashboards/evergreen.json']) {
    // Databases and their roles are called so as well.
    const asked = [...named(read(path))].filter((name) => name.split('_').length > 2 && !name.endsWith('_'));
    expect(asked.length).toBeGreaterThan(5);
    expect(asked.filter((name) => !listed.has(name))).toEqual([]);
  }
});
