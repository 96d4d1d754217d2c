import { setTimeout as delay } from 'node:timers/promises';

const requestTimeoutMs = 10_000;
const attempts = 3;

/** The few calls of RabbitMQ's management API that the stack needs. */
export interface RabbitmqManagement {
  /** Tells whether the node serves clients on the port. */
  isListening(port: number): Promise<boolean>;
  /** Says what keeps users from being made through this API, or undefined when nothing does. */
  obstacle(): Promise<string | undefined>;
  createVhost(name: string, user: string): Promise<void>;
  /** Creates a user without any rights, or gives an existing one this password. */
  createUser(name: string, password: string): Promise<void>;
  /** Sets what a user may do in a virtual host, as regular expressions. */
  grant(vhost: string, user: string, rights: { configure: string; write: string; read: string }): Promise<void>;
  /** Sets with which routing keys a user may publish and bind on a topic exchange. */
  grantTopics(vhost: string, user: string, rights: { exchange: string; write: string; read: string }): Promise<void>;
  deleteVhost(name: string): Promise<void>;
  /** The nodes of the cluster, as the one that answers sees them. */
  nodes(): Promise<{ name: string; running: boolean }[]>;
  /** The quorum queues of a virtual host: who keeps each, who of them is there, and who leads. */
  quorumQueues(vhost: string): Promise<{ name: string; members: string[]; online: string[]; leader?: string }[]>;
  vhosts(): Promise<{ name: string; description: string }[]>;
}

/** `managementUrl` carries user and password, as in http://user:password@127.0.0.1:15672. */
export function rabbitmqManagement(managementUrl: string): RabbitmqManagement {
  const url = new URL(managementUrl);
  const user = decodeURIComponent(url.username);
  const credentials = Buffer.from(`${user}:${decodeURIComponent(url.password)}`).toString('base64');
  const base = `${url.origin}${url.pathname.replace(/\/$/, '')}/api`;
  const callOnce = (method: string, path: string, body?: unknown) =>
    fetch(`${base}${path}`, {
      method,
      headers: { authorization: `Basic ${credentials}`, 'content-type': 'application/json' },
      signal: AbortSignal.timeout(requestTimeoutMs),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  // The broker closes connections that rest, at times in the very moment in which they are used again. All calls are idempotent.
  const call = async (method: string, path: string, body?: unknown): Promise<Response> => {
    for (let attempt = 1; ; attempt++) {
      try {
        return await callOnce(method, path, body);
      } catch (error) {
        if (attempt === attempts || (error as Error).name === 'TimeoutError') throw error;
        await delay(50 + Math.random() * 100);
      }
    }
  };
  const mustSucceed = async (response: Response, what: string) => {
    const text = await response.text();
    if (!response.ok) throw new Error(`RabbitMQ refused to ${what}: ${response.status} ${text}`);
    return text;
  };
  const grant: RabbitmqManagement['grant'] = async (vhost, grantee, rights) => {
    const path = `/permissions/${encodeURIComponent(vhost)}/${encodeURIComponent(grantee)}`;
    await mustSucceed(await call('PUT', path, rights), `grant ${grantee} the vhost ${vhost}`);
  };
  return {
    async isListening(port) {
      const response = await call('GET', `/health/checks/port-listener/${port}`);
      await response.body?.cancel();
      return response.ok;
    },
    async obstacle() {
      const place = `the management API at ${url.host}`;
      const response = await call('GET', '/whoami').catch(() => undefined);
      if (!response) return `${place} does not answer (RABBITMQ_MANAGEMENT_URL says where it is)`;
      const text = await response.text();
      if (!response.ok) return `${place} answers ${response.status} to the user ${user}`;
      const tags = readTags(text);
      if (tags === undefined) return `what answers at ${url.host} is no management API`;
      return tags.includes('administrator') ? undefined : `the user ${user} is no administrator of the broker`;
    },
    async createVhost(name, grantee) {
      const vhost = encodeURIComponent(name);
      const description = `Evergreen test, ${new Date().toISOString()}`;
      await mustSucceed(await call('PUT', `/vhosts/${vhost}`, { description }), `create the vhost ${name}`);
      await grant(name, grantee, { configure: '.*', write: '.*', read: '.*' });
    },
    async createUser(name, password) {
      const body = { password, tags: '' };
      await mustSucceed(await call('PUT', `/users/${encodeURIComponent(name)}`, body), `create the user ${name}`);
    },
    grant,
    async grantTopics(vhost, grantee, rights) {
      const path = `/topic-permissions/${encodeURIComponent(vhost)}/${encodeURIComponent(grantee)}`;
      await mustSucceed(await call('PUT', path, rights), `grant ${grantee} topics in the vhost ${vhost}`);
    },
    async deleteVhost(name) {
      const response = await call('DELETE', `/vhosts/${encodeURIComponent(name)}`);
      if (response.status !== 404) await mustSucceed(response, `delete the vhost ${name}`);
    },
    async nodes() {
      return JSON.parse(await mustSucceed(await call('GET', '/nodes?columns=name,running'), 'list the nodes'));
    },
    async quorumQueues(vhost) {
      const path = `/queues/${encodeURIComponent(vhost)}?columns=name,type,members,online,leader`;
      const queues = JSON.parse(await mustSucceed(await call('GET', path), 'list the queues')) as { type: string }[];
      return queues.filter(({ type }) => type === 'quorum') as never;
    },
    async vhosts() {
      const text = await mustSucceed(await call('GET', '/vhosts?columns=name,description'), 'list the vhosts');
      return JSON.parse(text) as { name: string; description: string }[];
    },
  };
}

function readTags(text: string): string | undefined {
  try {
    const { tags } = JSON.parse(text) as { tags?: unknown };
    return tags === undefined ? undefined : String(tags);
  } catch {
    return undefined;
  }
}

const testVhostMaxAgeMs = 6 * 3_600_000;

/** Deletes virtual hosts that test runs left behind when they were killed. */
export async function dropOutdatedVhosts(managementUrl: string): Promise<void> {
  const management = rabbitmqManagement(managementUrl);
  for (const { name, description } of await management.vhosts()) {
    const madeAt = Date.parse(description.replace('Evergreen test, ', ''));
    if (name.startsWith('evergreen-test-') && Date.now() - madeAt > testVhostMaxAgeMs)
      await management.deleteVhost(name);
  }
}
