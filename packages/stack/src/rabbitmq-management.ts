const requestTimeoutMs = 10_000;

/** The few calls of RabbitMQ's management API that the stack needs. */
export interface RabbitmqManagement {
  /** Tells whether the node serves clients on the port. */
  isListening(port: number): Promise<boolean>;
  createVhost(name: string, user: string): Promise<void>;
  deleteVhost(name: string): Promise<void>;
  vhosts(): Promise<{ name: string; description: string }[]>;
}

/** `managementUrl` carries user and password, as in http://user:password@127.0.0.1:15672. */
export function rabbitmqManagement(managementUrl: string): RabbitmqManagement {
  const url = new URL(managementUrl);
  const user = decodeURIComponent(url.username);
  const credentials = Buffer.from(`${user}:${decodeURIComponent(url.password)}`).toString('base64');
  const base = `${url.origin}${url.pathname.replace(/\/$/, '')}/api`;
  const call = (method: string, path: string, body?: unknown) =>
    fetch(`${base}${path}`, {
      method,
      headers: { authorization: `Basic ${credentials}`, 'content-type': 'application/json' },
      signal: AbortSignal.timeout(requestTimeoutMs),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  const mustSucceed = async (response: Response, what: string) => {
    const text = await response.text();
    if (!response.ok) throw new Error(`RabbitMQ refused to ${what}: ${response.status} ${text}`);
    return text;
  };
  return {
    async isListening(port) {
      const response = await call('GET', `/health/checks/port-listener/${port}`);
      await response.body?.cancel();
      return response.ok;
    },
    async createVhost(name, grantee) {
      const vhost = encodeURIComponent(name);
      const description = `Evergreen test, ${new Date().toISOString()}`;
      await mustSucceed(await call('PUT', `/vhosts/${vhost}`, { description }), `create the vhost ${name}`);
      const all = { configure: '.*', write: '.*', read: '.*' };
      const permissions = await call('PUT', `/permissions/${vhost}/${encodeURIComponent(grantee)}`, all);
      await mustSucceed(permissions, `grant the vhost ${name}`);
    },
    async deleteVhost(name) {
      const response = await call('DELETE', `/vhosts/${encodeURIComponent(name)}`);
      if (response.status !== 404) await mustSucceed(response, `delete the vhost ${name}`);
    },
    async vhosts() {
      const text = await mustSucceed(await call('GET', '/vhosts?columns=name,description'), 'list the vhosts');
      return JSON.parse(text) as { name: string; description: string }[];
    },
  };
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
