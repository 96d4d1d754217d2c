import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Keyring } from '../src/keyring.ts';

/** The JWKS of a replica over HTTP, which counts how often it is asked. */
export async function serveJwks(ring: Keyring) {
  let asked = 0;
  const server = createServer((_request, response) => {
    asked++;
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(ring.jwks()));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/jwks.json`,
    asked: () => asked,
    close: () => new Promise((resolve) => server.close(resolve)),
  };
}
