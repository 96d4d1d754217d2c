import { buildApp as buildAuth } from '@evergreen/auth/src/app.ts';
import type { Paths } from '@evergreen/edge/src/assemble.ts';
import type { Upstream } from '@evergreen/edge/src/route-table.ts';
import { buildApp as buildGateway } from '@evergreen/gateway/src/app.ts';
import { buildApp as buildNotifier } from '@evergreen/notifier/src/app.ts';
import { accessHooks } from '@evergreen/service-kit/auth.ts';
import type { HttpApp } from '@evergreen/service-kit/http.ts';
import { buildApp as buildSubscriptions } from '@evergreen/subscriptions/src/app.ts';
import { buildApp as buildWallet } from '@evergreen/wallet/src/app.ts';
import pino from 'pino';
import { Registry } from 'prom-client';

/**
 * The API documents of all services, as each answers it at /openapi.json, without anything running: apps are built as in
 * production, but for what they would only touch while they answer.
 */
export async function serviceDocuments(): Promise<Map<Upstream, Paths>> {
  const apps: [Upstream, HttpApp][] = [
    ['auth', (await buildAuth(depsOf())) as HttpApp],
    ['wallet', await buildWallet(depsOf())],
    ['subscriptions', await buildSubscriptions(depsOf())],
    ['gateway', await buildGateway(depsOf())],
    ['notifier', await buildNotifier(depsOf())],
  ];
  const documents = new Map<Upstream, Paths>();
  for (const [name, app] of apps) {
    await app.ready();
    documents.set(name, JSON.parse(JSON.stringify(app.swagger())).paths as Paths);
  }
  return documents;
}

/** What an app looks at while it is built; all else is there and may not be used. */
function depsOf() {
  const given: Record<string, unknown> = {
    logger: pino({ level: 'silent' }),
    metrics: new Registry(),
    ready: {},
    keys: { jwks: () => ({ keys: [] }) },
    issuer: 'evergreen',
    callers: '',
    apiKey: 'none',
    limitCommands: async () => undefined,
    access: accessHooks({ verifyToken: () => Promise.reject(new Error('no requests here')), callers: '' }),
  };
  return new Proxy(given, { get: (target, name) => target[String(name)] ?? untouched(String(name)) }) as never;
}

/** Stands for a pool, a store and the like: it can be looked into and handed on. Calling it is a mistake. */
function untouched(path: string): unknown {
  const used = () => {
    throw new Error(`building an app called ${path}(), which needs a running stack`);
  };
  return new Proxy(used, {
    // Nobody may take it for a promise.
    get: (target, name) =>
      name === 'then' || name in target ? Reflect.get(target, name) : untouched(`${path}.${String(name)}`),
  });
}
